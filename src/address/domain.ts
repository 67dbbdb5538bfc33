import { domainToASCII, domainToUnicode } from 'node:url';

const LONGEST = 255; // octets, RFC 5321 section 4.5.3.1.2
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const LITERAL = /^\[[\x21-\x5a\x5e-\x7e]+\]$/; // RFC 5321 section 4.1.3; the text inside is not checked
const DOT = /[.\u3002\uff0e\uff61]$/; // at the end; IDNA takes each of these for a dot (UTS 46)
const NON_ASCII = /[^\x00-\x7f]/;
const FORBIDDEN = /[\x00-\x20#%/:<>?@[\\\]^|\x7f]/; // domainToASCII reads the host of a URL, in which these have a meaning

/**
 * The canonical spelling of a domain: lower case, A-labels, no trailing dot. Null if it cannot be a domain.
 * `Bücher.example`, `bücher.example.` and `XN--BCHER-KVA.example` are the same domain (RFC 5890, RFC 6531). A text that is
 * too long is not converted, because Punycode takes time by the square of the length: 15 ms for a label of 3,300 characters.
 */
export function parseDomain(text: string): string | null {
  if (text.length <= LONGEST && NAME.test(text)) return text;
  const name = DOT.test(text) ? text.slice(0, -1) : text;
  if (name.length > LONGEST) return null;
  const ascii = NON_ASCII.test(name) ? toALabels(name) : name.toLowerCase();
  if (ascii.length > LONGEST) return null; // an A-label may be longer than its Unicode text
  return NAME.test(ascii) || LITERAL.test(ascii) ? ascii : null;
}

/** A canonical domain in Unicode, as another program may have stored it. Null if the two are the same. */
export function unicodeOf(domain: string): string | null {
  if (!domain.includes('xn--')) return null;
  const text = domainToUnicode(domain);
  return text !== domain && parseDomain(text) === domain ? text : null;
}

/** The capital sharp s is replaced first: it becomes `ss` or `ß`, depending on the age of the tables in Node (UTS 46). */
function toALabels(name: string): string {
  return FORBIDDEN.test(name) ? '' : domainToASCII(name.replaceAll('ẞ', 'ß'));
}
