import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Turns, startTurns } from '../../src/socket/turn.ts';
import { type FakeTurns, fakeTurns } from '../support/turns.ts';

const stalled = vi.fn<(ms: number) => void>();
let fake: FakeTurns;
let turns: Turns;
beforeEach(() => {
  stalled.mockClear();
  fake = fakeTurns();
  turns = startTurns(stalled);
});
afterEach(() => {
  turns.close();
  vi.unstubAllGlobals();
});

/** A turn that takes this long. */
function turn(ms: number): void {
  fake.pass(ms);
  fake.end();
}

describe('a request that is read now', () => {
  it('has just arrived if turns are short, as when nothing happens', () => {
    for (let at = 0; at < 50; at++) {
      turn(100);
      expect(turns.arrived(fake.now)).toBe(fake.now);
      fake.pass(20);
      expect(turns.arrived(fake.now)).toBe(fake.now);
    }
    expect(stalled).not.toHaveBeenCalled();
  });

  it('may have arrived while this turn or the turn before read others', () => {
    turn(1);
    turn(1);
    const before = fake.now;
    turn(3_000); // the poll of this turn was made at its beginning, and reported nothing
    fake.pass(2_000);
    expect(turns.arrived(fake.now)).toBe(before);
    turn(0);
    expect(turns.arrived(fake.now)).toBe(before + 3_000); // of the turn that took 2 s
    turn(0);
    expect(turns.arrived(fake.now)).toBe(fake.now);
  });

  it('may have arrived while this process stood still, in the poll of this turn or of the one before', () => {
    turn(100);
    const asleep = fake.now;
    fake.pass(6_000);
    expect(turns.arrived(fake.now)).toBeLessThanOrEqual(asleep);
    fake.end();
    expect(turns.arrived(fake.now)).toBe(asleep); // the request came after the kernel reported, and before the stop ended
    expect(fake.sleeps).toBe(false); // so only requests that are here by now count as old
    fake.pass(1);
    fake.end();
    expect(turns.arrived(fake.now)).toBe(fake.now); // and then everything is normal again
    expect(fake.sleeps).toBe(true);
    expect(stalled.mock.calls).toEqual([[6_000]]);
  });
});

describe('a request that a turn sees', () => {
  it('came after the end of the turn before', () => {
    turn(1);
    const last = fake.now;
    fake.pass(200);
    expect(turns.seen(fake.now)).toBe(last + 200);
    fake.pass(2_000);
    expect(turns.seen(fake.now)).toBe(last);
  });
});

describe('work that waits', () => {
  it('gets a millisecond of each turn, in order, and no poll sleeps before it is done', () => {
    const done: string[] = [];
    const work = (name: string, times: number): void =>
      turns.later(() => {
        done.push(name);
        fake.pass(0.4);
        if (times > 1) work(name, times - 1);
      });
    work('a', 3);
    work('b', 2);
    expect(fake.sleeps).toBe(false);
    fake.end();
    expect(done.join('')).toBe('aba');
    expect(fake.sleeps).toBe(false);
    fake.end();
    expect(done.join('')).toBe('ababa');
    expect(fake.sleeps).toBe(true);
  });

  it('continues even if one part takes longer', () => {
    const done: number[] = [];
    for (const at of [1, 2]) {
      turns.later(() => {
        done.push(at);
        fake.pass(50);
      });
    }
    fake.end();
    expect(done).toEqual([1]);
    fake.end();
    expect(done).toEqual([1, 2]);
  });
});

describe('the end of a turn', () => {
  it('may move waiting work to the next turn, which comes at once', () => {
    let busy = true;
    const work = vi.fn<() => void>();
    turns.atEnd(() => busy);
    turns.later(work);
    turn(1);
    expect([work.mock.calls.length, fake.sleeps]).toEqual([0, false]);
    busy = false;
    turn(1);
    expect([work.mock.calls.length, fake.sleeps]).toEqual([1, true]);
  });

  it('is reported with a time before its poll', () => {
    const told: number[] = [];
    turns.atEnd((beforePoll) => told.push(beforePoll) < 2);
    turn(10);
    expect(fake.sleeps).toBe(false); // as it said
    const last = fake.now;
    turn(10);
    expect(fake.sleeps).toBe(true);
    expect(told).toEqual([10_000, last]);
  });
});

describe('the turns of this Node', () => {
  it('go on by themselves, and let the process sleep', async () => {
    turns.close();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    const real = startTurns(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    real.close();
    expect(real.count).toBeGreaterThan(5);
    expect(real.count).toBeLessThan(10_000); // and not a million; other work of this process wakes it, too
  });
});
