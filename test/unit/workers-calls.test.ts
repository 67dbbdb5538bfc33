import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/daemon/control.ts';
import { type Calls, CallError, createCalls, isSilent } from '../../src/daemon/workers/calls.ts';
import { fromClock, toClock } from '../../src/daemon/workers/clock.ts';

/** Two sides of a channel. `cut`: what the second side sends is lost. */
function sides(cut = false): readonly [Calls, Calls] {
  const handlers = {
    double: (argument: number) => argument * 2,
    later: async (argument: number) => argument + 1,
    refuse: () => {
      throw new RefusedError('no');
    },
    fail: () => Promise.reject(new TypeError('a bug')),
  };
  const [one, other]: [Calls, Calls] = [
    createCalls((message) => void other.take(structuredClone(message)), {}),
    createCalls((message) => void (cut || one.take(structuredClone(message))), handlers),
  ];
  return [one, other];
}

describe('a call of another process', () => {
  it('gets the value of its function, also when calls overlap', async () => {
    const [calls] = sides();
    const all = [calls.call('double', 4, 1_000), calls.call('later', 4, null), calls.call('double', 5, 1_000)];
    expect(await Promise.all(all)).toEqual([8, 5, 10]);
  });

  it('gets its refusal, its failure with the name of the error, and that there is no such function', async () => {
    const [calls] = sides();
    await expect(calls.call('refuse', null, 1_000)).rejects.toThrow(new RefusedError('no'));
    await expect(calls.call('fail', null, 1_000)).rejects.toEqual(new CallError('a bug', 'TypeError'));
    await expect(calls.call('none', null, 1_000)).rejects.toThrow('there is no none');
  });

  it('ends when the other side is silent, or gone', async () => {
    const [calls] = sides(true);
    const silent = await calls.call('double', 1, 10).catch((error: unknown) => error);
    expect([isSilent(silent), String(silent)]).toEqual([true, 'CallError: no answer within 10 ms']);
    const open = calls.call('double', 1, null);
    calls.close();
    for (const call of [open, calls.call('double', 1, null)]) await expect(call).rejects.toThrow('it has ended');
    expect(isSilent(await open.catch((error: unknown) => error))).toBe(false);
  });

  it('leaves other messages to others', () => {
    expect(sides()[0].take({ taken: 1 })).toBe(false);
  });
});

it('the clock is the same in two processes, to a millisecond', () => {
  const before = performance.now();
  const text = execFileSync(process.execPath, ['-p', 'Number(process.hrtime.bigint()) / 1e6'], { encoding: 'utf8' });
  expect(fromClock(Number(text))).toBeGreaterThan(before - 1);
  expect(fromClock(Number(text))).toBeLessThan(performance.now() + 1);
  expect(fromClock(toClock(5))).toBeCloseTo(5, 3);
});
