import { formatTable } from './table.ts';

/** What became of a goal; null where this run did not measure it. */
export interface Verdict {
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean | null;
}

/** Judges a figure that should be at most, or at least, a limit. */
export function judge(goal: string, value: number, relation: 'at most' | 'at least', limit: number): Verdict {
  const met = relation === 'at most' ? value <= limit : value >= limit;
  return { goal: `${goal}: ${relation} ${limit}`, measured: value.toPrecision(3), met };
}

export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const word = (met: boolean | null): string => (met === null ? 'not measured' : met ? 'PASS' : 'MISS');
  return formatTable(
    ['', 'goal', 'measured'],
    verdicts.map(({ goal, measured, met }) => [word(met), goal, measured]),
    3,
  );
}
