import { formatTargets } from '../address/target.ts';
import { ALIAS, DOMAIN, FOLDER, MAILBOX } from '../example.ts';
import { andThen } from '../maybe.ts';
import type { Maybe, Reply } from '../vocabulary.ts';
import { isElsewhere } from './class.ts';
import { type Found, createFinder } from './finder.ts';
import type { Kind } from './kind.ts';
import { type MailboxOptions, mailboxKeys } from './mailbox-keys.ts';
import { NOTFOUND } from './map.ts';
import type { Lookup, Resolver } from './moment.ts';
import { type Recipient, readRecipient } from './recipient.ts';
import { type Own, createSearch } from './search.ts';
import { type Links, type StepOptions, createStep, readAll } from './step.ts';
import { formatValue } from './value.ts';

/** How aliases are followed where only their being there counts. */
const ALIASES: Pick<StepOptions, 'carryDetail' | 'catchAll'> = { carryDetail: true, catchAll: 'unknown' };

/** Which mailboxes exist. */
export const mailbox: Kind<MailboxOptions> = {
  keys: () => mailboxKeys,
  questions({ aliases, policy, sharedUser }) {
    const asked = policy === 'ignore' && sharedUser === null ? [MAILBOX] : [MAILBOX, FOLDER];
    return aliases ? [...asked, ALIAS] : asked;
  },
  wishes: ({ aliases }) => (aliases ? [DOMAIN] : []),
  create: (options, canAnswer) => createMailboxMap(options, canAnswer('domain')),
  aliases: (options) => (options.aliases ? { ...options, ...ALIASES } : null),
  refuses: true,
};

/**
 * Does this mailbox exist? OK for an active one; NOTFOUND for what the store is certain not to hold and for what cannot be
 * an address; for a disabled mailbox and one over quota what `states` says. With `aliases`, OK too for an alias that leads to
 * a mailbox that is OK, or to an address in a domain of others. Throws where the store does. `knowsDomains` says whether the
 * store can be asked which domains have mailboxes; where it cannot, an address without a mailbox may be one of others.
 */
export function createMailboxMap(options: MailboxOptions, knowsDomains: boolean): Resolver {
  const { aliases, policy, states, reply } = options;
  const find = createFinder(options);
  const step = createStep({ ...options, ...ALIASES });
  // Mail for a folder that is not there goes to the inbox, so a target is somebody without it.
  const findTarget = createFinder({ ...options, policy: policy === 'folder' ? 'folder-or-inbox' : policy });

  const replyTo = ({ answer }: Found): Reply => {
    if (answer === null) return NOTFOUND;
    return answer.state === 'active' ? { kind: 'OK', value: answer.value } : states[answer.state];
  };
  /** Why nobody takes the mail of an alias, or null where somebody does. */
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

  return (key, store) => {
    const recipient = key === null ? null : readRecipient(key, options);
    if (key === null || recipient === null) return NOTFOUND;
    const accept = (local: string, user: string, value: string): Reply => {
      return { kind: 'OK', value: formatValue(reply, { key, local, user, domain: recipient.domain, value }) };
    };
    return andThen(find(recipient, store), (found) => {
      const own = replyTo(found);
      if (own.kind === 'OK') return accept(found.local, found.user, found.answer?.value ?? '');
      if (!aliases) return own;
      return andThen(step(recipient, store), (links) => {
        if (links === null) return own;
        return andThen(refusalOf(recipient, found, links, store), (refusal) => {
          if (refusal !== null) return refusal;
          const targets = reply === 'value' ? formatTargets(readAll(links).map(({ text }) => text)) : '';
          return accept(recipient.local, recipient.user ?? recipient.local, targets);
        });
      });
    });
  };
}

/** Where one target may take mail later, so may the alias. */
function mildest(refusals: readonly Reply[]): Reply {
  const [first = NOTFOUND] = refusals;
  return refusals.find(({ kind }) => kind === 'TEMP') ?? refusals.find(({ kind }) => kind === 'PERM') ?? first;
}
