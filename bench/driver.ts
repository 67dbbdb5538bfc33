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

/** A process that asks, from here. */
export interface Asker<O extends object> {
  /** Rejects where a server closes a connection or cannot be reached. One run at a time. */
  run(order: O): Promise<Report>;
  close(): void;
}

/** The load process. */
export type Load = Asker<Order>;

/** Starts a program of this folder that answers each order with an Outcome. */
export function openAsker<O extends object>(scratch: Scratch, program: string): Asker<O> {
  const child = scratch.fork(fileURLToPath(new URL(program, import.meta.url)), []);
  return {
    run: (order) =>
      new Promise((resolve, reject) => {
        const died = (): void => reject(new Error(`${program} has died`));
        child.once('exit', died);
        child.once('message', (outcome: Outcome) => {
          child.off('exit', died);
          if ('report' in outcome) resolve(outcome.report);
          else reject(new Error(outcome.error));
        });
        child.send(order);
      }),
    close: () => void child.kill('SIGKILL'),
  };
}
