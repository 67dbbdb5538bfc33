import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Fold,
  TooLongError,
  foldLocal,
  formatAddress,
  formatLocal,
  parseAddress,
  spell,
} from '../../src/address/address.ts';
import { splitDetail } from '../../src/address/detail.ts';
import { parseDomain } from '../../src/address/domain.ts';

interface Read {
  readonly what: string;
  readonly text: string;
  readonly local: string;
  readonly domain: string | null;
}

interface Refused {
  readonly what: string;
  readonly text: string;
  readonly flaw: string;
}

/** See test/vectors/README.md. */
interface Vectors {
  readonly addresses: readonly ((Read & { readonly canonical?: string }) | Refused)[];
  readonly domains: readonly { readonly what: string; readonly text: string; readonly domain: string | null }[];
  readonly details: readonly {
    readonly what: string;
    readonly local: string;
    readonly separators: readonly string[];
    readonly user: string | null;
    readonly separator?: string;
    readonly detail?: string;
  }[];
  readonly folds: readonly ((Read | Refused) & { readonly fold: Fold })[];
  readonly same: readonly (readonly [string, string])[];
  readonly different: readonly (readonly [string, string])[];
}

const file = new URL('../vectors/identity.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

const isRefused = (row: object): row is Refused => 'flaw' in row;
const isRead = <Row extends Read>(row: Row | Refused): row is Row => !isRefused(row);

/** An address in the spelling that is compared. */
function spelt(text: string, fold: Fold): object {
  const address = parseAddress(text, fold);
  return 'flaw' in address ? address : { ...address, local: spell(address.local, fold) };
}

describe('an address', () => {
  it.each(vectors.addresses.filter(isRead))('is read with $what', ({ text, local, domain, canonical }) => {
    expect(parseAddress(text)).toEqual({ local, domain });
    const written = domain === null ? formatLocal(local) : formatAddress(local, domain);
    expect(parseAddress(written)).toEqual({ local, domain });
    if (domain !== null) expect(written).toBe(canonical);
  });

  it.each(vectors.addresses.filter(isRefused))('cannot be $what', ({ text, flaw }) => {
    expect(parseAddress(text)).toEqual({ flaw });
  });

  it.each(vectors.folds)('is spelt with $what', ({ text, fold, ...row }) => {
    expect(spelt(text, fold)).toEqual('flaw' in row ? { flaw: row.flaw } : { local: row.local, domain: row.domain });
  });

  it.each(vectors.same)('%s is the same as %s', (one, other) => {
    expect(spelt(one, 'both')).toEqual(spelt(other, 'both'));
    expect(parseAddress(one)).not.toHaveProperty('flaw');
  });

  it.each(vectors.different)('%s is not the same as %s', (one, other) => {
    expect(spelt(one, 'both')).not.toEqual(spelt(other, 'both'));
    expect(parseAddress(one)).not.toHaveProperty('flaw');
    expect(parseAddress(other)).not.toHaveProperty('flaw');
  });

  it('is read back as it was written, with any characters, and also after blanks around the line are cut off', () => {
    const local = fc.string({ unit: 'grapheme', minLength: 1 }).filter((raw) => !/\p{Cc}/u.test(raw));
    const domain = fc.constantFrom('example.org', 'xn--bcher-kva.example', '[192.0.2.1]');
    fc.assert(
      fc.property(local, domain, (name, at) => {
        expect(parseAddress(formatAddress(name, at).trim(), 'none')).toEqual({ local: name, domain: at });
        expect(parseAddress(formatLocal(name).trim(), 'none')).toEqual({ local: name, domain: null });
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['quotes and backslashes', String.raw`"\"`.repeat(100_000)],
    ['hops', '@a,'.repeat(100_000)],
    ['colons', `@a${':'.repeat(300_000)}`],
    ['blanks after a comma', `@a,${' '.repeat(300_000)}`],
    ['dots', `fred@${'.'.repeat(300_000)}`],
  ])('is read quickly, even with a long run of %s', (_, text) => {
    const before = performance.now();
    parseAddress(text);
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});

describe('a domain', () => {
  it.each(vectors.domains)('is read with $what', ({ text, domain }) => {
    expect(parseDomain(text)).toBe(domain);
    if (domain !== null) expect(parseDomain(domain)).toBe(domain);
  });
});

describe('a local part', () => {
  it('is folded once: to fold it again, or after another program folded or composed it, changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (local) => {
        const folded = foldLocal(local);
        expect(foldLocal(folded)).toBe(folded);
        expect(foldLocal(local.toLowerCase())).toBe(folded);
        expect(foldLocal(local.normalize('NFD'))).toBe(folded);
        expect(spell(spell(local, 'none'), 'both')).toBe(folded);
      }),
      { numRuns: 5_000 },
    );
  });
});

/**
 * Texts as long as a request may be, for which Punycode or composing needs time that grows with the square of the
 * length.
 */
const CJK = String.fromCharCode(...Array.from({ length: 3_300 }, (_, at) => 0x4e00 + at * 6));
const MARKS = '\u0301\u0327'.repeat(2_400);

describe('a text that takes long to compare', () => {
  it.each([
    ['a domain in Punycode', () => parseDomain(`${CJK}.example`)],
    ['an address in such a domain', () => parseAddress(`x@${CJK}.example`)],
    ['a domain of combining marks', () => parseDomain(`a${MARKS}.example`)],
  ])('is refused unread: %s', (_, read) => {
    const before = performance.now();
    for (let at = 0; at < 100; at++) read();
    expect(performance.now() - before).toBeLessThan(500); // 1,500 ms otherwise
    expect(parseDomain(`${CJK}.example`)).toBeNull();
  });

  it.each<[string, string]>([
    ['a local part of combining marks', `a${MARKS}`],
    ['a local part of 513 units', `${'a'.repeat(512)}\u00fc`],
  ])('is a doubt, and not another mailbox: %s', (_, local) => {
    const before = performance.now();
    for (const fold of ['both', 'domain', 'none'] as const) expect(() => spell(local, fold)).toThrow(TooLongError);
    expect(performance.now() - before).toBeLessThan(500);
  });

  it('is neither ASCII only nor at most 512 units long', () => {
    expect(spell('A'.repeat(10_000), 'both')).toBe('a'.repeat(10_000));
    expect(spell(`${'A'.repeat(511)}\u00dc`, 'both')).toBe(`${'a'.repeat(511)}\u00fc`);
    expect(parseDomain(`${'\u00fc'.repeat(40)}.example`)).toMatch(/^xn--/);
  });
});

describe('a detail', () => {
  it.each(vectors.details)('is $what: $local', ({ local, separators, user, separator, detail }) => {
    expect(splitDetail(local, separators)).toEqual(user === null ? null : { user, separator, detail });
  });
});

describe('the vectors', () => {
  it('have no equal rows', () => {
    const { addresses, domains, details, folds, same, different } = vectors;
    for (const keys of [
      addresses.map(({ text }) => text),
      addresses.map(({ what }) => what),
      domains.map(({ text }) => text),
      domains.map(({ what }) => what),
      details.map(({ local, separators }) => JSON.stringify([local, separators])),
      details.map(({ what }) => what),
      folds.map(({ text, fold }) => JSON.stringify([text, fold])),
      folds.map(({ what }) => what),
      [...same, ...different].map((pair) => JSON.stringify(pair.toSorted())),
    ]) {
      expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    }
  });
});
