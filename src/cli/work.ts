import { reasonOf } from '../daemon/reason.ts';
import { type Missed, type WorkerLog, startWorker } from '../daemon/workers/worker.ts';
import { createCounting } from '../observe/counting.ts';
import { createCounts } from '../observe/counts.ts';
import type { MapFacts } from '../observe/log.ts';
import { createNewest } from '../observe/newest.ts';
import { openLog } from '../observe/open.ts';
import { createCollection } from '../observe/shadow/collect.ts';
import { unfailing } from '../observe/unfailing.ts';
import { EXIT } from './error.ts';

const MOST_MISSED = 10_000; // between two messages; an attacker who asks for more is seen all the same

/** Runs a worker until `smmap serve`, which has started it, says that it is over, or ends. */
export function work(): void {
  let flush = async (): Promise<void> => {};
  const end = async (code: number): Promise<void> => {
    await flush();
    process.exit(code);
  };
  process.once('disconnect', () => process.exit(EXIT.TEMPORARY)); // nobody could reload its configuration, or empty its caches
  startWorker(
    {
      send: (message) => void (process.connected && process.send?.(message, undefined, undefined, () => {})),
      onMessage: (take) => void process.on('message', (message, socket) => take(message as object, socket as never)),
    },
    async ({ number, logging }, config): Promise<WorkerLog> => {
      const opened = openLog({ ...logging, settings: config.log, worker: number });
      ({ flush } = opened);
      const [counts, newest] = [createCounts(), createNewest(opened.keys)];
      let missed: Missed[] = [];
      let { names } = config.harvest;
      newest.isWatched = config.metrics !== null;
      const harvest = {
        missed({ name, defaultDomain = null }: MapFacts, listener: string, key: string | null): void {
          if (names > 0 && missed.length < MOST_MISSED) missed.push([{ name, defaultDomain }, listener, key]);
        },
      };
      const records = createCollection(opened.keys);
      const log = unfailing(createCounting(opened.log, reasonOf, { counts, newest, harvest, records }));
      process.on('uncaughtException', (error) => {
        log.failed(error);
        void end(EXIT.BUG);
      });
      return {
        log,
        self: { pid: process.pid, counts, newest },
        set(next) {
          opened.set(next.log);
          newest.isWatched = next.metrics !== null;
          ({ names } = next.harvest);
        },
        words() {
          if (missed.length === 0 && records.isEmpty) return null;
          const [{ hours, records: shadowed }, all] = [records.take(0), missed];
          missed = [];
          return { missed: all, shadowed: [...hours, ...shadowed] };
        },
      };
    },
    () => end(0),
  );
}
