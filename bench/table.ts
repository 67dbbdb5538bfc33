import { chanceOf, median, ratios } from './rounds.ts';

/** Lays rows out in columns. The first `textColumns` are text; the others are figures and stand to the right. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const pad = (text: string, column: number): string => {
    const width = widths[column] as number;
    return column < textColumns ? text.padEnd(width) : text.padStart(width);
  };
  const format = (line: readonly string[]): string => line.map(pad).join('  ').trimEnd();
  return [format(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(format)].join('\n');
}

/** The same for a page of docs. The first column is text; the others stand to the right. */
export function formatMarkdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|---|${'---:|'.repeat(head.length - 1)}`, ...rows.map(line)].join('\n');
}

/** Three digits at least, thousands set off; a dash where there is no figure. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return '-';
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The lowest and the highest of several values. */
export function formatRange(values: readonly number[]): string {
  if (values.length < 2) return '';
  return `${formatNumber(Math.min(...values))} to ${formatNumber(Math.max(...values))}`;
}

/** Something that was measured of one build. */
export interface Figure {
  readonly what: string;
  /** The name of the build, or of a program that it is compared with. */
  readonly who: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** One for each round, or a single one. */
  readonly values: readonly number[];
}

/** A row for each figure. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, who, unit, values }) => {
    return [what, who, unit, formatNumber(median(values)), formatRange(values)];
  });
  return formatTable(['what', 'who', 'unit', 'median', 'range'], rows, 3);
}

const BY_CHANCE = 0.05; // a verdict is given where two equal builds reach it in at most one row of twenty

/** A row for each figure that both builds have. */
export function formatComparison(figures: readonly Figure[]): string {
  const rows = figures.flatMap((ours) => {
    const { what, who, unit, better, values } = ours;
    const other = figures.find(
      (figure) => figure.who === 'other build' && figure.what === what && figure.unit === unit,
    );
    if (who !== 'this build' || other === undefined) return [];
    const quotients = ratios(values, other.values);
    const wins = quotients.filter((quotient) => (better === 'higher' ? quotient > 1 : quotient < 1)).length;
    const verdict = verdictOf(wins, values.length);
    const middles = [values, other.values, quotients].map((each) => formatNumber(median(each)));
    return [[what, unit, ...middles, formatRange(quotients), `${wins} of ${values.length}`, verdict]];
  });
  return formatTable(['what', 'unit', 'this', 'other', 'this / other', 'range', 'better in', 'verdict'], rows, 2);
}

function verdictOf(wins: number, rounds: number): string {
  if (chanceOf(rounds, rounds) > BY_CHANCE) return 'too few rounds';
  if (chanceOf(wins, rounds) > BY_CHANCE) return 'no clear difference';
  return wins * 2 > rounds ? 'BETTER' : 'WORSE';
}

/** A limit that the project has set itself. */
export interface Goal {
  readonly goal: string;
  readonly measured: number;
  readonly met: boolean;
}

/** Holds a figure against its limit. */
export function judge(what: string, measured: number, relation: 'at most' | 'at least', limit: number): Goal {
  const met = relation === 'at most' ? measured <= limit : measured >= limit;
  return { goal: `${what}: ${relation} ${limit}`, measured, met };
}

export function formatGoals(goals: readonly Goal[]): string {
  const rows = goals.map(({ goal, measured, met }) => [met ? 'met' : 'MISSED', goal, formatNumber(measured)]);
  return formatTable(['', 'goal', 'measured'], rows, 2);
}
