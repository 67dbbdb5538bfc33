import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addTo,
  createDistinct,
  createFingerprint,
  type Distinct,
  estimateOf,
  mergeInto,
} from '../../src/observe/harvest/distinct.ts';

type Key = readonly [number, number];
const KEY: Key = [0x5eed, -12_345];
const KEYS = Array.from({ length: 20 }, (_, at): Key => [
  Math.imul(at + 1, 0x9e37_79b1),
  Math.imul(at + 1, 0x85eb_ca77),
]);

/** The names from `from` on, added with a key. */
const distinctOf = (key: Key, names: number, from = 0): Distinct => {
  const fingerprint = createFingerprint(key);
  const distinct = createDistinct();
  for (let at = from; at < from + names; at++) addTo(distinct, fingerprint(`name${at}@example.org`));
  return distinct;
};

describe('the estimate of different texts', () => {
  it.each([10, 100, 1_000, 2_500, 5_000, 100_000])(
    'is right for %i names: four standard errors at most, and nearly none on average',
    (names) => {
      const errors = KEYS.slice(0, names < 100_000 ? 20 : 3).map(
        (key) => estimateOf(distinctOf(key, names)) / names - 1,
      );
      for (const error of errors) expect(Math.abs(error)).toBeLessThan(4 * 0.0325);
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      expect(Math.abs(mean)).toBeLessThan((4 * 0.0325) / Math.sqrt(errors.length));
    },
  );

  it('is 0 for nothing, and 1 for one name that comes again and again', () => {
    const fingerprint = createFingerprint();
    const distinct = createDistinct();
    expect(estimateOf(distinct)).toBe(0);
    for (let times = 0; times < 10_000; times++) addTo(distinct, fingerprint('old@example.org'));
    expect(estimateOf(distinct)).toBe(1);
  });

  it('of two together is that of their union, whatever they share', () => {
    const both = distinctOf(KEY, 1_000);
    mergeInto(both, distinctOf(KEY, 1_000, 500));
    expect(both).toEqual(distinctOf(KEY, 1_500));
  });

  it('does not depend on the order of the texts, on how often they come, or on where they are split', () => {
    const fingerprint = createFingerprint();
    const of = (texts: readonly string[]): Distinct => {
      const distinct = createDistinct();
      for (const text of texts) addTo(distinct, fingerprint(text));
      return distinct;
    };
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.nat(), (texts, at) => {
        const split = at % (texts.length + 1);
        const merged = of(texts.slice(split));
        mergeInto(merged, of(texts.slice(0, split)));
        expect(merged).toEqual(of([...texts, ...texts.toReversed()]));
        const different = new Set(texts).size;
        expect(Math.abs(estimateOf(merged) - different)).toBeLessThanOrEqual(1 + different / 5);
      }),
    );
  });

  it('takes 1 kB, and stays a number for every fingerprint', () => {
    const distinct = createDistinct();
    expect(distinct.byteLength).toBe(1_024);
    for (const fingerprint of [0, 1, 2 ** 48 - 1, 2 ** 47, 2 ** 16 - 1, 2 ** 16]) addTo(distinct, fingerprint);
    for (let at = 0; at < 1_024; at++) addTo(distinct, at); // 32 zeros for each register
    expect(Number.isFinite(estimateOf(distinct))).toBe(true);
  });

  it('cannot be misled: names that fall into one register fall into many with the key of another process', () => {
    const known = createFingerprint(KEY);
    const names = Array.from({ length: 200_000 }, (_, at) => `name${at}`).filter((name) => known(name) % 1_024 === 7);
    const estimateWith = (fingerprint: (text: string) => number): number => {
      const distinct = createDistinct();
      for (const name of names) addTo(distinct, fingerprint(name));
      return estimateOf(distinct);
    };
    expect(names.length).toBeGreaterThan(100);
    expect(estimateWith(known)).toBe(1);
    expect(estimateWith(createFingerprint())).toBeGreaterThan(0.8 * names.length);
  });
});

describe('a fingerprint', () => {
  it('has 48 bits, is the same for the same text, and differs between processes', () => {
    const [one, other] = [createFingerprint(), createFingerprint()];
    for (const text of ['', 'fred@example.org', 'ß'.repeat(10_000), '\0\n']) {
      expect(one(text)).toBe(one(text));
      expect(one(text)).not.toBe(other(text));
      expect(one(text)).toBeGreaterThanOrEqual(0);
      expect(one(text)).toBeLessThan(2 ** 48);
    }
  });
});
