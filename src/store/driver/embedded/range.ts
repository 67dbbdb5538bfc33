import { type Identity, keyOf } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { hostsMarkOf } from './mark.ts';

/** A part of the data file, whose keys are in order. lmdb writes into what it gets, so it gets a copy of one that is shared. */
export interface Range {
  readonly start: string;
  readonly end?: string;
}

const FIRST_MAILBOX = '"'; // the character after the ! with which all other keys begin
const LONGEST_KEY = 1_900; // bytes; LMDB has 1,978 with pages of 4 KiB

/** The key of a record; null if it is longer than a data file can hold. */
export function storedKeyOf(identity: Identity): string | null {
  const key = keyOf(identity);
  return key.length * 3 > LONGEST_KEY && Buffer.byteLength(key) > LONGEST_KEY ? null : key;
}

/** The keys of all records of a kind. `within` is a domain of mailboxes or aliases, or the table of keys. */
export function rangeOf(about: About, within: string | null): Range {
  if (about === 'mailbox') return within === null ? { start: FIRST_MAILBOX } : mailboxesOf(within);
  if (about === 'domain') return domainRange;
  return within === null
    ? { start: `!${about} `, end: `!${about}!` }
    : { start: `!${about} ${within} `, end: `!${about} ${within}!` };
}

/** The keys of the mailboxes of a domain. After the domain comes a blank; the next character, !, ends the range. */
export function mailboxesOf(domain: string): Range {
  return { start: `${domain} `, end: `${domain}!` };
}

/** The domains that were written. */
export const domainRange: Range = Object.freeze({ start: '!domain ', end: '!domain!' });

/** The marks of the domains that have mailboxes. */
export const hostsRange: Range = Object.freeze({ start: hostsMarkOf(''), end: hostsMarkOf('').replace(' ', '!') });
