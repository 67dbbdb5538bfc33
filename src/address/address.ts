import { parseDomain } from './domain.ts';

/** An address in its parts. The local part has no quotes and its case as it was sent; the domain is canonical, or null where there is none. */
export interface Address {
  readonly local: string;
  readonly domain: string | null;
}

/** Why a text cannot be an address, as the end of a sentence: "... has nothing before the @". */
export interface Flaw {
  readonly flaw: string;
}

const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const NON_ASCII = /[^\x00-\x7f]/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"(?:@(.*))?$/s; // RFC 5321 Quoted-string, alone or before a domain
const DOT_STRING = /^[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+)*$/u; // RFC 5321 Dot-string, RFC 6531

/**
 * Reads `user`, `user@domain`, `"quoted user"@domain`, and also `quoted user@domain`, since Sendmail and Postfix ask
 * with the quotes gone and the blank left in; for the same reason the last @ is the one that counts.
 */
export function parseAddress(text: string): Address | Flaw {
  if (text === '') return { flaw: 'is empty' };
  if (CONTROL.test(text)) return { flaw: 'has a control character' };
  const quoted = text.charCodeAt(0) === 0x22 ? QUOTED.exec(text) : null;
  if (quoted !== null) return join((quoted[1] as string).replace(/\\(.)/gs, '$1'), quoted[2] ?? null);
  const at = text.lastIndexOf('@');
  return at === -1 ? { local: text, domain: null } : join(text.slice(0, at), text.slice(at + 1));
}

function join(local: string, domainText: string | null): Address | Flaw {
  if (local === '') return { flaw: 'has nothing before the @' };
  if (domainText === null) return { local, domain: null };
  if (domainText === '') return { flaw: 'has nothing after the @' };
  const domain = parseDomain(domainText);
  return domain === null ? { flaw: `has no valid domain after the @: ${domainText}` } : { local, domain };
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
  return `${DOT_STRING.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`}@${domain}`;
}
