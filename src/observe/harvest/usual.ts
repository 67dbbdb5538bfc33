/** How many requests a place finds in a window, usually. */
export interface Usual {
  /**
   * Ends a window. `found` is how many were found since the start. Says how many different names in it may be addresses that
   * are gone from the stores: as many as requests that are usually found, and were not. If those are more than half of the
   * usual ones, and would be enough for an alarm, it is any number.
   */
  missing(found: number, names: number): number;
  /** Whether so many are usually found that their loss would be enough for an alarm. */
  isEnough(names: number): boolean;
  /** Keeps this window for the usual number. */
  keep(): void;
}

const WINDOWS = 32; // half an hour by default; half of them may be bursts, such as newsletters

/** Knows nothing yet. The usual number is the median of the windows that were kept. */
export function createUsual(foundBefore: number): Usual {
  const kept: number[] = [];
  let before = foundBefore;
  let here = 0;
  let usual = 0;
  return {
    missing(found, names) {
      here = found - before;
      before = found;
      usual = kept.toSorted((a, b) => a - b)[Math.floor(kept.length / 2)] ?? here;
      return here < usual / 2 && usual >= names ? Infinity : Math.max(0, usual - here);
    },
    isEnough: (names) => usual >= names,
    keep() {
      kept.push(here);
      if (kept.length > WINDOWS) kept.shift();
    },
  };
}
