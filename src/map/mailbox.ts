import { foldLocal } from '../address/address.ts';
import { formatTargets } from '../address/target.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Answer, type Maybe, NOBODY, type Reply, type State } from '../vocabulary.ts';
import { type AliasOptions, createChain, type Link } from './chain.ts';
import { type Handler, NOTFOUND } from './map.ts';
import { type Recipient, type RecipientOptions, askMailbox, readRecipient, recipientOf } from './recipient.ts';
import { type Known, type ReplyForm, formatValue } from './value.ts';

export interface MailboxOptions extends RecipientOptions {
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
  /** Whether an address is a recipient too that exists only as an alias, or that a catch-all takes. */
  readonly aliases: boolean;
  readonly reply: ReplyForm;
}

/** A mailbox that was found, or its absence, and under what name. */
interface Found {
  readonly answer: Answer;
  /** Local parts of the address, and of its mailbox. */
  readonly local: string;
  readonly user: string;
}

/**
 * Does this mailbox exist? OK for an active one; NOTFOUND for what the store is certain not to hold and for what cannot be
 * an address; for a disabled mailbox and one over quota what `states` says, unless an alias sends its mail elsewhere.
 * Throws where the store does.
 */
export function createMailboxMap(options: MailboxOptions, store: Store): Handler {
  const { policy, folderCase, sharedUser, separators, fold, states, reply } = options;
  const findAlias = options.aliases ? createChain({ ...options, ...ALIASES }, store) : null;
  const anyCase = folderCase === 'insensitive';

  const find = (recipient: Recipient): Maybe<Found> => {
    const { written, local, domain } = recipient;
    const ask = (name: string, folder: string | null): Maybe<Answer> =>
      askMailbox(store, { local: name, domain }, fold, folder, anyCase);
    const whole = (): Maybe<Found> => andThenFound(ask(local, null), local, local);
    const shared = sharedUser === null ? null : splitShared(written, sharedUser, separators);
    const user = shared?.user ?? recipient.user;
    if (user === null) return whole();

    const separator = shared?.separator ?? recipient.separator;
    const detail = shared?.detail ?? recipient.detail;
    const inInbox = (): Maybe<Found> => andThenFound(ask(user, null), user, user);
    const inFolder = (): Maybe<Found> => {
      if (shared === null && policy === 'ignore') return inInbox();
      const name = user + separator + detail;
      const holder = shared === null ? user : NOBODY;
      return andThen(andThenFound(ask(holder, detail), name, shared === null ? user : name), (found) =>
        found.answer === null && shared === null && policy === 'folder-or-inbox' ? inInbox() : found,
      );
    };
    if (detail === '') return inInbox();
    // A mailbox that has the separator in its own name comes first, as the full address does in Postfix's tables.
    return andThen(whole(), (found) => (found.answer === null ? inFolder() : found));
  };

  /** As PostfixAdmin has it beside each mailbox: it sends the mail nowhere else. */
  const isItself = (link: Link, { local, domain }: Recipient): boolean => {
    if (link.kind !== 'address' || link.domain === null) return false;
    const target = recipientOf(link, options);
    return target.local === local && target.domain === domain;
  };

  return (key) => {
    const recipient = key === null ? null : readRecipient(key, options);
    if (key === null || recipient === null) return NOTFOUND;
    const accept = (known: Omit<Known, 'key' | 'domain'>): Reply => {
      return { kind: 'OK', value: formatValue(reply, { key, domain: recipient.domain, ...known }) };
    };
    return andThen(find(recipient), ({ answer, local, user }) => {
      if (answer?.state === 'active') return accept({ local, user, value: answer.value });
      const otherwise = answer === null ? NOTFOUND : states[answer.state];
      const settled = otherwise.kind === 'OK' ? accept({ local, user, value: answer?.value ?? '' }) : otherwise;
      if (findAlias === null) return settled;
      return andThen(findAlias(recipient), (links) => {
        if (links === null || links.every((link) => isItself(link, recipient))) return settled;
        return accept({
          local: recipient.local,
          user: recipient.user ?? recipient.local,
          value: formatTargets(links.map(({ text }) => text)),
        });
      });
    });
  };
}

/** How aliases are followed where only their being there counts. */
const ALIASES: Pick<AliasOptions, 'carryDetail' | 'expand' | 'catchAll'> = {
  carryDetail: true,
  expand: 'once',
  catchAll: 'unknown',
};

function andThenFound(answer: Maybe<Answer>, local: string, user: string): Maybe<Found> {
  return andThen(answer, (found) => ({ answer: found, local, user }));
}

/** Splits a local part that names a shared folder; null where it names none. */
function splitShared(
  written: string,
  sharedUser: string,
  separators: readonly string[],
): (Pick<Recipient, 'separator' | 'detail'> & { readonly user: string }) | null {
  const user = written.slice(0, sharedUser.length);
  if (foldLocal(user) !== sharedUser) return null;
  const rest = written.slice(sharedUser.length);
  const separator = separators.find((each) => rest.length > each.length && rest.startsWith(each));
  if (separator === undefined) return null;
  return { user: sharedUser, separator, detail: rest.slice(separator.length).normalize('NFC') };
}
