import { isLargeLoss } from '../../loss.ts';
import type { Counts } from './count.ts';

/**
 * A function to call with the counts of a store now and then. It calls `shrank` if there are far fewer records of a
 * kind than there once were, no matter how fast they went. It does so once, and again if as large a share of the rest
 * is gone.
 */
export function createShrinkWatch(
  shrank: (name: string, before: number, after: number) => void,
): (counts: Counts | null) => void {
  const highest = new Map<string, number>();
  return (counts) => {
    if (counts === null) return;
    for (const name of new Set([...highest.keys(), ...counts.keys()])) {
      const before = highest.get(name) ?? 0;
      const after = counts.get(name) ?? 0;
      const large = isLargeLoss(before - after, before);
      if (large) shrank(name, before, after);
      if (large || after > before) highest.set(name, after);
    }
  };
}
