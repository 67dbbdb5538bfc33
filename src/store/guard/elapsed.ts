import { performance } from 'node:perf_hooks';

const SUSPENDED_MS = 1_000;

/**
 * A clock of the milliseconds that have passed, also while the machine was suspended. Then the steady clock stands
 * still, and an absence from the evening before would still count in the morning. If the wall clock is set forward,
 * answers only seem older.
 */
export function createElapsed(wall = () => Date.now(), steady = () => performance.now()): () => number {
  let slept = 0;
  let lastWall = wall();
  let lastSteady = steady();
  return () => {
    const nowWall = wall();
    const nowSteady = steady();
    const apart = nowWall - lastWall - (nowSteady - lastSteady);
    if (apart > SUSPENDED_MS) slept += apart;
    lastWall = nowWall;
    lastSteady = nowSteady;
    return nowSteady + slept;
  };
}
