import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Child } from '../../src/daemon/workers/child.ts';
import { createRoster } from '../../src/daemon/workers/roster.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Two workers that a test ends. `ok`: whether they can serve. */
function roster(ok = true) {
  const [told, ends]: [string[], ((why: string) => void)[]] = [[], []];
  let [canServe, pids] = [ok, 0];
  const start = (number: number): Child => {
    const pid = ++pids;
    told.push(`start ${number}`);
    const gone = new Promise<string>((resolve) => (ends[number] = resolve));
    return { number, pid, gone, begin() {}, kill: () => ends[number]?.('SIGKILL') } as unknown as Child;
  };
  const greet = async (child: Child): Promise<void> => {
    if (!canServe) {
      child.kill();
      throw new Error('no package');
    }
  };
  const log = {
    workerStarted: () => {},
    workerEnded: (number: number, _pid: number, why: string, againMs: number) =>
      void told.push(`${number} ended: ${why}, again in ${againMs} ms`),
  };
  const made = createRoster(2, start, greet, (child) => void told.push(`lost ${child.pid}`), log);
  const end = async (number: number): Promise<void> => {
    ends[number]?.('SIGKILL');
    await vi.advanceTimersByTimeAsync(0);
  };
  return { roster: made, told: () => told.splice(0), end, break: () => (canServe = false) };
}

it('a worker that ends is replaced: at once if it has served for some time, else after a time that doubles', async () => {
  const { roster: made, told, end } = roster();
  await made.fill();
  expect(told()).toEqual(['start 1', 'start 2']);
  await vi.advanceTimersByTimeAsync(20_000);
  await end(2);
  expect(told()).toEqual(['lost 2', '2 ended: SIGKILL, again in 0 ms', 'start 2']);
  for (const againMs of [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]) {
    await end(2);
    expect(told()[1]).toBe(`2 ended: SIGKILL, again in ${againMs} ms`);
    await vi.advanceTimersByTimeAsync(againMs - 1);
    expect(told()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told()).toEqual(['start 2']);
  }
  expect(made.serving.map(({ number }) => number)).toEqual([1, 2]);
});

it('one that cannot serve any more is tried again and again', async () => {
  const { roster: made, told, end, break: breakNow } = roster();
  await made.fill();
  breakNow();
  await end(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(told().slice(-2)).toEqual(['lost 3', '1 ended: SIGKILL, again in 200 ms']);
  expect(made.serving.map(({ number }) => number)).toEqual([2]);
});

it('none is started if one cannot serve at the start', async () => {
  const { roster: made, told } = roster(false);
  await expect(made.fill()).rejects.toThrow('no package');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told().filter((text) => text.startsWith('start')).length, made.all]).toEqual([2, []]);
});

it('none is started during a reload, nor after the end', async () => {
  const { roster: made, told, end } = roster();
  await made.fill();
  told();
  let decide = (): void => {};
  const reload = made.undisturbed(() => new Promise<void>((resolve) => (decide = resolve)));
  await end(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told()).toEqual(['lost 1', '1 ended: SIGKILL, again in 100 ms']);
  decide();
  await reload;
  await vi.advanceTimersByTimeAsync(0);
  expect(told()).toEqual(['start 1']);
  made.close();
  await end(1);
  await end(2);
  await made.empty();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told()).toEqual(['lost 3', 'lost 2']);
});
