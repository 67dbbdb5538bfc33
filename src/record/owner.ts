import { type Flaw, formatAddress, parseAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { flawOfWritten, quoted } from '../address/written.ts';
import { NOBODY } from '../vocabulary.ts';

/** The owner of a mailbox or an alias: a local part in its own spelling, or NOBODY for a whole domain. The domain is canonical. */
export interface Owner {
  readonly local: string;
  readonly domain: string;
}

const FIRST_WORD = /^((?:[^ \t"]|"(?:[^"\\]|\\.)*(?:"|$))+)[ \t]*(.*)$/s; // blanks separate, but not inside quotes

/** Splits a line after its first word. Quotes stay. */
export function splitWord(line: string): readonly [string, string] {
  const [, word = '', rest = ''] = FIRST_WORD.exec(line) ?? [];
  return [word, rest];
}

/** The address, or `@domain` for a whole domain. In quotes if it would otherwise be read as a comment, or not as an address. */
export function formatOwner(local: string, domain: string): string {
  if (local === NOBODY) return `@${domain}`;
  const address = formatAddress(local, domain);
  const plain = !address.startsWith('#') && flawOfWritten(address) === null;
  return plain ? address : `"${local.replace(/["\\]/g, '\\$&')}"@${domain}`;
}

/** What is wrong with the line of an owner in a file. Names the owner if that cannot reveal a password. */
export function flawOf({ local, domain }: Owner, flaw: string): Flaw {
  return { flaw: `${quoted(formatOwner(local, domain))}${flaw}` };
}

/** Reads what formatOwner writes. It needs a domain, because a store has no default domain. */
export function parseOwner(text: string): Owner | Flaw {
  const owner = readOwner(text, null);
  return 'flaw' in owner ? { flaw: `${text}: ${owner.flaw}` } : owner;
}

/** Reads the same from a file; messages must not quote a password. A user without a domain gets the default domain. */
export function parseFileOwner(
  text: string,
  defaultDomain: string | null = null,
  remedy = 'give user@domain',
): Owner | Flaw {
  const owner = readOwner(text, defaultDomain, remedy);
  return 'flaw' in owner ? { flaw: `${quoted(text)}${owner.flaw}` } : owner;
}

/** Most addresses of a list, about which nothing has to be asked. Such a short one has no name that is too long. */
const PLAIN = /^[\w.+-]+@[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const SHORT = 255;

function readOwner(text: string, defaultDomain: string | null, remedy = 'give user@domain'): Owner | Flaw {
  if (text.length <= SHORT && PLAIN.test(text)) {
    const at = text.indexOf('@');
    return { local: text.slice(0, at), domain: text.slice(at + 1) };
  }
  const flaw = flawOfWritten(text);
  if (flaw !== null) return { flaw };
  const whole = text.lastIndexOf('@') === 0 ? parseDomain(text.slice(1)) : null;
  if (whole !== null) return { local: NOBODY, domain: whole };
  const address = parseAddress(text);
  if ('flaw' in address) return address;
  const domain = address.domain ?? defaultDomain;
  if (domain === null) return { flaw: `has no domain; ${remedy}` };
  return { local: address.local.normalize('NFC'), domain };
}
