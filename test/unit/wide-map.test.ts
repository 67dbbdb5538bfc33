import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLru } from '../../src/store/guard/lru.ts';
import { createWarmNames } from '../../src/store/guard/warm-names.ts';
import { WideMap } from '../../src/store/guard/wide-map.ts';

const ENTRIES = 50_000;
const MOST_IN_A_MAP = 6_000;

/** Counts what is set in each Map that is made from now on. */
function watchMaps() {
  const seen = { largest: 0, sets: 0 };
  class WatchedMap<K, V> extends Map<K, V> {
    override set(key: K, value: V): this {
      super.set(key, value);
      seen.sets++;
      seen.largest = Math.max(seen.largest, this.size);
      return this;
    }
  }
  vi.stubGlobal('Map', WatchedMap);
  return seen;
}

afterEach(() => vi.unstubAllGlobals());

describe('a wide map', () => {
  it.each<[what: string, keyOf: (nth: number) => string]>([
    ['keys that end with a number', (nth) => `m011:10:example.orguser${nth}`],
    ['keys that begin with a number', (nth) => `${nth}.customers.example.org`],
    ['keys of one length', (nth) => String(1_000_000_000 + nth * 7)],
    ['keys of other scripts', (nth) => `例え${nth}名前`],
  ])('keeps no Map of more than some thousands, and moves no more at once: %s', (_, keyOf) => {
    const seen = watchMaps();
    const wide = new WideMap<number>();
    let moved = 0;
    for (let nth = 0; nth < ENTRIES; nth++) {
      seen.sets = 0;
      wide.set(keyOf(nth), nth);
      moved = Math.max(moved, seen.sets);
    }
    expect(seen.largest).toBeLessThan(MOST_IN_A_MAP);
    expect(moved).toBeLessThan(MOST_IN_A_MAP);
    expect(wide.size).toBe(ENTRIES);
    for (let nth = 0; nth < ENTRIES; nth++) if (wide.get(keyOf(nth)) !== nth) throw new Error(`${keyOf(nth)} is lost`);
  });

  it('is where a cache keeps its answers and a warm cache its names', () => {
    const seen = watchMaps();
    const lru = createLru<number>(3 * ENTRIES, (key) => ({ owner: `owner of ${key}`, domain: `${key}.example.org` }));
    const names = createWarmNames(ENTRIES);
    names.begin();
    names.ask(0);
    for (let nth = 0; nth < ENTRIES; nth++) lru.put(`user${nth}`, nth);
    names.add(Array.from({ length: ENTRIES }, (_, nth) => ({ local: `user${nth}`, domain: 'example.org' })));
    expect([lru.size(), names.size()]).toEqual([ENTRIES, ENTRIES]);
    expect(seen.largest).toBeLessThan(MOST_IN_A_MAP);
  });

  it('has what a Map has, whatever is set and deleted', () => {
    const key = fc.integer({ min: 0, max: 12_000 }).map((nth) => `user${nth}`);
    const bulk = fc.record({ from: fc.nat(6_000), count: fc.nat(6_000), isGone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(bulk, { maxLength: 6 }), fc.array(key), (bulks, keys) => {
        const wide = new WideMap<number>();
        const plain = new Map<string, number>();
        for (const [round, { from, count, isGone }] of bulks.entries()) {
          for (let nth = from; nth < from + count; nth++) {
            const name = `user${nth}`;
            if (isGone && wide.delete(name) !== plain.delete(name)) throw new Error(`${name} was not deleted once`);
            if (!isGone) {
              wide.set(name, round);
              plain.set(name, round);
            }
          }
        }
        for (const each of keys) expect(wide.get(each)).toBe(plain.get(each));
        expect(wide.size).toBe(plain.size);
        for (const [name, value] of wide) if (plain.get(name) !== value) throw new Error(`${name} is wrong`);
        wide.clear();
        expect([wide.size, ...wide]).toEqual([0]);
      }),
      { numRuns: 20 },
    );
  });
});
