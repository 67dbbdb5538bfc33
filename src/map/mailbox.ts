import { foldLocal, formatAddress, parseAddress } from '../address/address.ts';
import { type Detail, splitDetail } from '../address/detail.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Answer, type Maybe, NOBODY, type Reply, type State } from '../vocabulary.ts';
import { type Handler, NOTFOUND, UncertainError } from './map.ts';

export interface MailboxOptions {
  /** The domain of a bare `user`. Null: a bare user is answered TEMP, since nobody said whose it is. */
  readonly defaultDomain: string | null;
  /** Domains that mean the default domain, as Sendmail's class w. */
  readonly localDomains: ReadonlySet<string>;
  /** Domains whose mailboxes are those of another one. */
  readonly aliasDomains: ReadonlyMap<string, string>;
  readonly separators: readonly string[];
  /** What `user+detail` needs besides the mailbox: its folder, its folder if there is one, or nothing. */
  readonly policy: 'folder' | 'folder-or-inbox' | 'ignore';
  /** Whether a folder has to be asked for in its own case; Cyrus insists, and so never finds `Abc` for Sendmail. */
  readonly folderCase: 'exact' | 'insensitive';
  /**
   * Who stands for the shared folders of a domain: `bb` lets `bb+news` in where there is a shared folder `news`, and the
   * empty name lets in `+news`, both as in Cyrus (postuser of imapd.conf(5)). Null: nobody.
   */
  readonly sharedUser: string | null;
  /** What a mailbox that is there, but not active, is answered. OK gets the value of any other OK. */
  readonly states: Readonly<Record<Exclude<State, 'active'>, Reply>>;
  /** What follows OK: the key as it was asked, as Cyrus does, or the canonical address. */
  readonly reply: 'key' | 'address';
}

/**
 * Does this mailbox exist? OK for an active one; NOTFOUND for what the store is certain not to hold and for what cannot be
 * an address; for a disabled mailbox and one over quota what `states` says. Throws where the store does.
 */
export function createMailboxMap(options: MailboxOptions, store: Store): Handler {
  const { defaultDomain, localDomains, aliasDomains, separators, policy, folderCase, sharedUser } = options;

  const hostedDomain = (domain: string | null): string => {
    if (domain !== null && !localDomains.has(domain)) return aliasDomains.get(domain) ?? domain;
    if (defaultDomain === null) throw new UncertainError('a key without a domain: set default_domain for this map');
    return defaultDomain;
  };

  return (key): Maybe<Reply> => {
    const address = key === null ? null : parseAddress(key);
    if (key === null || address === null || 'flaw' in address) return NOTFOUND;
    const domain = hostedDomain(address.domain);
    const ask = (local: string, folder: string | null): Maybe<Answer> =>
      store.lookup({ about: 'mailbox', local, domain, folder, anyCase: folderCase === 'insensitive' });
    const replyFor = (local: string): ((answer: Answer) => Reply) => {
      const value = options.reply === 'key' ? () => key : () => formatAddress(local, domain);
      return (answer) => toReply(answer, options.states, value);
    };

    const whole = foldLocal(address.local);
    const shared = sharedUser === null ? null : splitShared(address.local, sharedUser, separators);
    const split = shared ?? splitDetail(address.local, separators);
    if (split === null) return andThen(ask(whole, null), replyFor(whole));

    const user = foldLocal(split.user);
    const folder = split.detail.normalize('NFC'); // its case is for the store to judge
    const replyInFolder = replyFor(user + split.separator + folder);
    const inInbox = (): Maybe<Reply> => andThen(ask(user, null), replyFor(user));
    const inFolder = (): Maybe<Reply> => {
      if (shared !== null) return andThen(ask(NOBODY, folder), replyInFolder);
      if (policy === 'ignore') return inInbox();
      return andThen(ask(user, folder), (found) =>
        found === null && policy === 'folder-or-inbox' ? inInbox() : replyInFolder(found),
      );
    };
    if (folder === '') return inInbox();
    // A mailbox that has the separator in its own name comes first, as the full address does in Postfix's tables.
    return andThen(ask(whole, null), (found) => (found === null ? inFolder() : replyFor(whole)(found)));
  };
}

/** Splits a local part that names a shared folder; null where it names none. */
function splitShared(local: string, sharedUser: string, separators: readonly string[]): Detail | null {
  const user = local.slice(0, sharedUser.length);
  if (foldLocal(user) !== sharedUser) return null;
  const rest = local.slice(sharedUser.length);
  const separator = separators.find((each) => rest.length > each.length && rest.startsWith(each));
  return separator === undefined ? null : { user, separator, detail: rest.slice(separator.length) };
}

function toReply(answer: Answer, states: MailboxOptions['states'], value: () => string): Reply {
  if (answer === null) return NOTFOUND;
  const reply = answer.state === 'active' ? OK : states[answer.state];
  return reply.kind === 'OK' ? { kind: 'OK', value: value() } : reply;
}

const OK: Reply = { kind: 'OK', value: '' };
