import type { Log } from '../../observe/log.ts';
import type { Child } from './child.ts';

/** The workers that run. One that ends is replaced. */
export interface Roster {
  readonly all: readonly Child[];
  /** Those that serve. The others still open their stores. */
  readonly serving: readonly Child[];
  /** Starts all of them. Rejects with why one cannot serve; then all are ended. */
  fill(): Promise<void>;
  /** Does this while no worker is started: all who run are part of it. */
  undisturbed<T>(work: () => Promise<T>): Promise<T>;
  /** None is replaced from now on. */
  close(): void;
  /** Resolves when none runs any more. */
  empty(): Promise<void>;
}

const STEADY_MS = 10_000; // a worker that served for so long is replaced at once
const FIRST_AGAIN_MS = 100;
const LATEST_AGAIN_MS = 10_000;

/**
 * Keeps `count` workers. `start` makes one; `greet` resolves when it can serve, and rejects if it cannot; `lost` is told of each
 * that ended. One that ends soon after its start is replaced after a time that doubles.
 */
export function createRoster(
  count: number,
  start: (number: number) => Child,
  greet: (child: Child) => Promise<void>,
  lost: (child: Child) => void,
  log: Pick<Log, 'workerStarted' | 'workerEnded'>,
): Roster {
  const all = new Map<number, Child>();
  const serving = new Set<Child>();
  const again = new Map<number, NodeJS.Timeout>();
  let calm: Promise<unknown> = Promise.resolve();
  let closed = false;

  const open = async (number: number, delayMs: number): Promise<void> => {
    const startedAt = performance.now();
    const child = start(number);
    all.set(number, child);
    void follow(child, startedAt, delayMs);
    await greet(child);
    serving.add(child);
    child.begin();
    log.workerStarted(number, child.pid);
  };
  const follow = async (child: Child, startedAt: number, delayMs: number): Promise<void> => {
    const why = await child.gone;
    const { number, pid } = child;
    all.delete(number);
    serving.delete(child);
    lost(child);
    if (closed) return;
    const isSteady = performance.now() - startedAt > STEADY_MS;
    const nextMs = isSteady ? 0 : Math.min(LATEST_AGAIN_MS, Math.max(FIRST_AGAIN_MS, delayMs * 2));
    log.workerEnded(number, pid, why, nextMs);
    again.set(
      number,
      setTimeout(() => void replace(number, nextMs), nextMs),
    );
  };
  const replace = async (number: number, delayMs: number): Promise<void> => {
    again.delete(number);
    await calm;
    if (closed) return;
    try {
      await open(number, delayMs);
    } catch {
      all.get(number)?.kill(); // its log says why it cannot serve; its end brings the next one
    }
  };
  const close = (): void => {
    closed = true;
    for (const timer of again.values()) clearTimeout(timer);
  };
  return {
    get all() {
      return [...all.values()];
    },
    get serving() {
      return [...serving];
    },
    async fill() {
      try {
        await Promise.all(Array.from({ length: count }, (_, at) => open(at + 1, 0)));
      } catch (error) {
        close();
        for (const child of all.values()) child.kill();
        throw error;
      }
    },
    async undisturbed(work) {
      const done = calm.then(work);
      calm = done.catch(() => {});
      return done;
    },
    close,
    async empty() {
      await Promise.all(Array.from(all.values(), ({ gone }) => gone));
    },
  };
}
