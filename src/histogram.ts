/** The upper ends of the classes of a histogram. The last ones are what Exim and most mail servers wait at least. */
export const BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 4_000, 5_000] as const;

/** Durations, counted by how long they were. Plain numbers: those of several processes can be added. */
export interface Durations {
  /** How many were in each class, up to its bound of BOUNDS_MS. The last number is that of longer ones. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** Counts durations. It needs the same memory for any number of them. */
export interface Histogram extends Durations {
  add(ms: number): void;
}

/** Starts with none. */
export function createHistogram(): Histogram {
  const counts: number[] = Array.from({ length: BOUNDS_MS.length + 1 }, () => 0);
  let sumMs = 0;
  return {
    counts,
    get sumMs() {
      return sumMs;
    },
    add(ms) {
      let at = 0;
      while (at < BOUNDS_MS.length && ms > (BOUNDS_MS[at] as number)) at++;
      counts[at] = (counts[at] as number) + 1;
      sumMs += ms;
    },
  };
}

/** How many durations there were. */
export function countOf({ counts }: Durations): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The durations that were added since `before`, which is an earlier state of the same histogram. */
export function durationsSince(before: Durations, { counts, sumMs }: Durations): Durations {
  return { counts: counts.map((count, at) => count - (before.counts[at] ?? 0)), sumMs: sumMs - before.sumMs };
}

/**
 * The bound of the class in which a part of the durations ends: for 0.99, 99 of 100 took at most so long. Infinity: longer than
 * every bound. Null if there were none.
 */
export function quantileMs(durations: Durations, part: number): number | null {
  const wanted = countOf(durations) * part;
  if (wanted === 0) return null;
  let below = 0;
  const at = durations.counts.findIndex((count) => (below += count) >= wanted);
  return BOUNDS_MS[at] ?? Infinity;
}

/** The durations of two histograms together. */
export function sumOfDurations(one: Durations, other: Durations): Durations {
  return { counts: one.counts.map((count, at) => count + (other.counts[at] ?? 0)), sumMs: one.sumMs + other.sumMs };
}
