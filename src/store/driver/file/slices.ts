import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MS = 5;

/** Cuts long work into slices, so that no client waits for all of it. */
export interface Slices {
  /** Whether it is time for the others. Then wait for `next`. */
  isOver(): boolean;
  next(): Promise<void>;
}

/** Begins the first slice. */
export function createSlices(): Slices {
  let since = performance.now();
  return {
    isOver: () => performance.now() - since > SLICE_MS,
    async next() {
      await nextTurn();
      since = performance.now();
    },
  };
}
