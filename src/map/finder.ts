import { foldLocal } from '../address/address.ts';
import { andThen } from '../maybe.ts';
import { type Answer, type Maybe, NOBODY } from '../vocabulary.ts';
import type { MailboxOptions } from './mailbox-keys.ts';
import type { Lookup } from './moment.ts';
import { type Recipient, askMailbox } from './recipient.ts';
import type { RecipientOptions } from './recipient-keys.ts';

/** What of the options of a map decides where a mailbox is looked for. */
export type FinderOptions = Pick<MailboxOptions, keyof RecipientOptions | 'policy' | 'folderCase' | 'sharedUser'>;

/** A mailbox that was found, or its absence, and under what name. */
export interface Found {
  readonly answer: Answer;
  /** Local parts of the address, and of its mailbox. */
  readonly local: string;
  readonly user: string;
}

/** Looks for the mailbox of a recipient, or for the folder that its detail names. Throws where the store does. */
export type Finder = (recipient: Recipient, store: Lookup) => Maybe<Found>;

/** Makes a finder, which knows no aliases. */
export function createFinder({ policy, folderCase, sharedUser, separators, fold }: FinderOptions): Finder {
  const anyCase = folderCase === 'insensitive';
  return (recipient, store) => {
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
}

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
