/** The words that every part shares: what is asked, what a store answers, what goes on the wire. */

/** A value that is already here stays on this tick; that is three times the throughput of a promise for each answer. */
export type Maybe<T> = T | Promise<T>;

/** What a client sent: `<map> SP <key>`. A key that is not UTF-8 is null, since no address can be that (RFC 6531). */
export interface Request {
  readonly map: string;
  readonly key: string | null;
}

/** What goes back, in the words of socketmap_table(5). PERM is 550 in Sendmail: no fault of ours may ever become one. */
export type Reply =
  | { readonly kind: 'OK'; readonly value: string }
  | { readonly kind: 'NOTFOUND' }
  | { readonly kind: 'TEMP' | 'TIMEOUT' | 'PERM'; readonly reason: string };

/** What a map asks a store. Domains and local parts are canonical, see address/. */
export type Question = MailboxQuestion | DomainQuestion;

/** Is there a mailbox in this domain? */
export interface DomainQuestion {
  readonly about: 'domain';
  readonly domain: string;
}

/** Is there this mailbox, or this folder of it? */
export interface MailboxQuestion {
  readonly about: 'mailbox';
  readonly local: string;
  readonly domain: string;
  readonly folder: string | null; // null: the mailbox itself
  /** Whether `abc` finds the folder `Abc`: Postfix and Sendmail ask in lower case, whatever was written. */
  readonly anyCase: boolean;
}

/** The local part of the mailbox that holds the shared folders of a domain; no address has it. */
export const NOBODY = '';

export const STATES = ['active', 'disabled', 'overquota'] as const;
export type State = (typeof STATES)[number];

export interface Entry {
  readonly value: string; // "" is a value
  readonly state: State;
}

/** null: the store is CERTAIN that there is none. Anything less than certain throws or rejects. */
export type Answer = Entry | null;
