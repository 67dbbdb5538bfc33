import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Accepted,
  type Handover,
  type Taker,
  chooseOf,
  createHandover,
} from '../../src/daemon/workers/handover.ts';

const LATEST_MS = 4_600;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const accepted = (listener: string, protocol: Accepted['protocol'] = 'netstring'): Accepted => {
  return { socket: new Socket(), since: performance.now(), protocol, listener };
};

/** Takers that note what they are given, and are free when a test says so. */
function takers(count: number) {
  const all = Array.from({ length: count }, () => {
    const got: string[] = [];
    const taker = { clients: 0, isFree: true, givenAt: 0, got, give };
    function give({ listener }: Accepted): void {
      got.push(listener);
      Object.assign(taker, { clients: taker.clients + 1, isFree: false, givenAt: performance.now() });
    }
    return taker satisfies Taker;
  });
  const late: string[] = [];
  const handover: Handover = createHandover(
    () => all,
    () => LATEST_MS,
    () => late.push('late'),
  );
  return { all, late, handover };
}

describe('the one that gets a connection', () => {
  it.each<[string, readonly [clients: number, isFree: boolean, givenAt: number][], number | null]>([
    [
      'serves the fewest',
      [
        [3, true, 1],
        [2, true, 9],
        [4, true, 0],
      ],
      1,
    ],
    [
      'of several got one longest ago',
      [
        [2, true, 5],
        [2, true, 4],
        [2, true, 6],
      ],
      1,
    ],
    [
      'is never one that has not taken its last one',
      [
        [0, false, 0],
        [7, true, 1],
      ],
      1,
    ],
    [
      'is nobody while none is free',
      [
        [0, false, 0],
        [0, false, 1],
      ],
      null,
    ],
    ['is nobody if there is none', [], null],
  ])('%s', (_, all, expected) => {
    const list = all.map(([clients, isFree, givenAt], at) => ({ clients, isFree, givenAt, at }));
    expect(chooseOf(list)?.at ?? null).toBe(expected);
  });
});

describe('a connection', () => {
  it('waits in its order until one is free, and those that nobody took come first', async () => {
    const { all, handover } = takers(1);
    for (const name of ['a', 'b', 'c']) handover.accept(accepted(name));
    expect([all[0]?.got, handover.waiting]).toEqual([['a'], 2]);
    handover.giveBack(accepted('a'));
    for (let at = 0; at < 3; at++) {
      Object.assign(all[0] as object, { isFree: true });
      handover.next();
    }
    expect([all[0]?.got, handover.waiting]).toEqual([['a', 'a', 'b', 'c'], 0]);
    await handover.drained();
  });

  it('is half-closed when an answer would be late, and not before; one that speaks lines waits on', async () => {
    const { all, late, handover } = takers(1);
    Object.assign(all[0] as object, { isFree: false });
    const [netstring, line] = [accepted('n'), accepted('l', 'line')];
    const end = vi.spyOn(netstring.socket, 'end').mockImplementation(() => netstring.socket);
    handover.accept(netstring);
    handover.accept(line);
    const drained = vi.fn<() => void>();
    void handover.drained().then(drained);
    vi.advanceTimersByTime(LATEST_MS - 100);
    expect([late, handover.waiting]).toEqual([[], 2]);
    vi.advanceTimersByTime(300);
    expect([late, handover.waiting, end.mock.calls.length]).toEqual([['late'], 1, 1]);
    vi.advanceTimersByTime(60_000);
    expect(handover.waiting).toBe(1);
    Object.assign(all[0] as object, { isFree: true });
    handover.next();
    expect(all[0]?.got).toEqual(['l']);
    await Promise.resolve();
    expect(drained).toHaveBeenCalledOnce();
  });
});
