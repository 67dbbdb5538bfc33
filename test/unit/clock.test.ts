import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startClock } from '../../src/socket/clock.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass as it does for a process that stands still: no timer runs meanwhile. */
function standStill(ms: number): void {
  const now = performance.now() + ms;
  vi.setSystemTime(Date.now() + ms);
  vi.spyOn(performance, 'now').mockImplementation(() => now);
}

describe('the clock', () => {
  it('takes what is read for what has just arrived', () => {
    const stalled = vi.fn<(ms: number) => void>();
    const clock = startClock(stalled);
    for (let at = 0; at < 50; at++) {
      vi.advanceTimersByTime(100);
      expect(clock.arrived()).toBe(performance.now());
    }
    expect(stalled).not.toHaveBeenCalled();
    clock.close();
  });

  it('takes what is read after it stood still for what may have arrived when that began', () => {
    const stalled = vi.fn<(ms: number) => void>();
    const clock = startClock(stalled);
    vi.advanceTimersByTime(500);
    const before = performance.now();
    standStill(6_000);
    expect(clock.arrived()).toBe(before);
    expect(clock.arrived()).toBe(before); // and so for all that waited
    expect(stalled.mock.calls).toEqual([[6_000]]);
    clock.close();
  });
});
