import { parseDomain } from './domain.ts';

/** An address in its parts. The local part has no quotes and its case as it was sent; the domain is canonical, or null where there is none. */
export interface Address {
  readonly local: string;
  readonly domain: string | null;
}

/** Why a text cannot be an address, as the end of a sentence: "... has nothing before the @". It quotes nothing: a line of a file may hold a password. */
export interface Flaw {
  readonly flaw: string;
}

/** What of an address is case-folded before it is compared: all of it, its domain, or nothing; it is composed (NFC) anyway. */
export type Fold = 'both' | 'domain' | 'none';

/** What no address holds, and nothing that is written on a line. */
export const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const NON_ASCII = /[^\x00-\x7f]/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"(?:@(.*))?$/s; // RFC 5321 Quoted-string, alone or before a domain
const SOURCE_ROUTE = /^@[^@,:"\\\s]+(?:, *@[^@,:"\\\s]+)*:.*@/s; // RFC 5321 A-d-l
// RFC 5321 Dot-string, RFC 6531; without the blanks of Unicode, which whoever trims a line would take away
const DOT_STRING =
  /^(?!\S*\s)[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+)*$/u;

/**
 * Reads `user`, `user@domain`, `"quoted user"@domain`, and also `quoted user@domain`, since Sendmail and Postfix ask
 * with the quotes gone and the blank left in; for the same reason the last @ is the one that counts. A source route,
 * `@a.example,@b.example:user@domain`, is a Flaw, as RFC 5321 section 3.6.1 allows: as a local part, a catch-all would take it.
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
 * A local part may have any length. RFC 5321 section 4.5.3.1.1 obliges servers to take 64 octets, while 4.5.3.1 asks them
 * to limit nothing where they can; Cyrus does have longer mailboxes, and that there is none only a store can be certain.
 */
function join(local: string, domainText: string | null, fold: Fold): Address | Flaw {
  if (local === '') return { flaw: 'has nothing before the @' };
  if (domainText === null) return { local, domain: null };
  if (domainText === '') return { flaw: 'has nothing after the @' };
  const domain = parseDomain(domainText);
  if (domain === null) return { flaw: 'has no valid domain after the @' };
  if (fold === 'none' && domain !== domainText) {
    return { flaw: 'has a domain that is not in its one spelling' };
  }
  return { local, domain };
}

/** A text that takes too long to compose, so that nobody is certain what it is the same as. */
export class TooLongError extends Error {
  override name = 'TooLongError';
}

const LONGEST_COMPOSED = 512; // UTF-16 units; NFC takes the square of a run of combining marks: 0.7 ms for 500, 12 ms for 4,800

/** The spelling by which the local part or key of a question is compared. Throws TooLongError. */
export function spell(local: string, fold: Fold): string {
  if (local.length > LONGEST_COMPOSED && NON_ASCII.test(local)) {
    throw new TooLongError(
      `a local part or key of ${local.length} characters that are not all ASCII; ${LONGEST_COMPOSED} is the most`,
    );
  }
  return fold === 'both' ? foldLocal(local) : local.normalize('NFC');
}

/**
 * The one spelling of a local part: composed (NFC), and case-folded as Postfix folds before it asks, which is more than
 * lower case: it asks for `gross` where `groß` was meant, so the two have to be the same mailbox.
 */
export function foldLocal(local: string): string {
  if (!NON_ASCII.test(local)) return local.toLowerCase();
  return Array.from(local.normalize('NFC'), foldCharacter).join('').normalize('NFC');
}

/**
 * Full case folding (Unicode, CaseFolding.txt, status C and F): the capital sharp s needs its lower case first. Character
 * by character, since the lower case of a sigma depends on its neighbours.
 */
function foldCharacter(character: string): string {
  return character === 'ı' ? character : character.toLowerCase().toUpperCase().toLowerCase();
}

/** The address as it stands in an envelope, with quotes where its local part needs them. */
export function formatAddress(local: string, domain: string): string {
  return `${formatLocal(local)}@${domain}`;
}

/** The local part alone, with quotes where it needs them. */
export function formatLocal(local: string): string {
  return DOT_STRING.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
}
