import { describe, expect, it } from 'vitest';
import { countOf, createHistogram, durationsSince, quantileMs } from '../../src/histogram.ts';

function histogramOf(...ms: readonly number[]): ReturnType<typeof createHistogram> {
  const histogram = createHistogram();
  for (const each of ms) histogram.add(each);
  return histogram;
}

describe('quantileMs', () => {
  it.each<[string, readonly number[], number, number | null]>([
    ['is null without durations', [], 0.5, null],
    ['is the bound of the only class', [3], 0.5, 5],
    ['counts a duration at a bound to the class below it', [5], 0.99, 5],
    ['is the class that holds the median', [0.1, 0.1, 30], 0.5, 0.5],
    ['leaves out one of a hundred', [...Array.from({ length: 99 }, () => 2), 900], 0.99, 2.5],
    ['sees two of a hundred', [...Array.from({ length: 98 }, () => 2), 900, 900], 0.99, 1_000],
    ['has no bound above the last class', [6_000], 0.5, Infinity],
  ])('%s', (_, durations, part, bound) => {
    expect(quantileMs(histogramOf(...durations), part)).toBe(bound);
  });
});

it('durationsSince has only what was added since', () => {
  const histogram = histogramOf(1, 400);
  const before = { counts: [...histogram.counts], sumMs: histogram.sumMs };
  histogram.add(20);
  const since = durationsSince(before, histogram);
  expect([countOf(since), since.sumMs, quantileMs(since, 0.99)]).toEqual([1, 20, 25]);
});
