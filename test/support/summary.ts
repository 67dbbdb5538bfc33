// The last lines of a test run: what was skipped, why, and how to get the missing parts.

import type { Reporter, TestCase } from 'vitest/node';
import type { Missing } from '../real/part.ts';

/** A test that was skipped: for a part that is missing, or for a reason of its own. */
export type Skip = Missing | { readonly why: string };

/** Prints the summary after vitest's own. */
export function summaryReporter(): Reporter {
  let start = Date.now();
  let filtered = false; // with -t, vitest skips all tests of other names
  return {
    onInit(vitest) {
      filtered = vitest.config.testNamePattern !== undefined;
    },
    onTestRunStart() {
      start = Date.now();
    },
    onTestRunEnd(modules) {
      const skips = (filtered ? [] : modules).flatMap((module) => [...module.children.allTests('skipped')].map(skipOf));
      process.stdout.write(summarize(skips, Date.now() - start));
    },
  };
}

function skipOf(test: TestCase): Skip {
  for (let at: TestCase | TestCase['parent'] = test; at.type !== 'module'; at = at.parent) {
    const { missing, why } = at.meta();
    if (missing !== undefined) return missing;
    if (why !== undefined) return { why };
  }
  const result = test.result();
  return { why: (result.state === 'skipped' ? result.note : undefined) ?? test.name }; // a test that is always skipped has the reason in its name
}

/** The summary as text. */
export function summarize(skips: readonly Skip[], tookMs: number): string {
  const missing = skips.filter((skip) => 'missing' in skip);
  const others = skips.filter((skip) => 'why' in skip);
  const lines = [`The tests took ${duration(tookMs)}.`];
  if (others.length > 0) {
    lines.push('', `${tests(others.length)} skipped here for another reason:`);
    lines.push(...table(count(others.map(({ why }) => [why]))));
  }
  if (missing.length > 0) {
    lines.push('', `${tests(missing.length)} skipped because a real server or tool is missing:`);
    lines.push(...table(count(missing.map((each) => [each.name, each.missing]))), '', ...HOW);
  }
  return `\n${lines.map((line) => (line === '' ? '\n' : ` ${line}\n`)).join('')}\n`;
}

const HOW = [
  'Nothing is wrong: all other tests ran. Programs that you install are found and run in temporary folders, never as a',
  'service. Some need root, for namespaces of their own. On Debian 12 you need not install anything:',
  '',
  '  sh test/real/parts.sh .parts    unpacks them below .parts; the next npm test uses them',
  '  .ci/run                         does that and runs all tests as CI does; there a missing one is a failure',
];

function tests(number: number): string {
  return number === 1 ? '1 test was' : `${number} tests were`;
}

/** How often each row occurs, the most frequent first. */
function count(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const counts = new Map<string, [readonly string[], number]>();
  for (const row of rows) {
    const counted = counts.get(row.join('\0')) ?? [row, 0];
    counted[1]++;
    counts.set(row.join('\0'), counted);
  }
  return [...counts.values()].toSorted((a, b) => b[1] - a[1]).map(([row, number]) => [`${number}`].concat(row));
}

/** Columns; the first is a number. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === 0 ? `  ${cell.padStart(width(0))}` : at < row.length - 1 ? cell.padEnd(width(at)) : cell,
      )
      .join('  '),
  );
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
