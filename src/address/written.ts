/**
 * Characters that need quotes in an address that a person writes: blanks, the specials of RFC 5322, and invisible characters.
 * Mail servers remove the quotes before they ask, so a key may have all of these before the last @.
 */
const NEEDS_QUOTES = /[\s()<>[\]:;@\\,"\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/s;
const TRANSPORT = /^(?:smtp|lmtp|relay|smtps|esmtp|uucp|local|virtual|pipe|discard|retry|mailto|sip|x400|x500):/i;

/** Longer than any name that the embedded store can hold, in UTF-16 units. Composing and folding take time by its square. */
export const LONGEST_NAME = 2_000;

/**
 * What is wrong with an address, or a local part alone, that a person wrote in a file or a command, as the end of a sentence.
 * Null if nothing is wrong. `smtp:fred@example.org` is a Flaw, and `"smtp:fred"@example.org` is an address.
 */
export function flawOfWritten(text: string): string | null {
  if (text.length > LONGEST_NAME) return 'is longer than the store can hold';
  const at = text.lastIndexOf('@');
  const local = at === -1 ? text : text.slice(0, at);
  if (QUOTED.test(text) || QUOTED.test(local)) return null;
  const [odd] = NEEDS_QUOTES.exec(local) ?? [];
  if (odd === undefined) return null;
  const [scheme] = TRANSPORT.exec(text) ?? [];
  if (scheme !== undefined) return `starts with ${scheme}, which is not part of an address`;
  if (text.replace(/\\./gs, '').split('"').length % 2 === 0) return 'has a quote that is not closed';
  return `has ${nameOf(odd)} outside quotes`;
}

/**
 * Whether a message may quote a text of a file: it has only the characters of a plain address or name. Any other text may
 * contain a password, as in `fred@example.org:secret`. The message names the line anyway.
 */
export function isPlain(text: string): boolean {
  return text.length <= 300 && /^(?:[\w.+-]+|[\w.+-]*@[\w.-]*)$/.test(text);
}

/** A plain text as the start of a message. Empty for any other text. */
export function quoted(text: string): string {
  return isPlain(text) ? `${text}: ` : '';
}

function nameOf(character: string): string {
  if (/\s/.test(character) && character !== '\ufeff') return 'a blank';
  const code = character.codePointAt(0) as number;
  return code > 0x7f ? `an invisible character (U+${code.toString(16).toUpperCase().padStart(4, '0')})` : character;
}
