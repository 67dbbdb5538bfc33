import { type ChildProcess, type SpawnOptions, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadOrder, LoadReport } from './load.ts';

/** The folder and the child processes of one run of the bench. All of them are gone when it ends, in whatever way. */
export interface Scratch {
  /** A path in the folder that nothing else uses. */
  path(suffix: string): string;
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** Starts a program of this folder, with a channel for messages. */
  fork(program: string, args?: readonly string[]): ChildProcess;
  close(): void;
}

export function openScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'smmap-bench-')); // short: the path of a socket has at most 107 bytes
  const children = new Set<ChildProcess>();
  let paths = 0;
  const remember = (child: ChildProcess): ChildProcess => {
    children.add(child);
    return child.once('exit', () => children.delete(child));
  };
  const close = (): void => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', close);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  }
  return {
    path: (suffix) => join(folder, `${++paths}${suffix}`),
    spawn: (command, args, options) => remember(spawn(command, args, options)),
    fork: (program, args = []) => remember(fork(fileURLToPath(new URL(program, import.meta.url)), args)),
    close,
  };
}

/** Waits until a child has ended, and gives its exit code; null where a signal ended it. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

/** A process of the bench that carries out one order at a time. */
export interface Worker<Order, Report> {
  /** Rejects where the process could not carry it out. */
  run(order: Order): Promise<Report>;
}

/** What a worker sends back. */
export type Result<Report> = { readonly report: Report } | { readonly error: string };

/** The process of load.ts. */
export type Load = Worker<LoadOrder, LoadReport>;

/** Starts the load. */
export function openLoad(scratch: Scratch): Load {
  return openWorker(scratch, 'load.js');
}

/** Starts a program that calls `serveOrders`. */
export function openWorker<Order extends object, Report>(scratch: Scratch, program: string): Worker<Order, Report> {
  const child = scratch.fork(program);
  return {
    run: (order) =>
      new Promise((resolve, reject) => {
        const died = (): void => reject(new Error(`the process of ${program} has ended`));
        child.once('exit', died);
        child.once('message', (result: Result<Report>) => {
          child.off('exit', died);
          if ('report' in result) resolve(result.report);
          else reject(new Error(result.error));
        });
        child.send(order);
      }),
  };
}

/** Carries out the orders that come to this process, and ends it with the bench. */
export function serveOrders(run: (order: never) => Promise<unknown>): void {
  process.on('message', (order) => {
    const send = (result: Result<unknown>): void => void process.send?.(result);
    run(order as never).then(
      (report) => send({ report }),
      (error: Error) => send({ error: error.message }),
    );
  });
  process.on('disconnect', () => process.exit());
}
