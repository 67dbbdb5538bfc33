import { vi } from 'vitest';

/** Turns of the event loop as a test wants them; `performance.now()` is its clock. To be made before what uses it starts. */
export interface FakeTurns {
  now: number;
  /** Lets time pass. */
  pass(ms: number): void;
  /** The turn ends: what waits for its check phase runs. */
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
