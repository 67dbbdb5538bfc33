import { formatTargets } from '../address/target.ts';
import { ALIAS, DOMAIN, FOLDER, MAILBOX } from '../example.ts';
import { andThen } from '../maybe.ts';
import type { Maybe, Reply, Why } from '../vocabulary.ts';
import { isElsewhere } from './class.ts';
import { type Found, createFinder } from './finder.ts';
import type { Kind, Variant } from './kind.ts';
import { type MailboxOptions, mailboxKeys } from './mailbox-keys.ts';
import { NOTFOUND, NO_ADDRESS } from './map.ts';
import type { Lookup, Resolver } from './moment.ts';
import { recipientVariants } from './recipient-keys.ts';
import { type Recipient, readRecipient } from './recipient.ts';
import { type Own, createSearch } from './search.ts';
import { type Links, type StepOptions, createStep, readAll } from './step.ts';
import { type Known, formatValue } from './value.ts';

/** How a mailbox map follows aliases: the defaults of an alias map. */
const ALIASES: Pick<StepOptions, 'carryDetail' | 'catchAll'> = { carryDetail: true, catchAll: 'unknown' };

/** The kind `mailbox`: which mailboxes exist. */
export const mailbox: Kind<MailboxOptions> = {
  keys: () => mailboxKeys,
  questions({ aliases, policy, sharedUser }) {
    const asked = policy === 'ignore' && sharedUser === null ? [MAILBOX] : [MAILBOX, FOLDER];
    return aliases ? [...asked, ALIAS] : asked;
  },
  withoutFolders({ policy, sharedUser }) {
    const changes = [
      ...(policy === 'ignore' ? [] : ['set detail.policy to "ignore"']),
      ...(sharedUser === null ? [] : ['remove shared_user']),
    ];
    return changes.join(' and ');
  },
  wishes: ({ aliases }) => (aliases ? [DOMAIN] : []),
  create: (options, canAnswer) => createMailboxMap(options, canAnswer('domain')),
  aliases: (options) => (options.aliases ? { ...options, ...ALIASES } : null),
  variants,
  accepts: (options) => (key) => valueOfAnybody(key ?? '', options),
  refuses: true,
};

/**
 * Does this mailbox exist? OK for an active mailbox. For a disabled one and one over quota, the reply of `states`.
 * NOTFOUND if it is certainly absent, and for a key that cannot be an address. With `aliases`, also OK for an alias
 * that leads to a mailbox that is OK, or to an address on another server. Throws if the store throws. `knowsDomains`:
 * whether a store can be asked which domains have mailboxes. If none can, a target without a mailbox may be on another
 * server, and counts as one.
 */
export function createMailboxMap(options: MailboxOptions, knowsDomains: boolean): Resolver {
  const { aliases, policy, states, reply } = options;
  const refused = { disabled: withWhy(states.disabled, 'disabled'), overquota: withWhy(states.overquota, 'overquota') };
  const find = createFinder(options);
  const step = createStep({ ...options, ...ALIASES });
  // Mail for an absent folder goes to the inbox. So a target takes mail also without the folder.
  const findTarget = createFinder({ ...options, policy: policy === 'folder' ? 'folder-or-inbox' : policy });

  const replyTo = ({ answer }: Found): Reply => {
    if (answer === null) return NOTFOUND;
    return answer.state === 'active' ? { kind: 'OK', value: answer.value } : refused[answer.state];
  };
  /** The reply if no target of an alias takes mail. Null if one does. */
  const refusalOf = (recipient: Recipient, found: Found, links: Links, store: Lookup): Maybe<Reply | null> => {
    const refusals = [replyTo(found)];
    const own = (target: Recipient): Maybe<Own> =>
      andThen(findTarget(target, store), (result) => {
        const answer = replyTo(result);
        if (answer.kind === 'OK') return 'taken';
        if (result.answer === null) return 'none';
        refusals.push(answer);
        return 'refused';
      });
    const search = createSearch(options, step, { own, isElsewhere: knowsDomains ? isElsewhere : () => true });
    const isTaken = search(recipient, found.answer === null ? 'none' : 'refused', links, store);
    return andThen(isTaken, (taken) => (taken ? null : mildest(refusals)));
  };

  const accept = (key: string, { domain }: Recipient, local: string, user: string, value: string): Reply => {
    return { kind: 'OK', value: formatValue(reply, { key, local, user, domain, value }) };
  };
  /** Follows the alias of a recipient whose mailbox is not OK: `own` is its reply. */
  const follow = (key: string, recipient: Recipient, found: Found, own: Reply, store: Lookup): Maybe<Reply> =>
    andThen(step(recipient, store), (links) => {
      if (links === null) return own;
      return andThen(refusalOf(recipient, found, links, store), (refusal) => {
        const leads = refusal === null ? 'a target takes mail' : 'no target takes mail';
        store.trace?.note('alias', `${leads}, so the alias ${refusal === null ? 'counts' : 'does not count'}`);
        if (refusal !== null) return refusal;
        const targets = reply === 'value' ? formatTargets(readAll(links).map(({ text }) => text)) : '';
        return accept(key, recipient, recipient.local, recipient.user ?? recipient.local, targets);
      });
    });
  const decide = (key: string, recipient: Recipient, found: Found, store: Lookup): Maybe<Reply> => {
    const own = replyTo(found);
    if (found.answer !== null && found.answer.state !== 'active') {
      const { state } = found.answer;
      store.trace?.note('mailbox', `is ${state}: states.${state} = "${textOfReply(own)}"`, `states.${state}`);
    }
    if (own.kind === 'OK') return accept(key, recipient, found.local, found.user, found.answer?.value ?? '');
    if (aliases) return follow(key, recipient, found, own, store);
    store.trace?.note('alias', 'not asked: aliases = false', 'aliases');
    return own;
  };

  return (key, store) => {
    const recipient = key === null ? null : readRecipient(key, options, store.trace);
    if (key === null || recipient === null) return NO_ADDRESS;
    const found = find(recipient, store);
    if (found instanceof Promise) return found.then((settled) => decide(key, recipient, settled, store));
    return decide(key, recipient, found, store);
  };
}

/** What would follow OK if there was a mailbox. A key that cannot be read as an address is repeated. */
function valueOfAnybody(key: string, options: MailboxOptions): string {
  const { local, user, domain } = partsOf(key, options);
  const isAddress = domain !== '' || typeof options.reply !== 'string';
  return formatValue(isAddress ? options.reply : 'key', { key, local, user, domain, value: '' }) || 'OK';
}

function partsOf(key: string, options: MailboxOptions): Pick<Known, 'local' | 'user' | 'domain'> {
  const nobody = { local: key, user: key, domain: '' };
  try {
    const recipient = readRecipient(key, options);
    if (recipient === null) return nobody;
    return { local: recipient.local, user: recipient.user ?? recipient.local, domain: recipient.domain };
  } catch {
    return nobody; // a bare user without default_domain
  }
}

/** Settings with which a map of this kind finds more. */
function variants(options: MailboxOptions): readonly Variant<MailboxOptions>[] {
  const all: Variant<MailboxOptions>[] = [];
  if (!options.aliases) all.push({ setting: 'aliases = true', options: { ...options, aliases: true } });
  if (options.policy === 'folder') {
    all.push({ setting: 'detail.policy = "folder-or-inbox"', options: { ...options, policy: 'folder-or-inbox' } });
  }
  if (options.policy !== 'ignore' && options.folderCase === 'exact') {
    all.push({ setting: 'detail.folder_case = "insensitive"', options: { ...options, folderCase: 'insensitive' } });
  }
  return [...all, ...recipientVariants(options)];
}

/** A reply of `states`, with the state that causes it. */
function withWhy(reply: Reply, why: Why): Reply {
  return reply.kind === 'OK' ? reply : { ...reply, why };
}

/** A reply as `states` has it. */
function textOfReply(reply: Reply): string {
  return 'reason' in reply ? `${reply.kind} ${reply.reason}` : reply.kind;
}

/** TEMP if one target is TEMP: it may take mail later, and so may the alias. A text for full mailboxes may be permanent. */
function mildest(refusals: readonly Reply[]): Reply {
  const [first = NOTFOUND] = refusals;
  const temps = refusals.filter((reply) => reply.kind === 'TEMP');
  const temp = temps.find((reply) => !('why' in reply && reply.why === 'overquota')) ?? temps[0];
  return temp ?? refusals.find(({ kind }) => kind === 'PERM') ?? first;
}
