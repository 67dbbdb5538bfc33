import { describe, expect, it } from 'vitest';
import { prettyOf } from '../../src/observe/pretty.ts';
import { escapeJson, printable } from '../../src/observe/printable.ts';

const NAMES: readonly (readonly [string, string])[] = [
  ['C1, which gives commands to a terminal', '\u009b31m'],
  ['delete', '\x7f'],
  ['right-to-left override', 'fred\u202egro.elpmaxe'],
  ['an isolate', '\u2066x\u2069'],
  ['a mark of direction', '\u200f\u061c'],
  ['a line separator', 'a\u2028b'],
  ['C0', '\x1b[2J\r\n\b'],
];
const raw = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe('a key with', () => {
  it.each(NAMES)('%s is the same in JSON, but does not control a terminal', (_, key) => {
    const line = escapeJson(JSON.stringify({ key, msg: `deferred: ${key}` }));
    expect(line).not.toMatch(raw);
    expect(JSON.parse(line)).toEqual({ key, msg: `deferred: ${key}` });
  });

  it.each(NAMES)('%s is visible to a person', (_, key) => {
    const event = {
      level: 'warn',
      time: '2026-11-26T18:52:48.000Z',
      event: 'deferred',
      key,
      msg: `deferred: ${key}`,
      listeners: [key],
    };
    const line = prettyOf(JSON.stringify(event), false);
    expect(line.trimEnd()).not.toMatch(raw);
    expect(line).toMatch(/\\u[\da-f]{4}|\\[rnb]/);
  });
});

describe('a text for a log', () => {
  it('keeps umlauts, Han and emoji, and the lines of a stack', () => {
    const event = { key: 'grüße@例え.jp 🎉', count: 3, err: { stack: 'Error: x\n    at y\u009b' } };
    expect(JSON.parse(escapeJson(JSON.stringify(event)))).toEqual(event);
    expect(printable(event.key)).toBe(event.key);
    expect(printable(event.err.stack, true)).toBe('Error: x\n    at y\\u009b');
    expect(printable(event.err.stack)).toBe('Error: x\\u000a    at y\\u009b');
  });
});
