import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatLocal } from '../../src/address/address.ts';
import type { Flaw } from '../../src/address/address.ts';
import { formatTargets, parseTarget, parseTargets } from '../../src/address/target.ts';

describe('a target', () => {
  it.each([
    ['an address', 'fred@example.org', { kind: 'address', local: 'fred', domain: 'example.org' }],
    ['an address in capitals', 'Fred@EXAMPLE.org', { kind: 'address', local: 'Fred', domain: 'example.org' }],
    ['a bare user', 'fred', { kind: 'address', local: 'fred', domain: null }],
    ['a bare user in quotes', '"quo ted"', { kind: 'address', local: 'quo ted', domain: null }],
    ['a quoted local part', '"a, b"@example.org', { kind: 'address', local: 'a, b', domain: 'example.org' }],
    ['quotes within', 'a"@"b@example.org', { kind: 'address', local: 'a"@"b', domain: 'example.org' }],
    ['a quoted @', '"@a"@example.org', { kind: 'address', local: '@a', domain: 'example.org' }],
    ['a quoted lookalike of a domain', '"@example.org"', { kind: 'address', local: '@example.org', domain: null }],
    ['a domain', '@example.org', { kind: 'domain', domain: 'example.org' }],
    ['a domain in capitals', '@EXAMPLE.org.', { kind: 'domain', domain: 'example.org' }],
    ['a UTF-8 domain', '@bücher.example', { kind: 'domain', domain: 'xn--bcher-kva.example' }],
    ['a domain literal', '@[192.0.2.1]', { kind: 'domain', domain: '[192.0.2.1]' }],
    ['a program', '|program -a', { kind: 'special' }],
    ['a program in quotes', '"|program -a, b@example.org"', { kind: 'special' }],
    ['a file', '/var/mail/fred', { kind: 'special' }],
    ['a file in quotes', '"/var/mail/f r"', { kind: 'special' }],
    ['a file with an @, which Postfix writes to as well', '/var/mail/fred@example.org', { kind: 'special' }],
    ['a file before an @, which Postfix writes to as well', '"/a b"@example.org', { kind: 'special' }],
    ['a list', ':include:/etc/list', { kind: 'special' }],
    ['a list in quotes and capitals', '":INCLUDE:/etc/list"', { kind: 'special' }],
    ['a user whose own aliases are not looked up', String.raw`\fred`, { kind: 'special' }],
    [
      'an error of Sendmail',
      'error:5.1.1:550 gone',
      { flaw: 'refuses mail, and only a table can do that: see smmap table' },
    ],
    ['a user named error', 'error@example.org', { kind: 'address', local: 'error', domain: 'example.org' }],
  ])('can be %s', (_, text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['empty quotes', '""@example.org', 'has nothing before the @'],
    ['only an @', '@', 'has no valid domain after the @'],
    ['an @ and no domain', '@exa mple.org', 'has no valid domain after the @'],
    ['an address without a domain', 'fred@', 'has nothing after the @'],
    ['an address with an empty label', 'fred@a..b', 'has no valid domain after the @'],
    ['a source route', '@a.example:fred@example.org', 'is a source route'],
    ['a source route to a bare user', '@a.example:fred', 'has no valid domain after the @'],
    ['a missing comma', 'fred@example.org joe@example.org', 'has a blank outside quotes'],
    ['a missing comma after quotes', '"quo ted"@example.org joe', 'has a blank outside quotes'],
    ['a name and angle brackets', 'Fred <fred@example.org>', 'has a blank outside quotes'],
    ['a blank that is not ASCII', 'fred\u00a0joe@example.org', 'has a blank outside quotes'],
    ['a lone quote', 'fr"ed@example.org', 'has a quote that is not closed'],
    ['a quote that a backslash keeps open', String.raw`"fred\"@example.org`, 'has a quote that is not closed'],
    ['a program with a lone quote', '|program "a', 'has a quote that is not closed'],
    ['a NUL', 'fred\0@example.org', 'has a control character'],
    ['a NUL in a program', '|program \0', 'has a control character'],
    ['a line feed in a domain', '@example.org\n', 'has a control character'],
    ['a C1 control', '"fr\u0085ed"@example.org', 'has a control character'],
  ])('cannot be %s', (_, text, flaw) => {
    expect(parseTarget(text)).toEqual({ flaw });
  });
});

describe('the targets of an alias', () => {
  it.each([
    ['one', 'fred@example.org', ['fred@example.org']],
    ['several', 'fred@example.org, joe@example.org,ann', ['fred@example.org', 'joe@example.org', 'ann']],
    ['one twice, because only the alias removes duplicates', 'fred,fred', ['fred', 'fred']],
    ['blanks around them', '  fred \t,\n joe ', ['fred', 'joe']],
    ['nothing between two commas', ',fred,, joe,', ['fred', 'joe']],
    ['commas within quotes', '"a, b"@example.org, "c,d"', ['"a, b"@example.org', '"c,d"']],
    ['a quoted quote before a comma', String.raw`"a\",b"@example.org, joe`, [String.raw`"a\",b"@example.org`, 'joe']],
    ['a quoted backslash at the end', String.raw`"a\\",b`, [String.raw`"a\\"`, 'b']],
    ['kinds mixed', '@example.com, "|prog a, b", /dev/null', ['@example.com', '"|prog a, b"', '/dev/null']],
  ])('are read with %s', (_, text, targets) => {
    expect(textsIn(text)).toEqual(targets);
  });

  it.each([
    ['nothing', '', 'has no target'],
    ['a blank', ' ', 'has no target'],
    ['a lone comma', ',', 'has no target'],
    ['commas and blanks', ' , ,', 'has no target'],
    ['one that is not valid', 'fred, joe@', 'the target joe@ has nothing after the @'],
    ['an @ alone', 'fred, @', 'the target @ has no valid domain after the @'],
    ['a control character, which is not repeated', 'fred, jo\u0007e', 'a target has a control character'],
    ['a source route', 'joe, @a.example:fred@example.org', 'a target is a source route'],
    [
      'a source route of two hops; the first looks like a domain',
      '@a.example,@b.example:fred@example.org',
      'a target is a source route',
    ],
    ['a quote that is not closed', '"fred@example.org, joe', 'has a quote that is not closed'],
    ['a quote that is not closed in the last', 'fred, "joe', 'has a quote that is not closed'],
  ])('cannot be %s', (_, text, flaw) => {
    expect(textsIn(text)).toEqual({ flaw });
  });

  it('are read back as they were written, with any characters', () => {
    const local = fc
      .oneof(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }),
        fc.string({ unit: fc.constantFrom('"', '\\', ',', '@', ':', ' ', '\u00a0', 'a', '.'), minLength: 1 }),
      )
      .filter((raw) => !/\p{Cc}/u.test(raw) && !/^(?:[|/\\]|:include:|error:)/i.test(raw));
    const address = local.map((name) => ({
      text: formatAddress(name, 'example.org'),
      target: { kind: 'address', local: name, domain: 'example.org' },
    }));
    const user = local.map((name) => ({
      text: formatLocal(name),
      target: { kind: 'address', local: name, domain: null },
    }));
    const domain = { text: '@example.com', target: { kind: 'domain', domain: 'example.com' } };
    const program = local.map((name) => ({ text: formatLocal(`|p ${name}`), target: { kind: 'special' } }));
    const targets = fc.array(fc.oneof(address, user, program, fc.constant(domain)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(targets, (given) => {
        const texts = given.map(({ text }) => text);
        expect(textsIn(formatTargets(texts))).toEqual(texts);
        expect(texts.map(parseTarget)).toEqual(given.map(({ target }) => target));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['quotes', '"'],
    ['quotes and backslashes', String.raw`"\"`],
    ['quoted quotes', String.raw`\"`],
    ['quoted quotes and commas', String.raw`\",`],
    ['closed quotes', '"a"'],
    ['commas', ','],
    ['blanks', ' '],
    ['hops', '@a,'],
  ])('are read quickly, even with a long run of %s', (_, piece) => {
    const run = piece.repeat(100_000);
    const before = performance.now();
    for (const text of [run, `"${run}`, `"${run}"`, `a${run}b`]) {
      parseTargets(text);
      parseTarget(text);
    }
    expect(performance.now() - before).toBeLessThan(2_000); // tens of seconds when time grew with the square
  });
});

function textsIn(list: string): readonly string[] | Flaw {
  const targets = parseTargets(list);
  return 'flaw' in targets ? targets : targets.map(({ text }) => text);
}
