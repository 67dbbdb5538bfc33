import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldLocal, formatAddress, parseAddress } from '../../src/address/address.ts';
import { splitDetail } from '../../src/address/detail.ts';
import { parseDomain } from '../../src/address/domain.ts';

describe('an address', () => {
  it.each([
    ['a bare user', 'fred', 'fred', null],
    ['a user at a domain', 'fred@example.org', 'fred', 'example.org'],
    ['a domain in capitals; the local part keeps its case', 'Fred@EXAMPLE.org', 'Fred', 'example.org'],
    ['a trailing dot', 'fred@example.org.', 'fred', 'example.org'],
    ['a quoted local part', '"quo ted"@example.org', 'quo ted', 'example.org'],
    ['quotes that were not needed', '"fred"@example.org', 'fred', 'example.org'],
    ['a quoted user alone', '"quo ted"', 'quo ted', null],
    ['an @ within quotes', '"a@b"@example.org', 'a@b', 'example.org'],
    ['an @ within quotes, alone', '"a@b"', 'a@b', null],
    ['quoted pairs', String.raw`"a\"b\\c"@example.org`, String.raw`a"b\c`, 'example.org'],
    ['the quotes already gone, as Sendmail asks', 'quo ted@example.org', 'quo ted', 'example.org'],
    ['the quotes gone around an @', 'a@b@example.org', 'a@b', 'example.org'],
    ['a lone quote, taken literally', '"fred@example.org', '"fred', 'example.org'],
    ['UTF-8 on both sides', 'jürgen@bücher.example', 'jürgen', 'xn--bcher-kva.example'],
    ['a domain literal', 'fred@[192.0.2.1]', 'fred', '[192.0.2.1]'],
    ['a percent sign, which is nothing special', 'joe%a.example@example.org', 'joe%a.example', 'example.org'],
    [
      'a source route, as a local part that nobody has',
      '@a.example:fred@example.org',
      '@a.example:fred',
      'example.org',
    ],
    [
      'a local part over 64 octets, which mailboxes have',
      `${'l'.repeat(65)}@example.org`,
      'l'.repeat(65),
      'example.org',
    ],
  ])('is read with %s', (_, text, local, domain) => {
    expect(parseAddress(text)).toEqual({ local, domain });
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['nothing before the @', '@example.org', 'has nothing before the @'],
    ['empty quotes', '""@example.org', 'has nothing before the @'],
    ['nothing after the @', 'fred@', 'has nothing after the @'],
    ['only an @', '@', 'has nothing before the @'],
    ['a NUL', 'fred\0x@example.org', 'has a control character'],
    ['a line feed', 'fred\n@example.org', 'has a control character'],
    ['a C1 control', 'fred\u0085@example.org', 'has a control character'],
    ['an empty label', 'fred@example..org', 'has no valid domain after the @: example..org'],
    ['only a dot as domain', 'fred@.', 'has no valid domain after the @: .'],
    ['a blank in the domain', 'fred@exam ple.org', 'has no valid domain after the @: exam ple.org'],
    ['a label over 63 octets', `fred@${'d'.repeat(64)}.org`, `has no valid domain after the @: ${'d'.repeat(64)}.org`],
    ['Sendmail canonical form', 'fred<@example.org.>', 'has no valid domain after the @: example.org.>'],
  ])('cannot be %s', (_, text, flaw) => {
    expect(parseAddress(text)).toEqual({ flaw });
  });

  it.each([
    ['fred', 'fred@example.org'],
    ['fred+lists', 'fred+lists@example.org'],
    ['first.last', 'first.last@example.org'],
    ['jürgen', 'jürgen@example.org'],
    ['quo ted', '"quo ted"@example.org'],
    ['a..b', '"a..b"@example.org'],
    ['.a', '".a"@example.org'],
    ['a@b', '"a@b"@example.org'],
    [String.raw`a"b\c`, String.raw`"a\"b\\c"@example.org`],
  ])('with the local part %s is written as %s and read back', (local, text) => {
    expect(formatAddress(local, 'example.org')).toBe(text);
    expect(parseAddress(text)).toEqual({ local, domain: 'example.org' });
  });
});

describe('a domain', () => {
  it.each([
    ['Bücher.Example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['bu\u0308cher.example', 'xn--bcher-kva.example'], // decomposed
    ['bücher。example', 'xn--bcher-kva.example'], // ideographic full stop
    ['straße.example', 'xn--strae-oqa.example'], // IDNA 2008 keeps the sharp s
    ['localhost', 'localhost'],
    ['_dmarc.example', '_dmarc.example'],
    ['[IPv6:2001:DB8::1]', '[ipv6:2001:db8::1]'],
  ])('%s is %s', (text, domain) => {
    expect(parseDomain(text)).toBe(domain);
  });

  it.each(['', '.', '..', '.a', 'a b', 'a/b', 'bü/x', 'bü@x', 'bü:25', '[]', '[a b]', 'bü%2e', `${'a.'.repeat(128)}a`])(
    'is not %j',
    (text) => {
      expect(parseDomain(text)).toBeNull();
    },
  );
});

describe('a local part', () => {
  it.each([
    ['FRED', 'fred'],
    ['JÜRGEN', 'jürgen'],
    ['ju\u0308rgen', 'jürgen'],
    ['Æ', 'æ'],
    ['GROẞ', 'gross'],
    ['groß', 'gross'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδος', 'οδοσ'],
    ['\ufb01n', 'fin'], // a ligature
    ['\u212a', 'k'], // the Kelvin sign
    ['İ', 'i\u0307'],
    ['fırat', 'fırat'], // a letter of its own, which folds to itself
  ])('%s is folded to %s', (local, folded) => {
    expect(foldLocal(local)).toBe(folded);
  });

  it('is folded once for all: folding again, or after another has folded or composed, changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (local) => {
        const folded = foldLocal(local);
        expect(foldLocal(folded)).toBe(folded);
        expect(foldLocal(local.toLowerCase())).toBe(folded);
        expect(foldLocal(local.normalize('NFD'))).toBe(folded);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a detail', () => {
  it.each([
    ['stands behind the first separator', 'fred+a+b', ['+'], 'fred', '+', 'a+b'],
    ['may be empty', 'fred+', ['+'], 'fred', '+', ''],
    ['keeps its case and blanks', 'fred+A b', ['+'], 'fred', '+', 'A b'],
    ['may have a separator of several characters', 'fred--a-b', ['--'], 'fred', '--', 'a-b'],
    ['stands behind whichever separator comes first', 'fred-a+b', ['+', '-'], 'fred', '-', 'a+b'],
    ['stands behind the longest of two that start together', 'fred--a', ['-', '--'], 'fred', '--', 'a'],
    ['needs a user, so a leading separator is a part of it', '+a+b', ['+'], '+a', '+', 'b'],
  ])('%s', (_, local, separators, user, separator, detail) => {
    expect(splitDetail(local, separators)).toEqual({ user, separator, detail });
  });

  it.each([
    ['fred', ['+']],
    ['+lists', ['+']],
    ['fred-a', ['--']],
    ['fred+a', []],
  ])('is not in %s with the separators %j', (local, separators) => {
    expect(splitDetail(local, separators)).toBeNull();
  });
});
