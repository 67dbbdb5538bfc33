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

/**
 * What a map asks a store. Domains are canonical, see address/. Local parts and keys are case-folded, or, where `exact` is
 * true, as they were written, and then only what a store holds in that very spelling is the answer.
 */
export type Question = MailboxQuestion | AliasQuestion | DomainQuestion | KeyQuestion;

/** What a question can be about, and what a store can be asked about. */
export type About = Question['about'];

/** Is there this mailbox, or this folder of it? */
export interface MailboxQuestion {
  readonly about: 'mailbox';
  readonly local: string;
  readonly domain: string;
  readonly exact: boolean;
  readonly folder: string | null; // null: the mailbox itself
  /** Whether `abc` finds the folder `Abc`: Postfix and Sendmail ask in lower case, whatever was written. */
  readonly anyCase: boolean;
}

/** What does this address stand for? The value of the entry is its targets, with ", " between them. */
export interface AliasQuestion {
  readonly about: 'alias';
  readonly local: string;
  readonly domain: string;
  readonly exact: boolean;
}

/** Is this domain hosted? The value of the entry is its class. */
export interface DomainQuestion {
  readonly about: 'domain';
  readonly domain: string;
}

/** What does a table have under this key, whatever it means to who asks? */
export interface KeyQuestion {
  readonly about: 'key';
  readonly table: string;
  readonly key: string;
  readonly exact: boolean;
}

/** The local part of what is for a domain as a whole: the mailbox with its shared folders, and its catch-all alias. No address has it. */
export const NOBODY = '';

export const STATES = ['active', 'disabled', 'overquota'] as const;
export type State = (typeof STATES)[number];

/** Postfix's address classes of the domains that it does not deliver to itself (ADDRESS_CLASS_README). */
export const CLASSES = ['mailbox', 'alias', 'relay'] as const;
export type DomainClass = (typeof CLASSES)[number];

export interface Entry {
  readonly value: string; // "" is a value
  readonly state: State;
}

/** null: the store is CERTAIN that there is none. Anything less than certain throws or rejects. */
export type Answer = Entry | null;
