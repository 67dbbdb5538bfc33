/**
 * C0 and C1 controls, and the characters of Unicode that change the direction of a text or end a line. Clients choose the
 * keys, and a key must not control the terminal of the person who reads the log, or change what that person sees.
 */
const STEERING = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, without characters that control a terminal. JSON.stringify() escapes only C0. */
export function escapeJson(json: string): string {
  return json.replace(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, unicode);
}

/** A text for people: control characters become visible. `hasLines`: it keeps the ends of its lines, as a stack does. */
export function printable(text: string, hasLines = false): string {
  return text.replace(STEERING, (char) => (char === '\n' && hasLines ? char : unicode(char)));
}

const MOST_CHARS = 1_000; // an address has at most 320; journald splits lines of 48 kB

/** A text that a client or a store chose, for one line: its first characters. */
export function shortened(text: string, mostChars = MOST_CHARS): string {
  return text.length > mostChars ? `${text.slice(0, mostChars)}...` : text;
}

function unicode(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
