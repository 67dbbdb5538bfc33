import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareKeys, merge } from '../../src/store/driver/embedded/merge.ts';

/** Letters of one unit of UTF-16 come before and behind those of two, as bytes only before. */
const key = fc.string({
  unit: fc.constantFrom('a', 'b', ' ', 'é', '\ud7ff', '\ue000', '\uffff', '\u{1f4ee}'),
  maxLength: 5,
});

const compareBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

it('compares keys by their bytes, as LMDB does', () => {
  fc.assert(
    fc.property(key, key, (one, other) => {
      expect(Math.sign(compareKeys(one, other))).toBe(compareBytes(one, other));
    }),
  );
});

it('merges any number of sequences, and keeps equal keys in the order of their sequences', () => {
  fc.assert(
    fc.property(fc.array(fc.array(key)), (lists) => {
      const sequences = lists.map((list, number) =>
        list.toSorted(compareBytes).map((each, at) => ({ key: each, place: `${number} ${at}` })),
      );
      expect([...merge(sequences)]).toEqual(
        sequences.flat().toSorted((one, other) => compareBytes(one.key, other.key)),
      );
    }),
  );
});

it('reads no sequence further than it must', () => {
  const read: string[] = [];
  function* noted(...keys: string[]): Generator<{ key: string }> {
    for (const each of keys) {
      read.push(each);
      yield { key: each };
    }
  }
  const merged = merge([noted('a', 'd', 'e'), noted('b', 'c')]);
  expect([merged.next().value?.key, merged.next().value?.key]).toEqual(['a', 'b']);
  expect(read).toEqual(['a', 'b', 'd']);
});
