import { expect, test } from 'vitest';
import { createTally } from '../../campaign/tally.ts';
import { createWeather } from '../../campaign/weather.ts';

const ENDING = {
  seed: 7,
  minutes: 10,
  faults: new Map([
    ['kill', 2],
    ['cut', 1],
  ]),
  written: 12,
  missing: [],
  again: 'npm run campaign -- --seed 7',
};

test('a campaign without a violation held', () => {
  const tally = createTally();
  const question = { map: 'redis', key: 'fred@redis.example', sentMs: 100 };
  tally.add('OK', question, 101);
  tally.add('TEMP', question, 350);
  tally.add('dropped', question, 9_000);
  tally.add('interrupted', question, 9_000);
  expect(tally.report(ENDING)).toBe(`seed 7, 10 minutes
faults 3: cut 1, kill 2
answers 2: OK 1, NOTFOUND 0, TEMP 1 (50.0 %)
TEMP by map: redis 50.0 %
written 12 mailboxes added, removed or moved
wrong NOTFOUND 0, wrong OK 0, exchanged 0, garbled 0, late 0, lost 0, crashed 0
ended without an answer, as documented: 1
late, since the process was stopped during the write: 1
slowest answer 250 ms (redis fred@redis.example)
held`);
});

test('a violation names the key, the moment, the faults, and how to repeat it', () => {
  const tally = createTally();
  const text = 'redis fred@redis.example: asked at 1200 ms, 34 ms later "NOTFOUND "; exists (from the start)';
  tally.violate({ flaw: 'wrong NOTFOUND', atMs: 1_234, text, faults: '#1 kill of redis (1000.. ms)' });
  const report = tally.report({ ...ENDING, missing: ['slapd: not installed'] });
  expect(report).toContain('\nwithout slapd: not installed\n');
  expect(report).toContain('\nwrong NOTFOUND 1, wrong OK 0, ');
  expect(report).toContain(`\nBROKEN: 1 violations, of which 1 follow

1. wrong NOTFOUND at 1.234 s: ${text}
   faults: #1 kill of redis (1000.. ms)
   again: npm run campaign -- --seed 7`);
});

test('the weather tells the faults of a time, and what was killed and stopped', () => {
  let nowMs = 1_000;
  const weather = createWeather(() => nowMs, 1);
  const fault = { number: 1, atMs: 0, target: 'redis', kind: 'kill', holdMs: 0, luck: 0 };
  const over = weather.began(fault, nowMs);
  const gone = weather.kill();
  expect(weather.tell(['redis'], 1_500, 1_600)).toBe('#1 kill of redis (1000.. ms)');
  expect(weather.tell(['http'], 1_500, 1_600)).toBe('none');
  expect([weather.killed(900, 999), weather.killed(5_000, 5_001)]).toEqual([false, true]);
  nowMs = 2_000;
  over();
  gone();
  weather.stop();
  expect(weather.tell(['redis'], 2_001, 2_002)).toBe('none');
  expect([weather.killed(2_000, 2_001), weather.killed(2_001, 2_002)]).toEqual([true, false]);
  expect([weather.stopped(1_999), weather.stopped(2_000)]).toEqual([-Infinity, 2_000]);
  expect([...weather.counts()]).toEqual([['kill', 1]]);
  weather.began({ ...fault, target: 'smmap', kind: 'slow' }, nowMs);
  expect([weather.asOldAs(1_500), weather.asOldAs(2_500)]).toEqual([1_500, 1_999]);
});

test('a question counts as old as the moment since when the daemon stands still, as its log says', () => {
  let nowMs = 5_000;
  const weather = createWeather(() => nowMs, 1);
  weather.stoodStill('smmap', 1_200);
  expect([3_799, 3_800, 5_100, 5_301].map((sentMs) => weather.asOldAs(sentMs))).toEqual([3_799, 3_799, 3_799, 5_301]);
  expect(weather.tell([], 4_000, 4_100)).toBe('smmap stood still (3800..5000 ms)');
  nowMs = 7_000;
  weather.stoodStill('the campaign', 2_000); // the turn behind the one that was slow
  expect(weather.asOldAs(6_000)).toBe(3_799);
});

test('a write that a stop interrupted is one to one connection of a process, and its question was not old', () => {
  const [FROM, TO] = [4_000, 8_000];
  const [one, other] = [{}, {}];
  const judged = (processes: number, late: readonly (readonly [sentMs: number, nowMs: number, to: object])[]) => {
    let nowMs = FROM;
    const weather = createWeather(() => nowMs, processes);
    const over = weather.began({ number: 1, atMs: 0, target: 'smmap', kind: 'stall', holdMs: 0, luck: 0 }, FROM);
    const interrupted = ([sentMs, atMs, connection]: (typeof late)[0]): boolean =>
      weather.interrupted(
        { map: 'm', key: 'fred', sentMs },
        { payload: 'TEMP x', connection, notBeforeMs: atMs, nowMs: atMs },
      );
    expect(interrupted([0, TO, one])).toBe(false); // it is still stopped
    nowMs = TO;
    over();
    return late.map(interrupted);
  };
  expect(
    judged(1, [
      [0, TO + 10, one],
      [0, TO + 11, one],
      [0, TO + 12, other],
    ]),
  ).toEqual([true, true, false]);
  expect(
    judged(2, [
      [0, TO + 10, one],
      [0, TO + 12, other],
    ]),
  ).toEqual([true, true]);
  expect(judged(1, [[-850, TO + 10, one]])).toEqual([true]);
  expect(judged(1, [[-851, TO + 10, one]])).toEqual([false]);
  expect(judged(1, [[FROM + 1, TO + 10, one]])).toEqual([false]);
  expect(judged(1, [[0, TO + 301, one]])).toEqual([false]);
});
