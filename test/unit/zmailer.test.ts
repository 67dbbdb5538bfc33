import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFqdnAlias, formatFqdnRoute, sortLines } from '../../src/format/zmailer.ts';
import type { Alias } from '../../src/record/alias.ts';
import type { Mailbox } from '../../src/record/mailbox.ts';

const alias = (local: string, domain: string, ...targets: string[]): Alias => ({
  about: 'alias',
  local,
  domain,
  targets,
});
const mailbox = (local: string, domain = 'example.org'): Mailbox => ({
  about: 'mailbox',
  local,
  domain,
  state: 'active',
  value: '',
  folders: [],
});

describe('for fqdnaliases of ZMailer', () => {
  it.each([
    ['a key is in lower case', alias('Info', 'example.org', 'Fred@x.test'), 'info@example.org Fred@x.test'],
    ['a value has no blank', alias('a', 'example.org', 'b', 'c@x.test'), 'a@example.org b,c@x.test'],
    ['a catch-all starts with an @', alias('', 'example.org', 'b@x.test'), '@example.org b@x.test'],
    ['a key may be in quotes', alias('a(b', 'example.org', 'b'), '"a(b"@example.org b'],
    ['a key may have other characters than ASCII', alias('\u00fc', 'example.org', 'b'), '\u00fc@example.org b'],
    ['a percent sign before a letter stays', alias('a', 'example.org', 'b%c@x.test'), 'a@example.org b%c@x.test'],
  ])('%s', (_, record, line) => {
    expect(formatFqdnAlias(record)).toBe(line);
  });

  it.each([
    [
      'a program',
      alias('a', 'example.org', '|cat'),
      'a@example.org: has the target |cat, but fqdnaliases accepts only addresses',
    ],
    [
      'a domain as target',
      alias('', 'example.org', '@x.test'),
      '@example.org: has the target @x.test, but fqdnaliases accepts only addresses',
    ],
    [
      'a blank in the key',
      alias('quo ted', 'example.org', 'b'),
      String.raw`"\"quo ted\"@example.org": has a blank or a control character`,
    ],
    [
      'a line feed in the key',
      alias('a\nb', 'example.org', 'b'),
      String.raw`"\"a\nb\"@example.org": has a blank or a control character`,
    ],
    [
      'a line feed in a target',
      alias('a', 'example.org', 'b\nc d'),
      String.raw`a@example.org: has the target "b\nc d", which has a control character`,
    ],
    [
      'a blank in a target',
      alias('a', 'example.org', '"b c"@x.test'),
      String.raw`a@example.org: has a value of which ZMailer reads only a part: "\"b c\"@x.test"`,
    ],
    [
      'a target that is not ASCII',
      alias('a', 'example.org', '\u00fc@x.test'),
      'a@example.org: has a value of which ZMailer reads only a part: "\u00fc@x.test"',
    ],
    [
      'an argument in a target',
      alias('a', 'example.org', 'b%1@x.test'),
      'a@example.org: has the target b%1@x.test, in which ZMailer would replace the % and digit',
    ],
    ['no target', alias('a', 'example.org'), 'a@example.org: has a value of which ZMailer reads only a part: ""'],
    [
      'a line that is too long',
      alias('a', 'example.org', `${'b'.repeat(8_000)}@x.test`),
      'a@example.org: is over 8000 bytes with its value',
    ],
  ])('there is no line for %s', (_, record, flaw) => {
    expect(formatFqdnAlias(record)).toEqual({ flaw });
  });
});

describe('for fqdnroutes of ZMailer', () => {
  const ROUTE = 'smtp-lmtp!cyrus-lmtp-node!%u%2';

  it.each([
    ['a route has the user', mailbox('Fred'), ROUTE, 'fred@example.org smtp-lmtp!cyrus-lmtp-node!fred%2'],
    ['a route has the domain', mailbox('fred'), 'c!h!%u%2@%d', 'fred@example.org c!h!fred%2@example.org'],
    ['a route may have neither', mailbox('quo(ted'), 'c!h', '"quo(ted"@example.org c!h'],
    ['the arguments of ZMailer stay', mailbox('fred'), 'c!%0%1%2%3%4%5', 'fred@example.org c!%0%1%2%3%4%5'],
    ['two percent signs are two', mailbox('fred'), 'c!%%d', 'fred@example.org c!%example.org'],
    ['a dollar sign is one', mailbox('$&$1'), 'c!%u', '$&$1@example.org c!$&$1'],
    [
      'a disabled mailbox is refused',
      { ...mailbox('off'), state: 'disabled' },
      ROUTE,
      'off@example.org error!nosuchuser',
    ],
    ['a mailbox over quota is routed', { ...mailbox('full'), state: 'overquota' }, 'c!h', 'full@example.org c!h'],
  ] as const)('%s', (_, record, route, line) => {
    expect(formatFqdnRoute(record, route)).toBe(line);
  });

  it('shared folders have no route', () => {
    expect(formatFqdnRoute(mailbox(''), ROUTE)).toBeNull();
  });

  it.each([
    [
      'a blank in the key',
      mailbox('quo ted'),
      'c!h',
      String.raw`"\"quo ted\"@example.org": has a blank or a control character`,
    ],
    ['quotes in the route', mailbox('quo(ted'), ROUTE, '"quo(ted"@example.org: needs quotes, but a route has none'],
    [
      'an argument in the user',
      mailbox('a%1'),
      ROUTE,
      'a%1@example.org: has a %, which ZMailer would replace in the route',
    ],
    [
      'a percent sign that becomes one',
      mailbox('a%'),
      'c!%u2',
      'a%@example.org: has a %, which ZMailer would replace in the route',
    ],
    [
      'a route with a blank',
      mailbox('fred'),
      'c!h x',
      'fred@example.org: has a value of which ZMailer reads only a part: "c!h x"',
    ],
    ['an empty route', mailbox('fred'), '', 'fred@example.org: has a value of which ZMailer reads only a part: ""'],
    [
      'a user that is not ASCII',
      mailbox('\u00fc'),
      ROUTE,
      '\u00fc@example.org: has a value of which ZMailer reads only a part: "smtp-lmtp!cyrus-lmtp-node!\u00fc%2"',
    ],
  ])('there is no line for %s', (_, record, route, flaw) => {
    expect(formatFqdnRoute(record, route)).toEqual({ flaw });
  });
});

describe('lines for a relation of type ordered', () => {
  it.each([
    ['are sorted by their keys', ['b x', 'a y', '@c z'], ['@c z', 'a y', 'b x']],
    ['have the shorter key first, whatever comes after it', ['a! x', 'a x', 'a" x'], ['a x', 'a! x', 'a" x']],
    ['are sorted by bytes, not by UTF-16', ['\u{1f600} x', '\uff5a x'], ['\uff5a x', '\u{1f600} x']],
    ['are none for an empty list', [], []],
  ])('%s', (_, lines, sorted) => {
    expect(sortLines(lines)).toEqual(sorted);
  });

  it('are found by a binary search that compares bytes', () => {
    const keys = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 }).filter((key) => !/\s/.test(key)));
    fc.assert(
      fc.property(keys, (given) => {
        const sorted = sortLines(given.map((key) => `${key} value`)).map((line) => line.slice(0, -' value'.length));
        for (const [index, key] of sorted.entries()) {
          const next = sorted[index + 1];
          if (next !== undefined) expect(Buffer.compare(Buffer.from(key), Buffer.from(next))).toBe(-1);
        }
      }),
    );
  });
});
