import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldLocal, formatAddress } from '../../src/address/address.ts';
import { flawOfWritten } from '../../src/address/written.ts';
import { formatVirtualLine, parseVirtualLine } from '../../src/format/virtual.ts';
import type { Alias } from '../../src/record/alias.ts';
import { CLASSES } from '../../src/vocabulary.ts';

const alias = (local: string, domain: string, ...targets: string[]): Alias => ({
  about: 'alias',
  local,
  domain,
  targets,
});
const hosted = { about: 'domain', domain: 'example.org', class: 'alias' } as const;
const parse = (text: string): unknown => parseVirtualLine(text, 'default.test');

const SPECIAL = 'a target is not an address, and only possible in aliases(5)';

describe('a line of virtual(5)', () => {
  it.each([
    ['has an address', 'info@example.org fred@example.com', alias('info', 'example.org', 'fred@example.com')],
    ['has several targets', 'a@example.org b@x.test, c@x.test', alias('a', 'example.org', 'b@x.test', 'c@x.test')],
    ['has tabs, and blanks at its end', 'a@example.org\t \tb@x.test \t', alias('a', 'example.org', 'b@x.test')],
    ['has blanks between its targets', 'a@example.org b@x.test c', alias('a', 'example.org', 'b@x.test', 'c')],
    ['has semicolons between its targets', 'a@example.org b@x.test; c;', alias('a', 'example.org', 'b@x.test', 'c')],
    ['has an address in angle brackets', 'a@example.org <b@x.test>', alias('a', 'example.org', 'b@x.test')],
    [
      'has several addresses in angle brackets',
      'a@example.org <b@x.test> < c >, d',
      alias('a', 'example.org', 'b@x.test', 'c', 'd'),
    ],
    ['has a name before it', 'a@example.org "Doe, J." Jr. <b@x.test>,c', alias('a', 'example.org', 'b@x.test', 'c')],
    ['has comments', 'a@example.org (x) b@x.test (a, (b) \\)), c', alias('a', 'example.org', 'b@x.test', 'c')],
    ['has an address literal', 'a@example.org b@[IPv6:2001:db8::1]', alias('a', 'example.org', 'b@[IPv6:2001:db8::1]')],
    ['has a quote after a blank', 'a@example.org b "c d"@x.test', alias('a', 'example.org', 'b', '"c d"@x.test')],
    ['has a hash in an address', 'a@example.org #b@x.test', alias('a', 'example.org', '#b@x.test')],
    ['has a bare target', 'postmaster@example.org root', alias('postmaster', 'example.org', 'root')],
    ['has a catch-all', '@example.org fred@x.test', alias('', 'example.org', 'fred@x.test')],
    ['has a domain for its target', '@example.org @x.test', alias('', 'example.org', '@x.test')],
    ['has a domain before other targets', 'a@example.org @x.test, b', alias('a', 'example.org', '@x.test', 'b')],
    ['has a bare user, of the default domain', 'root fred@x.test', alias('root', 'default.test', 'fred@x.test')],
    ['has a user with a detail', 'root+x fred', alias('root+x', 'default.test', 'fred')],
    ['has a bare user in quotes', '"quo ted" fred', alias('quo ted', 'default.test', 'fred')],
    ['has a bare user in quotes with a dot', '"first.last" fred', alias('first.last', 'default.test', 'fred')],
    ['has an address in quotes', '"quo ted"@example.org fred', alias('quo ted', 'example.org', 'fred')],
    ['has an @ in quotes', '"a@b"@example.org fred', alias('a@b', 'example.org', 'fred')],
    ['has a target in quotes', 'a@example.org "b, c"@x.test', alias('a', 'example.org', '"b, c"@x.test')],
    ['has a domain', 'example.org anything', hosted],
    ['has a domain with several words', 'Example.ORG. DOMAIN of fred', hosted],
    ['has a domain that is not ASCII', 'b\u00fccher.example x', { ...hosted, domain: 'xn--bcher-kva.example' }],
    ['has an address literal', '[192.0.2.1] x', { ...hosted, domain: '[192.0.2.1]' }],
    ['has capitals', 'Info@Example.ORG b', alias('Info', 'example.org', 'b')],
  ])('%s', (_, text, record) => {
    expect(parse(text)).toEqual(record);
  });

  it.each(['', ' \t\r', '# a@example.org b', '  # indented'])('is left out: %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it.each([
    ['has no target', 'info@example.org', 'info@example.org: has no target'],
    ['has a comma only', 'info@example.org ,', 'info@example.org: has no target'],
    ['continues nothing', ' a@example.org b', 'starts with a blank, but there is no line before it to continue'],
    [
      'is a domain and nothing else',
      'example.org',
      'example.org: has nothing after it, and postmap(1) ignores such a line',
    ],
    [
      'may be a user with a dot',
      'first.last fred@x.test',
      'first.last: may be a user or a domain; give user@domain for a user, or a word for a domain',
    ],
    ['is not a domain', 'a..b x', 'a..b: has a dot and no @, but is not a domain; give user@domain for a user'],
    ['has no domain after the @', 'info@ x', 'info@: has nothing after the @'],
    ['has only an @', '@ x', '@: has nothing before the @'],
    [
      'has quotes in the middle',
      'a"b"@example.org x',
      'has a quote that is not closed, or that is not around the whole local part',
    ],
    ['has a program', 'a@example.org |cat', `a@example.org: ${SPECIAL}`],
    ['has a file', 'a@example.org b, /dev/null', `a@example.org: ${SPECIAL}`],
    ['has a user without further aliases', String.raw`a@example.org \b`, `a@example.org: ${SPECIAL}`],
    [
      'has a domain in the second place',
      'a@example.org b, @x.test',
      'a@example.org: the target @x.test is a domain, which must be the first target in Postfix',
    ],
  ])('%s, which is a flaw', (_, text, flaw) => {
    expect(parse(text)).toEqual({ flaw });
  });

  it.each([
    ['a comment of Sendmail after its target', 'a@example.org b@x.test # old'],
    ['a transport', 'a@example.org lmtp:[127.0.0.1]:8024'],
    ['a transport before an address', 'a@example.org smtp:b@x.test'],
    ['a list with a name', 'a@example.org friends: b, c;'],
    ['a backslash at the end of its first line', 'a@example.org b,\\ c'],
    ['a name with an address in it', 'a@example.org b@x.test <c@x.test>'],
    ['an angle bracket that is not closed', 'a@example.org <b@x.test'],
    ['an angle bracket that was never opened', 'a@example.org b@x.test>'],
    ['a key in angle brackets', '<a@example.org> b'],
    ['a key with a transport', 'smtp:a@example.org b'],
    ['a key that is too long', `${'.'.repeat(3_000)}@example.org b`],
    ['a control character', 'a@example.org b\u0001@x.test'],
    ['a control character in its key', 'a\u0001@example.org b@x.test'],
    ['a quote that is open in a target', 'a@example.org "b@x.test'],
    ['an error of Sendmail', 'a@example.org error:5.1.1:no'],
    ['a key with an open quote', '"info@example.org x'],
    ['a source route', '@a.test:b@example.org c'],
  ])('is refused with %s', (_, text) => {
    expect(parse(text)).toEqual({ flaw: expect.any(String) as string });
  });

  it('has no bare user without a default domain', () => {
    expect(parseVirtualLine('root fred@x.test', null)).toEqual({ flaw: 'root: has no domain; give --default-domain' });
    expect(parseVirtualLine('example.org x', null)).toEqual(hosted);
  });
});

describe('for virtual(5)', () => {
  it.each([
    ['an address is in lower case', alias('Info', 'example.org', 'Fred@x.test'), 'info@example.org Fred@x.test'],
    ['several targets have commas', alias('a', 'example.org', 'b', 'c@x.test'), 'a@example.org b, c@x.test'],
    ['a catch-all starts with an @', alias('', 'example.org', '@x.test'), '@example.org @x.test'],
    ['a domain goes before other targets', alias('a', 'example.org', 'b', '@x.test'), 'a@example.org @x.test, b'],
    ['a blank is in quotes', alias('quo ted', 'example.org', 'b'), '"quo ted"@example.org b'],
    ['a quote is escaped', alias('a"b', 'example.org', 'b'), String.raw`"a\"b"@example.org b`],
    ['a domain has a word as its value, as in the manual', hosted, 'example.org virtual'],
  ])('%s', (_, record, line) => {
    expect(formatVirtualLine(record)).toBe(line);
  });

  it.each([
    ['a program', alias('a', 'example.org', '|cat'), `a@example.org: ${SPECIAL}`],
    [
      'two domains as targets',
      alias('a', 'example.org', '@x.test', '@y.test'),
      'a@example.org: the target @y.test is a domain, which must be the first target in Postfix',
    ],
    [
      'a key that would be a comment',
      alias('#a', 'example.org', 'b'),
      '"#a"@example.org: would be a comment, and Postfix does not ask for it in quotes',
    ],
    [
      'a blank of Unicode',
      alias('a\u00a0b', 'example.org', 'b'),
      '"a\u00a0b"@example.org: has a blank that Postfix does not put into quotes',
    ],
    [
      'an invisible character',
      alias('a\u200bb', 'example.org', 'b'),
      '"a\u200bb"@example.org: has an invisible character (U+200B) outside quotes, and Postfix does not ask for it in quotes',
    ],
    [
      'an invisible character in a target',
      alias('a', 'example.org', 'b\u00adc@x.test'),
      'a@example.org: has the target "b\u00adc@x.test", which has an invisible character (U+00AD) outside quotes',
    ],
    ['a line feed', alias('a\nb', 'example.org', 'b'), String.raw`"\"a\nb\"@example.org": has a control character`],
    [
      'a line feed in a target',
      alias('a', 'example.org', 'b\nc d'),
      String.raw`a@example.org: has the target "b\nc d", which has a control character`,
    ],
    [
      'a domain that has no dot',
      { ...hosted, domain: 'localhost' },
      'localhost: has no dot, so it would be read as a user',
    ],
    [
      'a domain with mailboxes',
      { ...hosted, class: CLASSES[0] },
      'example.org: has the class mailbox, but virtual(5) has only domains of class alias',
    ],
  ])('there is no line for %s', (_, record, flaw) => {
    expect(formatVirtualLine(record)).toEqual({ flaw });
  });

  it('each line is read back as the same record', () => {
    const local = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .map(foldLocal)
      .filter((raw) => !/\p{Cc}|[^\S ]|^#/u.test(raw) && flawOfWritten(formatAddress(raw, 'x.test')) === null);
    const domain = fc.constantFrom('example.org', 'xn--bcher-kva.example', '[192.0.2.1]');
    const target = fc.tuple(local, domain).map(([user, at]) => formatAddress(user, at));
    const record = fc.record({
      about: fc.constant('alias' as const),
      local: fc.oneof(local, fc.constant('')),
      domain,
      targets: fc
        .tuple(fc.constantFrom([], ['@x.test']), fc.uniqueArray(target, { minLength: 1, maxLength: 3 }))
        .map((parts) => parts.flat())
        .filter((targets) => !targets.some((text) => /^"?(?:[|/]|:include:|error:)/.test(text))),
    });
    fc.assert(
      fc.property(record, (given) => {
        const line = formatVirtualLine(given);
        expect(line).toEqual(expect.any(String));
        expect(parseVirtualLine(line as string, null)).toEqual(given);
      }),
      { numRuns: 2_000 },
    );
  });
});
