import { expect, it } from 'vitest';
import { createShrinkWatch } from '../../src/store/driver/embedded/shrink.ts';
import { isLargeLoss } from '../../src/store/loss.ts';

it.each([
  [10, 10, false],
  [11, 11, true],
  [11, 109, true],
  [11, 110, false],
  [30_000, 300_000, false],
  [30_001, 300_000, true],
  [-5, 0, false],
])('a loss of %i of %i records is reported: %s', (going, of, sharp) => {
  expect(isLargeLoss(going, of)).toBe(sharp);
});

it('a loss is reported once for each kind, also if the records go one by one or all at once', () => {
  const told: string[] = [];
  const watch = createShrinkWatch((name, before, after) => told.push(`${name} ${before} ${after}`));
  const see = (counts: Record<string, number> | null): string[] => {
    told.length = 0;
    watch(counts === null ? null : new Map(Object.entries(counts)));
    return [...told];
  };
  expect(see({})).toEqual([]);
  expect(see({ mailbox: 200, 'key access': 50 })).toEqual([]);
  expect(see({ mailbox: 185, 'key access': 45 })).toEqual([]);
  expect(see({ mailbox: 179, 'key access': 45 })).toEqual(['mailbox 200 179']);
  expect(see({ mailbox: 179, 'key access': 45 })).toEqual([]);
  expect(see(null)).toEqual([]); // a store of an older format has no counts
  expect(see({ mailbox: 300 })).toEqual(['key access 50 0']);
  expect(see({})).toEqual(['mailbox 300 0']);
});
