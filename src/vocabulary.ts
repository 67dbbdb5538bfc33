import type { Trace } from './trace.ts';

/** The words that all parts share: what is asked, what a store answers, what goes on the wire. */

/** A value that is known at once needs no promise. This has three times the throughput of a promise for each answer. */
export type Maybe<T> = T | Promise<T>;

/** What a client sent: `<map> SP <key>`. A key that is not UTF-8 is null, because no address is like that (RFC 6531). */
export interface Request {
  readonly map: string;
  readonly key: string | null;
  readonly asked?: Asked | undefined;
}

/**
 * The user of OpenSMTPD's smtpd.conf whose mail goes to the mailbox that was asked for. It stands where an alias stands for
 * itself, which would be a loop to smtpd: it drops that target.
 */
export const OWN_MAILBOX = 'smmap_mailbox';

/** Where and when a request came in, for the log. */
export interface Asked {
  /** The name of the listener. */
  readonly listener: string;
  /** As performance.now() counts. */
  readonly arrived: number;
  /** The address of the SMTP client, if the mail server says it. */
  readonly client?: string;
}

/** What the client gets, in the words of socketmap_table(5). PERM is 550 in Sendmail: a fault of ours must never become PERM. */
export type Reply =
  | { readonly kind: 'OK'; readonly value: string }
  | { readonly kind: 'NOTFOUND'; readonly why?: Why }
  | { readonly kind: 'TEMP' | 'TIMEOUT' | 'PERM'; readonly reason: string; readonly why?: Why };

/** Why a map does not reply OK, for the metrics. Without it, a NOTFOUND says that the entry is absent. */
export type Why = 'no_address' | 'disabled' | 'overquota';

/**
 * What a map asks a store. Domains are canonical, see address/. Local parts and keys are case-folded. If `exact` is true, they
 * are as they were written, and only an entry with exactly that spelling is the answer.
 */
export type Question = MailboxQuestion | AliasQuestion | DomainQuestion | KeyQuestion;

/** What a question is about. */
export type About = Question['about'];

/** A question of a request that somebody explains has a trace: each store that gets it says what it does with it. */
interface Traced {
  readonly trace?: Trace;
}

/** Does this mailbox, or this folder of it, exist? */
export interface MailboxQuestion extends Traced {
  readonly about: 'mailbox';
  readonly local: string;
  readonly domain: string;
  readonly exact: boolean;
  readonly folder: string | null; // null: the mailbox itself
  /** Whether `abc` finds the folder `Abc`: Postfix and Sendmail always ask in lower case. */
  readonly anyCase: boolean;
}

/** Which targets does this alias have? The value of the entry is the targets, with ", " between them. */
export interface AliasQuestion extends Traced {
  readonly about: 'alias';
  readonly local: string;
  readonly domain: string;
  readonly exact: boolean;
}

/** Do we host this domain? The value of the entry is its class. */
export interface DomainQuestion extends Traced {
  readonly about: 'domain';
  readonly domain: string;
}

/** Which value does a table have for this key? */
export interface KeyQuestion extends Traced {
  readonly about: 'key';
  readonly table: string;
  readonly key: string;
  readonly exact: boolean;
}

/** The local part of records for a whole domain: the mailbox with its shared folders, and the catch-all alias. No address has it. */
export const NOBODY = '';

export const STATES = ['active', 'disabled', 'overquota'] as const;
export type State = (typeof STATES)[number];

/** The address classes of Postfix for domains that it does not deliver to itself (ADDRESS_CLASS_README). */
export const CLASSES = ['mailbox', 'alias', 'relay'] as const;
export type DomainClass = (typeof CLASSES)[number];

/** The class of a domain without a class. */
export const DEFAULT_CLASS: DomainClass = 'mailbox';

/** Whether a word is a class. */
export function isClass(word: string): word is DomainClass {
  return (CLASSES as readonly string[]).includes(word);
}

export interface Entry {
  readonly value: string; // "" is a value, too
  readonly state: State;
}

/** null: the store is CERTAIN that the entry is absent. Every doubt throws or rejects. */
export type Answer = Entry | null;

/** Whether two answers say the same. */
export function isSameAnswer(one: Answer, other: Answer): boolean {
  if (one === null || other === null) return one === other;
  return one.value === other.value && one.state === other.state;
}
