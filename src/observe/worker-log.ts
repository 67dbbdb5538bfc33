import type { Logger } from './log.ts';

/** Writes what happens to the workers, in the log of the process that starts them. */
export function createWorkerLog(logger: Logger) {
  return {
    workerStarted(worker: number, pid: number): void {
      logger.info({ event: 'worker_started', worker, workerPid: pid }, `worker ${worker} serves`);
    },
    workerEnded(worker: number, pid: number, why: string, againMs: number): void {
      const text = `worker ${worker} ended (${why}), and its clients lost their connections; another one starts`;
      logger.error({ event: 'worker_ended', worker, workerPid: pid, why, againMs }, text);
    },
    workerHangs(worker: number, pid: number, forMs: number): void {
      const text = `worker ${worker} did not answer for ${Math.round(forMs / 1_000)} s, so it is ended`;
      logger.error({ event: 'worker_hangs', worker, workerPid: pid, forMs: Math.round(forMs) }, text);
    },
  };
}
