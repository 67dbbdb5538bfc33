/**
 * C0 and C1 controls, and what changes the direction of a text or ends a line of Unicode: a client chooses the keys,
 * and none of these may steer the terminal of the person who reads the log, or change what he sees.
 */
const STEERING = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, in which nothing steers a terminal: JSON.stringify() escapes C0 alone. */
export function escapeJson(json: string): string {
  return json.replace(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, unicode);
}

/** A value of JSON for a person: each text in it shows what would steer. The lines of a stack stay lines. */
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
