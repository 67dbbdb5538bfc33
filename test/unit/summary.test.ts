import { expect, test } from 'vitest';
import { type Skip, summarize } from '../support/summary.ts';

const redis: Skip = { name: 'Redis', missing: 'not installed' };
const exim: Skip = { name: 'Exim', missing: 'needs root' };

test('a run without skips says only how long it took', () => {
  expect(summarize([], 125_400)).toBe('\n The tests took 2 min 5 s.\n\n');
});

test('a run with skips counts them by the missing part and the reason, the most frequent first, and says how to get the parts', () => {
  const lines = summarize([exim, redis, { why: 'needs a tmpfs' }, redis], 9_000).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      ' The tests took 9 s.',
      ' 1 test was skipped here for another reason:',
      '   1  needs a tmpfs',
      ' 3 tests were skipped because a real server or tool is missing:',
      '   2  Redis  not installed',
      '   1  Exim   needs root',
      expect.stringMatching(/^ Nothing is wrong/),
      expect.stringMatching(/^ {3}sh test\/real\/parts\.sh \.parts {2}/),
      expect.stringMatching(/^ {3}\.ci\/run {2}/),
    ]),
  );
  expect(lines.indexOf('   2  Redis  not installed')).toBeLessThan(lines.indexOf('   1  Exim   needs root'));
});
