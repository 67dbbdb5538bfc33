import { CASES, groupOf } from '../src/conformance/cases.ts';
import type { Result } from '../src/conformance/run.ts';

const GROUPS = [...new Set(CASES.map(groupOf))];

/** A peer, and what it showed. */
export interface Row {
  readonly name: string;
  readonly version: string;
  readonly results: readonly Result[];
}

/** Two tables: what failed of each group, and the ids. How it failed is for the people of that server. */
export function tablesOf(rows: readonly Row[]): string {
  const table = rows.map(({ name, results }) =>
    line([name, ...GROUPS.map((group) => cellOf(results.filter((each) => groupOf(each.case) === group)))]),
  );
  const head = line(['', ...GROUPS]) + rule(GROUPS.length + 1);
  const details = rows.map(({ name, version, results }) =>
    line([`${name} ${version}`, ...(['MUST', 'SHOULD'] as const).map((level) => idsOf(results, level) || 'none')]),
  );
  return `${head}${table.join('')}\n${line(['server', 'MUST that fail', 'SHOULD that fail'])}${rule(3)}${details.join('')}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`.replace('|  |', '| |');
}

function rule(columns: number): string {
  return `|${'---|'.repeat(columns)}\n`;
}

function cellOf(results: readonly Result[]): string {
  const count = (level: Result['level']): number => failed(results, level).length;
  if (results.every(({ verdict }) => verdict === 'skipped')) return '-';
  const [must, should] = [count('MUST'), count('SHOULD')];
  if (must + should === 0) return 'all';
  return [must > 0 ? `**${must}**` : '', should > 0 ? `${should}` : ''].filter((text) => text !== '').join(' + ');
}

function idsOf(results: readonly Result[], level: Result['level']): string {
  return failed(results, level)
    .map((each) => each.case.id)
    .join(', ');
}

function failed(results: readonly Result[], level: Result['level']): readonly Result[] {
  return results.filter((each) => each.verdict === 'failed' && each.level === level);
}
