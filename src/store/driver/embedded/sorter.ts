import type { Entry } from './derived.ts';
import { merge } from './merge.ts';
import { createPortion, type Portion, type PortionSize } from './portion.ts';
import { createRuns, type Runs } from './runs.ts';
import { openSpill, type Spill } from './spill.ts';

/** Puts any number of entries into the order of their keys, in memory that does not grow with them. */
export interface Sorter {
  /** False if an entry is too long. Throws StoreError if there is no room for it. */
  add(key: string, text: string): boolean;
  /** All entries in order, equal keys in the order of `add`. To be called once. Throws StoreError. */
  sorted(): Iterable<Entry>;
  close(): void;
}

/** A sorter that needs a file in a folder when it has more than fits into a portion. */
export function createSorter(dir: string, size?: PortionSize): Sorter {
  let portion: Portion | null = null;
  let spilled: { readonly spill: Spill; readonly runs: Runs } | null = null;
  const spillOut = (full: Portion): Runs => {
    if (spilled === null) {
      const spill = openSpill(dir);
      spilled = { spill, runs: createRuns(spill) };
    }
    spilled.runs.write(full);
    return spilled.runs;
  };
  return {
    add(key, text) {
      portion ??= createPortion(size);
      if (portion.add(key, text)) return true;
      spillOut(portion);
      return portion.add(key, text);
    },
    sorted() {
      if (portion === null) return [];
      if (spilled === null) return portion.take();
      const runs = spillOut(portion);
      portion = null; // its memory is needed no more
      return merge(runs.all());
    },
    close: () => spilled?.spill.close(),
  };
}
