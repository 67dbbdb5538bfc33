import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldLocal, formatAddress } from '../../src/address/address.ts';
import { flawOfWritten } from '../../src/address/written.ts';
import { formatVirtusertableLine, parseVirtusertableLine } from '../../src/format/virtusertable.ts';
import type { Alias } from '../../src/record/alias.ts';

const alias = (local: string, domain: string, ...targets: string[]): Alias => ({
  about: 'alias',
  local,
  domain,
  targets,
});
const ADVICE = 'import the file as a table instead (smmap table import)';
const PART = `has a target with a part of the address, such as %1; ${ADVICE}`;

describe("a line of Sendmail's virtusertable", () => {
  it.each([
    ['has an address', 'info@example.org\tfred@x.test', alias('info', 'example.org', 'fred@x.test')],
    ['has blanks', 'info@example.org  \t fred@x.test \r', alias('info', 'example.org', 'fred@x.test')],
    ['has a local user', 'info@example.org foo-info', alias('info', 'example.org', 'foo-info')],
    ['has a catch-all', '@example.org jane@x.test', alias('', 'example.org', 'jane@x.test')],
    ['has a domain after a catch-all', '@example.org %1@x.test', alias('', 'example.org', '@x.test')],
    [
      'has a domain after a catch-all, and keeps the detail',
      '@example.org %1%3@x.test',
      alias('', 'example.org', '@x.test'),
    ],
    ['has a percent sign, which is doubled', 'a@example.org b%%c@x.test', alias('a', 'example.org', 'b%c@x.test')],
    ['has a doubled percent sign before a digit', 'a@example.org b%%1@x.test', alias('a', 'example.org', 'b%1@x.test')],
    ['has a single percent sign before a letter', 'a@example.org b%c@x.test', alias('a', 'example.org', 'b%c@x.test')],
    ['has a quoted target', 'a@example.org "b c"@x.test', alias('a', 'example.org', '"b c"@x.test')],
    ['has a detail', 'old+new@example.org b', alias('old+new', 'example.org', 'b')],
    ['has a plus at its end', 'old+@example.org b', alias('old+', 'example.org', 'b')],
  ])('%s', (_, text, record) => {
    expect(parseVirtusertableLine(text)).toEqual(record);
  });

  it.each(['', ' \t\r', '# info@example.org fred'])('is left out: %j', (text) => {
    expect(parseVirtusertableLine(text)).toBeNull();
  });

  it.each([
    ['starts with a blank', ' a@example.org b', 'starts with a blank, but makemap(8) expects a key'],
    ['has no target', 'a@example.org', 'a@example.org: has no target'],
    ['has no domain', 'info fred', 'info: has no domain; give user@domain'],
    ['has quotes, which makemap does not know', '"a"@example.org b', 'has quotes, but Sendmail never asks with quotes'],
    ['has a blank in quotes', '"a b"@example.org c', 'has quotes, but Sendmail never asks with quotes'],
    ['has a wildcard for any detail', 'old+*@example.org b', `is a wildcard of Sendmail; ${ADVICE}`],
    [
      'has a wildcard for some detail',
      'old++@example.org b',
      `old++@example.org: is a wildcard of Sendmail; ${ADVICE}`,
    ],
    ['has a wildcard for anyone with a detail', '+*@example.org b', `is a wildcard of Sendmail; ${ADVICE}`],
    ['has an error', 'joe@example.org error:4.2.1:450 No', `joe@example.org: has an error as its target; ${ADVICE}`],
    [
      'has an error in capitals',
      'joe@example.org ERROR:5.7.0:550 No',
      `joe@example.org: has an error as its target; ${ADVICE}`,
    ],
    ['has an argument', 'a@example.org %1@x.test', `a@example.org: ${PART}`],
    ['has an argument within', '@example.org b+%2@x.test', `@example.org: ${PART}`],
    ['has an argument after the domain', '@example.org %1@%0', `@example.org: ${PART}`],
    ['has arguments only', '@example.org %1%3', `@example.org: ${PART}`],
    ['has an argument after a percent sign', 'a@example.org %%%1@x.test', `a@example.org: ${PART}`],
    [
      'has a target of Postfix',
      '@example.org @x.test',
      '@example.org: has a target without a local part; give %1%3@x.test',
    ],
    [
      'has a program',
      'a@example.org |cat',
      'a@example.org: has a target that is not an address, and only possible in aliases(5)',
    ],
  ])('%s, which is a flaw', (_, text, flaw) => {
    expect(parseVirtusertableLine(text)).toEqual({ flaw });
  });

  it.each([
    ['@example.org error:nouser User unknown', ''],
    ['@example.org ERROR:5.1.1:550 No such user', ''],
    ['joe@example.org\terror:nouser', 'joe'],
    ['joe@example.org error:5.1.2:550 "550 no"', 'joe'],
  ])('refuses unknown addresses: %s', (text, local) => {
    expect(parseVirtusertableLine(text)).toEqual({ about: 'refusal', local, domain: 'example.org' });
  });

  it.each([
    'error:tempfail Later',
    'error:5.7.1:550 Gone',
    'error:5.1.1.1:550 No',
    'error:nousers x',
    'error:unavailable',
  ])('is refused if it says more than that: %s', (value) => {
    const flaw = `@example.org: has an error as its target; ${ADVICE}`;
    expect(parseVirtusertableLine(`@example.org ${value}`)).toEqual({ flaw });
  });

  it('has one target only', () => {
    const flaw = expect.stringMatching(
      /^a@example\.org: has 2 targets, but virtusertable of Sendmail allows one/,
    ) as string;
    expect(parseVirtusertableLine('a@example.org b, c')).toEqual({ flaw });
    expect(formatVirtusertableLine(alias('a', 'example.org', 'b', 'c'))).toEqual({ flaw });
    expect(parseVirtusertableLine('a@example.org b c')).toEqual({ flaw: expect.stringContaining('blank') as string });
  });
});

describe("for Sendmail's virtusertable", () => {
  it.each([
    ['a key is in lower case', alias('Info', 'example.org', 'Fred@x.test'), 'info@example.org\tFred@x.test'],
    [
      'a key beyond ASCII is left as makemap(8) leaves it',
      alias('GRO\u00df', 'example.org', 'b'),
      'gro\u00df@example.org\tb',
    ],
    ['a catch-all starts with an @', alias('', 'example.org', 'b'), '@example.org\tb'],
    ['a domain after a catch-all keeps the detail', alias('', 'example.org', '@x.test'), '@example.org\t%1%3@x.test'],
    ['a domain has the local part otherwise', alias('a', 'example.org', '@x.test'), 'a@example.org\ta@x.test'],
    ['a percent sign is doubled', alias('a', 'example.org', 'b%1@x.test'), 'a@example.org\tb%%1@x.test'],
    ['a percent sign in a key is not', alias('a%1', 'example.org', '@x.test'), 'a%1@example.org\ta%%1@x.test'],
  ])('%s', (_, record, line) => {
    expect(formatVirtusertableLine(record)).toBe(line);
  });

  it.each([
    ['a blank', alias('quo ted', 'example.org', 'b'), '"quo ted"@example.org: needs quotes, but makemap(8) has none'],
    [
      'a quote',
      alias('a"b', 'example.org', 'b'),
      String.raw`"a\"b"@example.org: needs quotes, but makemap(8) has none`,
    ],
    [
      'an invisible character',
      alias('a\u200bb', 'example.org', 'b'),
      '"a\u200bb"@example.org: has an invisible character (U+200B) outside quotes, but makemap(8) has no quotes',
    ],
    ['a comment', alias('#a', 'example.org', 'b'), '"#a"@example.org: would be a comment'],
    ['a wildcard', alias('c++', 'example.org', 'b'), 'c++@example.org: would be a wildcard of Sendmail'],
    ['a line feed', alias('a\nb', 'example.org', 'b'), String.raw`"\"a\nb\"@example.org": has a control character`],
    [
      'a line feed in a target',
      alias('a', 'example.org', 'b\nc d'),
      String.raw`a@example.org: has the target "b\nc d", which has a control character`,
    ],
    [
      'a program',
      alias('a', 'example.org', '|cat'),
      'a@example.org: has the target |cat; define an alias in aliases(5) for it, and make that name the target',
    ],
  ])('there is no line for %s', (_, record, flaw) => {
    expect(formatVirtusertableLine(record)).toEqual({ flaw });
  });

  it('each line is read back as the same record', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .map(foldLocal)
      .filter((raw) => flawOfWritten(formatAddress(raw, 'x.test')) === null);
    const plain = text.filter((raw) => formatAddress(raw, 'x') === `${raw}@x` && !/^#|\+[+*]$/.test(raw));
    const word = fc.oneof(plain, fc.constantFrom('%', '%1', '%%', '%%1%', 'a%1%3'));
    const domain = fc.constantFrom('example.org', 'xn--bcher-kva.example', '[192.0.2.1]');
    const quoted = fc.oneof(
      word,
      text.filter((raw) => !/\p{Cc}/u.test(raw)),
    );
    const target = fc
      .tuple(quoted, domain)
      .map(([user, at]) => formatAddress(user, at))
      .filter((address) => !/^"?(?:[|/]|:include:|error:)/.test(address));
    const record = fc.oneof(
      fc.tuple(fc.oneof(word, fc.constant('')), domain, target),
      fc.tuple(fc.constant(''), domain, fc.constant('@x.test')),
    );
    fc.assert(
      fc.property(record, ([local, at, to]) => {
        const given = alias(local, at, to);
        const line = formatVirtusertableLine(given);
        expect(line).toEqual(expect.any(String));
        expect(parseVirtusertableLine(line as string)).toEqual(given);
      }),
      { numRuns: 2_000 },
    );
  });
});
