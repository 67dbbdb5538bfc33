import { expect, it } from 'vitest';
import { CASES } from '../../src/conformance/cases.ts';
import { formatJunit, formatPassed, formatReport, jsonOf, summaryOf } from '../../src/conformance/report.ts';
import { type Result, chosen } from '../../src/conformance/run.ts';

function resultOf(id: string, verdict: Result['verdict'], why: string | null, bytes = '1:a,'): Result {
  const found = CASES.find((each) => each.id === id);
  if (found === undefined) throw new Error(id);
  const passed = [
    { connection: 1, what: 'sent', bytes },
    { connection: 1, what: 'note', bytes: 'our half ends' },
  ] as const;
  return { case: found, level: found.on.netstring ?? 'MUST', verdict, why, ms: 1_500, passed };
}

const RESULTS = [
  resultOf('framing/reply/1', 'passed', null),
  resultOf('framing/length/2', 'failed', 'the reply is OK'),
  resultOf('request/key/3', 'failed', 'the reply is <OK> & more', 'm a\0\xff\\x41"'),
  resultOf('late/next/1', 'skipped', 'needs --server-command'),
];

it('a report has a line for each case, what passed for those that failed, and the sums', () => {
  const report = formatReport(RESULTS);
  expect(report).toContain('passed  MUST   framing/reply/1\nFAILED  SHOULD framing/length/2\n');
  expect(report).toContain('          Here: the reply is OK\n          1 > 1:a,\n          1 - our half ends\n');
  expect(report).toContain('skipped MUST   late/next/1  (needs --server-command)\n');
  expect(report).toMatch(/\n4 cases: 1 passed, 1 MUST failed, 1 SHOULD failed, 1 skipped\n$/);
});

it('bytes are printed as ASCII that cannot be mistaken', () => {
  expect(formatReport(RESULTS)).toContain('1 > m a\\x00\\xff\\x5cx41"\n');
  expect(formatReport([resultOf('framing/reply/1', 'failed', '', 'x'.repeat(500))])).toContain('xxx... (500 bytes)\n');
});

it('what passed is cut in its middle, so that what came last is there', () => {
  const passed = Array.from({ length: 30 }, (_, at) => ({ connection: 1, what: 'sent', bytes: String(at) }) as const);
  const lines = formatPassed([...passed, { connection: 1, what: 'came', bytes: 'last' }]);
  expect(lines).toEqual([
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `1 > ${at}`),
    '... 15 more',
    ...[23, 24, 25, 26, 27, 28, 29].map((at) => `1 > ${at}`),
    '1 < last',
  ]);
  expect(formatPassed(passed.slice(0, 16))).toHaveLength(16);
});

it('JSON has the wire of what failed only', () => {
  expect(RESULTS.map(jsonOf)).toMatchObject([
    { id: 'framing/reply/1', wire: [] },
    { level: 'SHOULD', wire: ['1 > 1:a,', '1 - our half ends'] },
    { why: 'the reply is <OK> & more' },
    { verdict: 'skipped', wire: [] },
  ]);
  expect(summaryOf(RESULTS)).toEqual({ cases: 4, passed: 1, failedMust: 1, failedShould: 1, skipped: 1 });
});

it('JUnit has a suite for each group, and a SHOULD is a failure only if strict', () => {
  const xml = formatJunit(RESULTS, false);
  expect(xml).toContain('<testsuite name="framing" tests="2" failures="0" skipped="1">');
  expect(xml).toContain('<testcase classname="framing.reply" name="framing/reply/1" time="1.5"/>');
  expect(xml).toContain('<failure message="the reply is &lt;OK&gt; &amp; more">MUST: A key does not end at a NUL.');
  expect(formatJunit(RESULTS, true)).toContain('<testsuite name="framing" tests="2" failures="1" skipped="0">');
});

it('patterns choose cases by their ids', () => {
  const idsOf = (protocol: 'netstring' | 'line', only: readonly string[]): string[] =>
    chosen(CASES, { protocol }, only).map(({ id }) => id);
  expect(idsOf('netstring', ['order/pipeline/*', 'close/drop/1'])).toEqual([
    'order/pipeline/1',
    'order/pipeline/2',
    'close/drop/1',
  ]);
  expect(idsOf('line', ['framing/length/*'])).toEqual([]);
  expect(idsOf('netstring', ['order', 'close/drop'])).toEqual([...idsOf('netstring', ['order/*']), 'close/drop/1']);
  expect(idsOf('netstring', ['ord', 'order/pipe'])).toEqual([]);
  expect(idsOf('netstring', ['order.*'])).toEqual([]);
});
