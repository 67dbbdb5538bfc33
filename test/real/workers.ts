// A daemon whose clients are served by several processes.

import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Client, connectTo } from './client.ts';
import { type Daemon, type ServeOptions, makeFolder, serve } from './daemon.ts';

export const FRED = 'OK fred@example.org';

/** A daemon with workers, and its configuration. */
export interface Team extends Daemon {
  /** The process ids of the workers that run now, by their numbers. */
  pids(): ReadonlyMap<number, number>;
}

/** The configuration of a daemon in a folder. Its store is `store`. */
export function configOf(folder: string, store = fixed('fred'), more = ''): string {
  return `
    workers = 2
    ${more}
    listen.mta.path = "${join(folder, 'smmap.sock')}"
    ${store}`;
}

/** A store with these mailboxes of example.org. */
export function fixed(...names: readonly string[]): string {
  return `store.fixed = { driver = "memory", mailboxes = ${JSON.stringify(names.map((name) => `${name}@example.org`))} }`;
}

/** Starts a daemon with two workers. It ends with the test. */
export async function serveTeam(options: ServeOptions = {}): Promise<Team> {
  const folder = options.folder ?? (await makeFolder());
  const daemon = await serve({ config: configOf(folder), ...options, folder });
  return Object.assign(daemon, {
    pids(): ReadonlyMap<number, number> {
      const started = daemon.log.filter(({ event }) => event === 'worker_started');
      return new Map(started.map(({ worker, workerPid }) => [worker as number, workerPid as number]));
    },
  });
}

/** Clients that keep their connections. They end with the test. */
export async function connectAll(daemon: Daemon, count: number): Promise<readonly Client[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => connectTo(daemon.socket)));
  onTestFinished(() => {
    for (const client of clients) client.close();
  });
  return clients;
}

/** What all of them get for the same question. */
export function askAll(clients: readonly Client[], name: string): Promise<readonly string[]> {
  return Promise.all(clients.map((client) => client.ask('mailbox', `${name}@example.org`)));
}

/** Sends a signal to a worker. One that is stopped runs again when the test ends, so that it can end. */
export function signal(pid: number, name: NodeJS.Signals): void {
  process.kill(pid, name);
  if (name !== 'SIGSTOP') return;
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  });
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
