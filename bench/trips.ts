import { type Server, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../src/config/load.ts';
import type { Endpoint } from '../src/endpoint.ts';
import { DRIVERS, loadDeclarations } from '../src/store/drivers.ts';
import { type OpenStore, UNTOLD, openStore } from '../src/store/open.ts';
import type { Question } from '../src/vocabulary.ts';
import type { Scratch } from './processes.ts';
import { formatTable } from './table.ts';

/** How often a store writes to its server, and waits for the reply, until it has an answer. */
export interface Trips {
  readonly hit: number;
  readonly miss: number;
  /** Of misses that were asked in one turn of the event loop, all together. */
  readonly misses: number;
}

export const MISSES = 10; // at once

const SETTLE_MS = 200; // the first checks of the guards are over

/**
 * Counts the round trips of a store, with `lines` for the server at an endpoint. They pass a relay, which sees each write of
 * the store as one chunk.
 */
export async function countTrips(
  scratch: Scratch,
  server: Endpoint,
  linesFor: (at: Endpoint) => readonly string[],
): Promise<Trips> {
  let writes = 0;
  const between = scratch.path('.relay');
  const relay = await startRelay(between, server, () => writes++);
  const store = await open(linesFor({ kind: 'unix', path: between }));
  const count = async (locals: readonly string[]): Promise<number> => {
    const before = writes;
    await Promise.all(locals.map(async (local) => await store.lookup(mailbox(local))));
    return writes - before;
  };
  try {
    await sleep(SETTLE_MS);
    await count(['user1']); // the session is open
    return {
      hit: await count(['user1']),
      miss: await count(['user1x']),
      misses: await count(Array.from({ length: MISSES }, (_, n) => `user${n}x`)),
    };
  } finally {
    await store.close();
    relay.close();
  }
}

export function formatTrips(trips: Trips): string {
  const head = ['writes to the server for', 'a hit', 'a miss', `${MISSES} misses at once`];
  return formatTable(head, [['', String(trips.hit), String(trips.miss), String(trips.misses)]], 1);
}

async function open(lines: readonly string[]): Promise<OpenStore> {
  const text = ['[store.local]', ...lines, '[map.m]', ''].join('\n');
  await loadDeclarations(Object.keys(DRIVERS));
  const config = parseConfig(text, 'bench', { socket: '/nowhere/s', store: '/nowhere' }).stores.get('local');
  if (config === undefined) throw new Error('there is no store');
  return await openStore(config, UNTOLD);
}

function startRelay(path: string, to: Endpoint, onWrite: () => void): Promise<Server> {
  const server = createServer((near) => {
    const far = connect({ ...to, noDelay: true });
    near.on('data', (chunk) => {
      onWrite();
      far.write(chunk);
    });
    far.on('data', (chunk) => near.write(chunk));
    near.on('close', () => far.destroy()).on('error', () => {});
    far.on('close', () => near.destroy()).on('error', () => {});
  });
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

function mailbox(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}
