import { fileURLToPath } from 'node:url';
import type { Questions } from './request.ts';
import type { Scratch } from './scratch.ts';

/** One run of the load. */
export interface Order extends Questions {
  readonly path: string;
  /** Whose processor time is measured; null for a server of many processes. */
  readonly serverPid: number | null;
  /** The first process of a database behind it, whose time with all its processes is measured too. */
  readonly databasePid: number | null;
  readonly connections: number;
  readonly warmMs: number;
  readonly runMs: number;
}

/** What came of it. Busy 1 is a whole core. */
export interface Report {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time for each request. */
  readonly serverUs: number | null;
  readonly serverBusy: number | null;
  readonly databaseUs: number | null;
  readonly databaseBusy: number | null;
  readonly loadUs: number;
  readonly loadBusy: number;
  readonly found: number;
  readonly notFound: number;
  readonly other: number;
}

export type Outcome = { readonly report: Report } | { readonly error: string };

/** The load process, from here. */
export interface Load {
  /** Rejects where the server closes a connection or cannot be reached. One run at a time. */
  run(order: Order): Promise<Report>;
}

export function openLoad(scratch: Scratch): Load {
  const child = scratch.fork(fileURLToPath(new URL('load.js', import.meta.url)), []);
  return {
    run: (order) =>
      new Promise((resolve, reject) => {
        const died = (): void => reject(new Error('the load process has died'));
        child.once('exit', died);
        child.once('message', (outcome: Outcome) => {
          child.off('exit', died);
          if ('report' in outcome) resolve(outcome.report);
          else reject(new Error(outcome.error));
        });
        child.send(order);
      }),
  };
}
