const SUSPENDED_MS = 1_000;

/**
 * Milliseconds that have passed, also while the machine was suspended: then the steady clock stands still, and what was absent
 * the evening before would still be. A wall clock that is set forward only makes answers older than they are.
 */
export function createElapsed(wall = () => Date.now(), steady = () => performance.now()): () => number {
  let slept = 0;
  let lastWall = wall();
  let lastSteady = steady();
  return () => {
    const [nowWall, nowSteady] = [wall(), steady()];
    const apart = nowWall - lastWall - (nowSteady - lastSteady);
    if (apart > SUSPENDED_MS) slept += apart;
    lastWall = nowWall;
    lastSteady = nowSteady;
    return nowSteady + slept;
  };
}
