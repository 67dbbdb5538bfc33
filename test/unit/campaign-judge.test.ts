import { describe, expect, test } from 'vitest';
import { createHistory } from '../../campaign/history.ts';
import { type Ends, judge, judgeEnd } from '../../campaign/judge.ts';

const NO_CACHE = { okMs: 0, absentMs: 0 };
const CACHE = { okMs: 500, absentMs: 100 };

/** `fred` is there at first, is removed between 1,000 and 1,010 ms and added between 2,000 and 2,010 ms. */
function fredsHistory() {
  const history = createHistory({ fred: true, joe: false });
  history.begin('fred', false, 1_000).done(1_010);
  history.begin('fred', true, 2_000).done(2_010);
  return history;
}

describe('an answer', () => {
  test.for([
    ['an OK while the key exists', 'fred', 'OK fred', 500, 510, NO_CACHE, 'OK'],
    ['an OK in the moment of its removal', 'fred', 'OK fred', 1_005, 1_300, NO_CACHE, 'OK'],
    ['an OK that was true when the question was sent', 'fred', 'OK fred', 999, 1_500, NO_CACHE, 'OK'],
    ['an OK after the removal', 'fred', 'OK fred', 1_011, 1_500, NO_CACHE, 'wrong OK'],
    ['an OK that a cache may still say', 'fred', 'OK fred', 1_500, 1_505, CACHE, 'OK'],
    ['an OK that is older than a cache may say', 'fred', 'OK fred', 1_511, 1_515, CACHE, 'wrong OK'],
    ['an OK for a key that never was', 'joe', 'OK joe', 500, 510, CACHE, 'wrong OK'],
    ['an OK for a key that nobody knows', 'ann', 'OK ann', 500, 510, CACHE, 'wrong OK'],
    ['a NOTFOUND for a key that never was', 'joe', 'NOTFOUND ', 500, 510, NO_CACHE, 'NOTFOUND'],
    ['a NOTFOUND before the removal', 'fred', 'NOTFOUND ', 500, 999, NO_CACHE, 'wrong NOTFOUND'],
    ['a NOTFOUND in the moment of the removal', 'fred', 'NOTFOUND ', 990, 1_000, NO_CACHE, 'NOTFOUND'],
    ['a NOTFOUND in the moment of the addition', 'fred', 'NOTFOUND ', 2_010, 2_020, NO_CACHE, 'NOTFOUND'],
    ['a NOTFOUND after the addition', 'fred', 'NOTFOUND ', 2_011, 2_020, NO_CACHE, 'wrong NOTFOUND'],
    ['a NOTFOUND that a cache may still say', 'fred', 'NOTFOUND ', 2_100, 2_101, CACHE, 'NOTFOUND'],
    ['a NOTFOUND that is older than a cache may say', 'fred', 'NOTFOUND ', 2_111, 2_112, CACHE, 'wrong NOTFOUND'],
    ['a NOTFOUND across an absence', 'fred', 'NOTFOUND ', 900, 3_000, NO_CACHE, 'NOTFOUND'],
    ['a TEMP', 'fred', 'TEMP lookup failed', 500, 510, NO_CACHE, 'TEMP'],
    ['the answer to another question', 'fred', 'OK joe', 500, 510, NO_CACHE, 'exchanged'],
    ['no reply of a socket map', 'fred', 'NO', 500, 510, NO_CACHE, 'garbled'],
    ['an answer just in time', 'fred', 'OK fred', 100, 5_100, NO_CACHE, 'OK'],
    ['an answer that is late, though it is true', 'fred', 'OK fred', 100, 5_101, NO_CACHE, 'late'],
    ['a TEMP that is late', 'fred', 'TEMP deadline passed', 100, 5_101, NO_CACHE, 'late'],
  ] as const)('is judged: %s', ([, key, payload, sentMs, nowMs, ages, verdict]) => {
    const answer = { payload, connection: {}, notBeforeMs: nowMs, nowMs };
    expect(judge(fredsHistory(), ages, { map: 'm', key, sentMs }, answer)).toBe(verdict);
  });

  test('is not late if it may have come while the process that reads it was busy', () => {
    const answer = { payload: 'OK fred', connection: {}, notBeforeMs: 800, nowMs: 6_000 };
    expect(judge(fredsHistory(), NO_CACHE, { map: 'm', key: 'fred', sentMs: 500 }, answer)).toBe('OK');
  });
});

describe('a write whose end nobody knows', () => {
  const unknown = () => {
    const history = createHistory({ fred: true });
    history.begin('fred', false, 1_000);
    return history;
  };

  test('allows both, until a later one is done', () => {
    const history = unknown();
    expect([history.could('fred', true, 9_000, 9_001), history.could('fred', false, 9_000, 9_001)]).toEqual([
      true,
      true,
    ]);
    history.begin('fred', false, 10_000).done(10_010);
    expect([history.could('fred', true, 10_010, 10_020), history.could('fred', true, 10_011, 10_020)]).toEqual([
      true,
      false,
    ]);
  });

  test('allows nothing before it began', () => {
    expect(unknown().could('fred', false, 500, 999)).toBe(false);
  });

  test('is told with its clocks', () => {
    expect(unknown().tell('fred')).toBe('exists (from the start), absent (written 1000 ms..?)');
  });
});

describe('a question without an answer', () => {
  const ends = (killedMs: number, stoppedMs = -Infinity): Ends => ({
    killed: (fromMs, toMs) => killedMs >= fromMs && killedMs <= toMs,
    stopped: (beforeMs) => (stoppedMs <= beforeMs ? stoppedMs : -Infinity),
    asOldAs: (sentMs) => (sentMs >= 20_000 && sentMs <= 22_000 ? 20_000 : sentMs),
  });
  const NEVER = ends(-1);

  test.for([
    ['is lost if nothing explains it', 1_000, 1_000, 1_500, NEVER, 'lost'],
    ['is excused by a kill', 1_000, 1_000, 1_500, ends(1_200), 'dropped'],
    ['is not excused by an earlier kill', 1_000, 1_000, 1_500, ends(900), 'lost'],
    ['is excused by its age', 1_000, 1_000, 5_000, NEVER, 'dropped'],
    ['is excused by the age of a question before it', 4_900, 1_000, 5_000, NEVER, 'dropped'],
    ['is excused if it was sent to a daemon that was told to stop', 1_000, 1_000, 1_001, ends(-1, 999), 'dropped'],
    ['is lost if it was sent before the daemon was told to stop', 1_000, 1_000, 1_500, ends(-1, 1_100), 'lost'],
    ['is excused if it counts as old, because the daemon stood still', 21_500, 21_500, 24_000, NEVER, 'dropped'],
    ['is lost if it was sent when the daemon stood still, and is not that old', 21_500, 21_500, 23_999, NEVER, 'lost'],
    ['is not excused by a stop of long ago', 9_000, 9_000, 9_500, ends(-1, 1_000), 'lost'],
  ] as const)('%s', ([, sentMs, oldestMs, endedMs, what, verdict]) => {
    expect(judgeEnd({ map: 'm', key: 'fred', sentMs }, oldestMs, endedMs, what)).toBe(verdict);
  });
});
