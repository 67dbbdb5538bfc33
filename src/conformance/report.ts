import { type Case, type Level } from './case.ts';
import { groupOf } from './cases.ts';
import type { Result } from './run.ts';
import type { Passed } from './wire.ts';

const MOST_CHARS = 160; // of what was sent or came at once
const MOST_LINES = 8; // of the first, and of the last
const MARKS = { sent: '>', came: '<', note: '-' } as const;

/** How many results there are of each sort. */
export interface Summary {
  readonly cases: number;
  readonly passed: number;
  readonly failedMust: number;
  readonly failedShould: number;
  readonly skipped: number;
}

export function summaryOf(results: readonly Result[]): Summary {
  const count = (is: (result: Result) => boolean): number => results.filter(is).length;
  const failed = (level: Level): number => count((each) => each.verdict === 'failed' && each.level === level);
  return {
    cases: results.length,
    passed: count(({ verdict }) => verdict === 'passed'),
    failedMust: failed('MUST'),
    failedShould: failed('SHOULD'),
    skipped: count(({ verdict }) => verdict === 'skipped'),
  };
}

/** A line for each case, with what went over the wire for those that failed, and a line with the sums. */
export function formatReport(results: readonly Result[]): string {
  const { cases, passed, failedMust, failedShould, skipped } = summaryOf(results);
  const sums = [`${cases} cases: ${passed} passed`, `${failedMust} MUST failed`, `${failedShould} SHOULD failed`];
  return `${results.map(formatResult).join('')}\n${sums.join(', ')}, ${skipped} skipped\n`;
}

function formatResult(result: Result): string {
  const { verdict, level, why } = result;
  const { id, rule } = result.case;
  const head = `${(verdict === 'failed' ? 'FAILED' : verdict).padEnd(7)} ${level.padEnd(6)} ${id}`;
  if (verdict === 'passed') return `${head}\n`;
  if (verdict === 'skipped') return `${head}  (${why})\n`;
  const lines = [rule, `Why:  ${result.case.why}`, `Here: ${why}`, ...formatPassed(result.passed)];
  return `${head}\n${lines.map((line) => `          ${line}\n`).join('')}`;
}

/** What went over the wire, as printable text: the number of the connection, and `>` for what was sent. The middle may be cut. */
export function formatPassed(passed: readonly Passed[]): string[] {
  const lines = passed.map(({ connection, what, bytes }) => {
    return `${connection} ${MARKS[what]} ${what === 'note' ? bytes : printableOf(bytes)}`;
  });
  const more = lines.length - 2 * MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `... ${more} more`, ...lines.slice(-MOST_LINES)] : lines;
}

/** Bytes as ASCII: others as `\xNN`. */
function printableOf(bytes: string): string {
  const cut = bytes.slice(0, MOST_CHARS);
  const shown = cut.replace(
    /[^\x20-\x7e]|\\(?=x)/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return cut.length < bytes.length ? `${shown}... (${bytes.length} bytes)` : shown;
}

/** A result as an object, for `--json`. */
export function jsonOf({ case: { id, rule, why: source }, level, verdict, why, ms, passed }: Result): object {
  return { id, level, verdict, rule, source, why, ms, wire: verdict === 'failed' ? formatPassed(passed) : [] };
}

/** The results as JUnit XML, a suite for each group. A SHOULD that failed counts as skipped, unless it is strict. */
export function formatJunit(results: readonly Result[], strict: boolean): string {
  const suites = [...grouped(results)].map(([group, all]) => {
    const kinds = all.map((each) => kindOf(each, strict));
    const count = (kind: string): number => kinds.filter((each) => each === kind).length;
    const head = `  <testsuite name="${group}" tests="${all.length}" failures="${count('failure')}" skipped="${count('skipped')}">`;
    return [head, ...all.map((each, at) => junitCase(each, kinds[at] as string)), '  </testsuite>'].join('\n');
  });
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>', ''].join('\n');
}

function grouped(results: readonly Result[]): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const each of results) groups.set(groupOf(each.case), [...(groups.get(groupOf(each.case)) ?? []), each]);
  return groups;
}

function kindOf({ verdict, level }: Result, strict: boolean): 'passed' | 'failure' | 'skipped' {
  if (verdict === 'passed' || verdict === 'skipped') return verdict;
  return strict || level === 'MUST' ? 'failure' : 'skipped';
}

function junitCase({ case: { id, rule }, level, why, ms, passed }: Result, kind: string): string {
  const head = `    <testcase classname="${id.replace(/\/\d+$/, '').replaceAll('/', '.')}" name="${id}" time="${ms / 1_000}"`;
  if (kind === 'passed') return `${head}/>`;
  const text = xmlOf([`${level}: ${rule}`, ...formatPassed(passed)].join('\n'));
  return `${head}>\n      <${kind} message="${xmlOf(why ?? '')}">${text}</${kind}>\n    </testcase>`;
}

function xmlOf(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (char) => names[char] as string).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '?');
}

/** An object for each case, for `--list --json`. */
export function jsonOfCase({ id, on, rule, why: source, needs }: Case, protocol: 'netstring' | 'line'): object {
  return { id, level: on[protocol], rule, source, needs: needs ?? null };
}

/** A line for each case, for `--list`. */
export function formatList(cases: readonly Case[], protocol: 'netstring' | 'line'): string {
  return cases.map(({ id, on, rule }) => `${id.padEnd(22)} ${(on[protocol] ?? '').padEnd(6)} ${rule}\n`).join('');
}
