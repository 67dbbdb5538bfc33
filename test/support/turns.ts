import { vi } from 'vitest';

/**
 * Turns of the event loop under the control of a test. `performance.now()` is its clock. Create it before the code that
 * uses it.
 */
export interface FakeTurns {
  now: number;
  /** Lets time pass. */
  pass(ms: number): void;
  /** Ends the turn: callbacks of its check phase run. */
  end(): void;
  /** Whether the next poll may sleep. */
  readonly sleeps: boolean;
}

export function fakeTurns(): FakeTurns {
  let immediate: (() => void) | null = null;
  let sleeps = true;
  const handle = {
    ref() {
      sleeps = false;
      return this;
    },
    unref() {
      sleeps = true;
      return this;
    },
  };
  vi.stubGlobal('setImmediate', (run: () => void) => {
    immediate = run;
    return handle;
  });
  vi.stubGlobal('clearImmediate', () => (immediate = null));
  const turns: FakeTurns = {
    now: 10_000,
    pass: (ms) => void (turns.now += ms),
    end: () => immediate?.(),
    get sleeps() {
      return sleeps;
    },
  };
  vi.spyOn(performance, 'now').mockImplementation(() => turns.now);
  return turns;
}
