import { parseDomain, unicodeOf } from './domain.ts';

/** The parts of an address. The local part has no quotes and keeps its case. The domain is canonical, or null if missing. */
export interface Address {
  readonly local: string;
  readonly domain: string | null;
}

/** Why a text cannot be read, as the end of a sentence: "... has nothing before the @". A flaw of an address quotes nothing, because a line of a file may contain a password. */
export interface Flaw {
  readonly flaw: string;
}

/** The part of an address that is case-folded before it is compared: all, its domain, or nothing. It is always composed (NFC). */
export type Fold = 'both' | 'domain' | 'none';

/** Control characters. No address has them, and no text that is written on a line. */
export const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const NON_ASCII = /[^\x00-\x7f]/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"(?:@([^@]*))?$/s; // RFC 5321 Quoted-string, alone or before a domain
const SOURCE_ROUTE = /^@[^@,:"\\\s]+(?:, *@[^@,:"\\\s]+)*:.*@/s; // RFC 5321 A-d-l
// RFC 5321 Dot-string, RFC 6531; without the blanks of Unicode, which a program that trims a line would remove
const DOT_STRING =
  /^(?!\S*\s)[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+)*$/u;

/**
 * Reads `user`, `user@domain`, `"quoted user"@domain`, and also `quoted user@domain`, because Sendmail and Postfix remove the
 * quotes and keep the blank. For the same reason the last @ counts. A source route, `@a.example,@b.example:user@domain`, is a
 * Flaw, as RFC 5321 section 3.6.1 allows: read as a local part, a catch-all would accept it.
 */
export function parseAddress(text: string, fold: Fold = 'both'): Address | Flaw {
  if (text === '') return { flaw: 'is empty' };
  if (CONTROL.test(text)) return { flaw: 'has a control character' };
  const first = text.charCodeAt(0);
  const quoted = first === 0x22 ? QUOTED.exec(text) : null;
  if (quoted !== null) return join((quoted[1] as string).replace(/\\(.)/gs, '$1'), quoted[2] ?? null, fold);
  if (first === 0x40 && SOURCE_ROUTE.test(text)) return { flaw: 'is a source route' };
  const at = text.lastIndexOf('@');
  return at === -1 ? { local: text, domain: null } : join(text.slice(0, at), text.slice(at + 1), fold);
}

/**
 * A local part may have any length. RFC 5321 section 4.5.3.1.1 requires servers to accept 64 octets, and 4.5.3.1 asks them to
 * avoid limits. Cyrus does have mailboxes with longer names, and only a store can be certain that one is absent.
 */
function join(local: string, domainText: string | null, fold: Fold): Address | Flaw {
  if (local === '') return { flaw: 'has nothing before the @' };
  if (domainText === null) return { local, domain: null };
  if (domainText === '') return { flaw: 'has nothing after the @' };
  const domain = parseDomain(domainText);
  if (domain === null) return { flaw: 'has no valid domain after the @' };
  if (fold === 'none' && domain !== domainText) {
    return { flaw: 'has a domain that is not in its canonical spelling' };
  }
  return { local, domain };
}

/** A text takes too long to compose, so we cannot be certain which other texts it equals. */
export class TooLongError extends Error {
  override name = 'TooLongError';
}

const LONGEST_COMPOSED = 512; // UTF-16 units; NFC takes time by the square of a run of combining marks: 0.7 ms for 500, 12 ms for 4,800

/** The spelling in which the local part or key of a question is compared. Throws TooLongError. */
export function spell(local: string, fold: Fold): string {
  if (local.length > LONGEST_COMPOSED && NON_ASCII.test(local)) {
    throw new TooLongError(
      `the local part or key has ${local.length} characters that are not all ASCII; at most ${LONGEST_COMPOSED} are allowed`,
    );
  }
  return fold === 'both' ? foldLocal(local) : local.normalize('NFC');
}

/**
 * The one spelling of a local part: composed (NFC), and case-folded as Postfix does it before it asks. That is more than lower
 * case: Postfix asks for `gross` when the client wrote `groß`, so the two must be the same mailbox.
 */
export function foldLocal(local: string): string {
  if (!NON_ASCII.test(local)) return local.toLowerCase();
  return Array.from(local.normalize('NFC'), foldCharacter).join('').normalize('NFC');
}

/**
 * Full case folding (Unicode, CaseFolding.txt, status C and F). The capital sharp s needs its lower case first. It works
 * character by character, because the lower case of a sigma depends on its neighbours.
 */
function foldCharacter(character: string): string {
  return character === 'ı' ? character : character.toLowerCase().toUpperCase().toLowerCase();
}

/**
 * The domain for which Postfix asks instead of this one: it folds the whole key, and so asks for `fred@fass.example` if a
 * client writes `fred@faß.example`, though these are two domains. Null if it asks for the domain itself.
 */
export function foldedDomain(domain: string): string | null {
  const text = unicodeOf(domain);
  const folded = text === null ? domain : parseDomain(foldLocal(text));
  return folded === domain ? null : folded;
}

/** The address as it is written in an envelope, with quotes if its local part needs them. */
export function formatAddress(local: string, domain: string): string {
  return `${formatLocal(local)}@${domain}`;
}

/** The local part alone, with quotes if it needs them. */
export function formatLocal(local: string): string {
  return DOT_STRING.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
}
