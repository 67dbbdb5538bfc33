import type { Counts } from './count.ts';

/** How much less there may be without a word: who removes ten records knows it, and a tenth is a day's work. */
export const UNNOTICED = { records: 10, share: 0.1 } as const;

/** Whether so many of so many are more than anybody loses unnoticed. */
export function isLargeLoss(going: number, of: number): boolean {
  return going > UNNOTICED.records && going > of * UNNOTICED.share;
}

/**
 * Told the counts of a store now and then, tells when there is sharply less of a kind than there once was, at once or
 * little by little: once, and again when as much of the rest is gone.
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
