import { type Flaw, formatAddress, parseAddress } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { NOBODY } from '../../vocabulary.ts';

/** Whose a mailbox or an alias is: a local part as it is spelt, or NOBODY for a whole domain, which is canonical. */
export interface Owner {
  readonly local: string;
  readonly domain: string;
}

const FIRST_WORD = /^((?:[^ \t"]|"(?:[^"\\]|\\.)*(?:"|$))+)[ \t]*(.*)$/s; // blanks separate, but not within quotes

/** Splits a line behind its first word; quotes stay. */
export function splitWord(line: string): readonly [string, string] {
  const [, word = '', rest = ''] = FIRST_WORD.exec(line) ?? [];
  return [word, rest];
}

/** The address, or `@domain` for a whole domain; in quotes where it would be taken for a comment. */
export function formatOwner(local: string, domain: string): string {
  if (local === NOBODY) return `@${domain}`;
  const address = formatAddress(local, domain);
  return address.startsWith('#') ? `"${local.replace(/["\\]/g, '\\$&')}"@${domain}` : address;
}

/** Reads what formatOwner writes: it needs a domain, since a store has no default domain. */
export function parseOwner(text: string): Owner | Flaw {
  const whole = text.lastIndexOf('@') === 0 ? parseDomain(text.slice(1)) : null;
  if (whole !== null) return { local: NOBODY, domain: whole };
  const address = parseAddress(text);
  if ('flaw' in address) return { flaw: `${text}: ${address.flaw}` };
  if (address.domain === null) return { flaw: `${text}: has no domain; give user@domain` };
  return { local: address.local.normalize('NFC'), domain: address.domain };
}
