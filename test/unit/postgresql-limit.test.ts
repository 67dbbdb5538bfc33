import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLimit } from '../../src/store/driver/postgresql/limit.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the limit of what a connection does', () => {
  const late = vi.fn<() => void>();
  beforeEach(() => void late.mockClear());
  const beginFor = (limit: ReturnType<typeof createLimit>, ms: number): void => limit.begin(performance.now() + ms);

  it('is reached when its time is over', () => {
    beginFor(createLimit(late), 1_000);
    vi.advanceTimersByTime(999);
    expect(late).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(late).toHaveBeenCalledOnce();
  });

  it('is not reached by what ended', () => {
    const limit = createLimit(late);
    beginFor(limit, 1_000);
    vi.advanceTimersByTime(500);
    limit.end();
    vi.advanceTimersByTime(5_000);
    expect(late).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is that of the newest thing, which keeps the timer of an older one', () => {
    const limit = createLimit(late);
    for (let nth = 0; nth < 10; nth++) {
      beginFor(limit, 1_000);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(300);
      limit.end();
    }
    beginFor(limit, 1_000);
    vi.advanceTimersByTime(999);
    expect(late).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(late).toHaveBeenCalledOnce();
  });

  it('may be sooner than that of what came before', () => {
    const limit = createLimit(late);
    beginFor(limit, 10_000);
    limit.end();
    beginFor(limit, 100);
    vi.advanceTimersByTime(100);
    expect(late).toHaveBeenCalledOnce();
  });

  it('is reached at once by what is late already', () => {
    beginFor(createLimit(late), -5);
    vi.advanceTimersByTime(1);
    expect(late).toHaveBeenCalledOnce();
  });
});
