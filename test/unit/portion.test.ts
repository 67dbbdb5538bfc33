import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createPortion, type Portion } from '../../src/store/driver/embedded/portion.ts';

type Entry = readonly [key: string, text: string];

/** Few letters and few texts, so that keys begin alike, end within others, and come twice. */
const key = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\0', 'é', '\uffff', '\u{1f4ee}'), maxLength: 12 }),
  fc.constantFrom('', 'example.org user1', 'example.org user10', 'example.org user2', 'example.com user1'),
);
const entries = fc.array(fc.tuple(key, fc.constantFrom('', 'active', 'disabled', 'é\tvalue=x')), { maxLength: 300 });

function taken(portion: Portion): Entry[] {
  return Array.from(portion.take(), ({ key: each, text }): Entry => [each, text]);
}

/** As LMDB compares keys. A zero byte, which no key of a record has, comes where it likes. */
function inOrder(all: readonly Entry[]): Entry[] {
  return all.toSorted(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

it('gives its entries in the order of LMDB, and equal keys as they came', () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 3 }), (rounds) => {
      const portion = createPortion({ entries: 300, bytes: 100_000 });
      for (const round of rounds) {
        const given = round.map(([each, text]): Entry => [each.replaceAll('\0', ''), text]);
        for (const [each, text] of given) expect(portion.add(each, text)).toBe(true);
        expect(taken(portion)).toEqual(inOrder(given));
        expect(taken(portion)).toEqual([]);
      }
    }),
  );
});

it.each([
  [
    'that have few letters and long beginnings',
    30_000,
    (one: number) => `${'sub.'.repeat(one % 7)}example${one % 9} ${one}`,
  ],
  ['that have many letters', 30_000, (one: number) => String.fromCodePoint(0x21 + one, 0x1f400 + (one % 512))],
  ['of which most are there many times', 30_000, (one: number) => `example.org user${one % 50}`],
  ['that all end within the next', 300, (one: number) => 'a'.repeat(one)],
] as const)('sorts keys %s', (_, many, keyOf) => {
  const portion = createPortion({ entries: many, bytes: 2 ** 24 });
  const given = Array.from({ length: many }, (__, at): Entry => [keyOf((at * 7_919) % many), `${at}`]);
  for (const [each, text] of given) expect(portion.add(each, text)).toBe(true);
  expect(taken(portion)).toEqual(inOrder(given));
});

it('loses no entry and ends, whatever a key has', () => {
  fc.assert(
    fc.property(entries, (given) => {
      const portion = createPortion({ entries: 300, bytes: 100_000 });
      for (const [each, text] of given) portion.add(each, text);
      expect(inOrder(taken(portion))).toEqual(inOrder(given));
    }),
  );
});

it.each([
  [
    'when it has so many entries',
    { entries: 2, bytes: 1_000 },
    [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'x'],
    ],
  ],
  [
    'before an entry could be longer than the bytes that are left',
    { entries: 9, bytes: 60 },
    [
      ['a', 'x'],
      ['b', 'y'],
      ['ééé', 'x'],
    ],
  ],
] as const)('is full %s, and has room when they were taken', (_, size, [first, second, third]) => {
  const portion = createPortion(size);
  expect([first, second, third].map(([each, text]) => portion.add(each, text))).toEqual([true, true, false]);
  expect(taken(portion)).toEqual([first, second]);
  expect(portion.add(third[0], third[1])).toBe(true);
  expect(taken(portion)).toEqual([third]);
});
