/**
 * Runs all tasks once in each round and gives the results by task, then by round. With `warmUp`, a first round does not
 * count: V8 compiles what runs often.
 */
export async function interleave<T>(
  rounds: number,
  tasks: readonly (() => T | Promise<T>)[],
  warmUp: boolean,
): Promise<T[][]> {
  const results = tasks.map((): T[] => []);
  for (let round = warmUp ? -1 : 0; round < rounds; round++) {
    // Every second round runs backwards, so that no task always runs first or always after the same other task
    const order = round % 2 === 0 ? [...tasks.keys()] : [...tasks.keys()].toReversed();
    for (const at of order) {
      const result = await (tasks[at] as () => T | Promise<T>)();
      if (round >= 0) results[at]?.push(result);
    }
  }
  return results;
}

/** The middle of the values: one disturbed round does not change it. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? NaN;
  return (lower + upper) / 2;
}

/** The value below which this share of the sorted samples lies. NaN without samples. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** One figure divided by another of the same round: what disturbed the machine then, disturbed both. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / (under[round] ?? NaN));
}

/** How likely it is that two equal builds come apart at least this clearly: the two-sided sign test. */
export function chanceOf(better: number, rounds: number): number {
  const most = Math.max(better, rounds - better);
  let ways = 0;
  for (let count = most; count <= rounds; count++) ways += choose(rounds, count);
  return Math.min(1, (2 * ways) / 2 ** rounds);
}

function choose(from: number, count: number): number {
  let ways = 1;
  for (let at = 1; at <= count; at++) ways = (ways * (from - count + at)) / at;
  return ways;
}
