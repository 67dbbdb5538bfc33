import { foldLocal } from '../address/address.ts';
import { andThen } from '../maybe.ts';
import { type Answer, type Maybe, NOBODY } from '../vocabulary.ts';
import type { MailboxOptions } from './mailbox-keys.ts';
import type { Lookup } from './moment.ts';
import type { RecipientOptions } from './recipient-keys.ts';
import { type Recipient, askMailbox } from './recipient.ts';

/** The options of a map that decide how a mailbox is found. */
export type FinderOptions = Pick<MailboxOptions, keyof RecipientOptions | 'policy' | 'folderCase' | 'sharedUser'>;

/** The answer for a mailbox, and the names that were asked for. */
export interface Found {
  readonly answer: Answer;
  /** The local part of the address. */
  readonly local: string;
  /** The local part of its mailbox. */
  readonly user: string;
}

/** Finds the mailbox of a recipient, or the folder that its detail names. Throws if the store throws. */
export type Finder = (recipient: Recipient, store: Lookup) => Maybe<Found>;

/** Makes a finder. It does not follow aliases. */
export function createFinder({ policy, folderCase, sharedUser, separators, fold }: FinderOptions): Finder {
  const anyCase = folderCase === 'insensitive';
  /** Finds it if it may be a mailbox of another name, too, or a folder. */
  const findParts = (recipient: Recipient, store: Lookup): Maybe<Found> => {
    const { written, local, domain } = recipient;
    const ask = (name: string, folder: string | null): Maybe<Answer> =>
      askMailbox(store, { local: name, domain }, fold, folder, anyCase);
    const whole = (): Maybe<Found> => andThenFound(ask(local, null), local, local);
    const shared = sharedUser === null ? null : splitShared(written, sharedUser, separators);
    const user = shared?.user ?? recipient.user;
    if (shared !== null)
      store.trace?.note(
        'detail',
        `${shared.detail} is a shared folder of ${domain}: shared_user = "${sharedUser}"`,
        'shared_user',
      );
    /**
     * Cyrus takes mail for a shared folder `+news`, and compares its case. Without shared_user only the store can know that.
     * So nothing is absent before it was asked for as it stands.
     */
    const orAsItStands = (found: Found): Maybe<Found> => {
      if (found.answer !== null || sharedUser !== null) return found;
      const question = { about: 'mailbox', local: written, domain, exact: true, folder: null, anyCase } as const;
      return andThenFound(store.lookup(question), local, local);
    };
    if (user === null) return andThen(whole(), orAsItStands);

    const separator = shared?.separator ?? recipient.separator;
    const detail = shared?.detail ?? recipient.detail;
    const inInbox = (): Maybe<Found> => andThenFound(ask(user, null), user, user);
    const inFolder = (): Maybe<Found> => {
      if (shared === null && policy === 'ignore') {
        store.trace?.note('detail', 'does not count: policy = "ignore"', 'detail.policy');
        return inInbox();
      }
      if (shared === null) store.trace?.note('detail', `names a folder: policy = "${policy}"`, 'detail.policy');
      const name = user + separator + detail;
      const holder = shared === null ? user : NOBODY;
      return andThen(andThenFound(ask(holder, detail), name, shared === null ? user : name), (found) => {
        if (found.answer !== null || shared !== null || policy !== 'folder-or-inbox') return found;
        store.trace?.note(
          'detail',
          'there is no such folder, so the mailbox counts: policy = "folder-or-inbox"',
          'detail.policy',
        );
        return inInbox();
      });
    };
    const inPart = detail === '' ? inInbox : inFolder;
    // A mailbox with the separator in its name comes first, as Postfix asks its tables for the full address first.
    // Its name may also end with the separator.
    return andThen(
      andThen(whole(), (found) => (found.answer === null ? inPart() : found)),
      orAsItStands,
    );
  };
  return (recipient, store) => {
    if (sharedUser !== null || separators.some((each) => recipient.written.includes(each))) {
      return findParts(recipient, store);
    }
    return andThenFound(askMailbox(store, recipient, fold, null, anyCase), recipient.local, recipient.local);
  };
}

function andThenFound(answer: Maybe<Answer>, local: string, user: string): Maybe<Found> {
  if (answer instanceof Promise) return answer.then((found) => ({ answer: found, local, user }));
  return { answer, local, user };
}

/** Splits a local part that names a shared folder. Null if it does not name one. */
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
