/**
 * C0 and C1 controls, and the characters of Unicode that change the direction of a text or end a line. Clients choose the
 * keys, and a key must not control the terminal of the person who reads the log, or change what that person sees.
 */
const STEERING = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, without characters that control a terminal. JSON.stringify() escapes only C0. */
export function escapeJson(json: string): string {
  return json.replace(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, unicode);
}

/** A JSON value for people: control characters in its texts become visible. A stack keeps its lines. */
export function printable(value: unknown, name = ''): unknown {
  if (typeof value === 'string') {
    return value.replace(STEERING, (char) => (char === '\n' && name === 'stack' ? char : unicode(char)));
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => printable(each));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, printable(each, key)]));
}

function unicode(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
