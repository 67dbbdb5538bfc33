import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { anonymousMb } from './proc.ts';
import { addressOf } from './request.ts';
import { type Scratch, ended } from './scratch.ts';

/** What an import cost. */
export interface ImportCost {
  readonly tookMs: number;
  readonly peakAnonymousMb: number;
}

/** An embedded store that `smmap mailbox import` made, and what that cost. */
export interface ImportedStore extends ImportCost {
  readonly dir: string;
  /** The file that LMDB maps. */
  readonly file: string;
  readonly fileMb: number;
  readonly mailboxes: number;
  readonly order: ListOrder;
}

/** How the imported list is ordered: as the store orders it, or all over it, which is the harder one. */
export type ListOrder = 'sorted' | 'shuffled';

export interface Stores {
  /** Imports at the first call. */
  get(mailboxes: number, order?: ListOrder): Promise<ImportedStore>;
}

const STRIDE = 7_368_787; // a prime, so that N * STRIDE mod a power of ten visits each number once
const BATCH_LINES = 10_000;
const POLL_MS = 50;

export function createStores(scratch: Scratch, daemon: string): Stores {
  const made = new Map<string, Promise<ImportedStore>>();
  return {
    get(mailboxes, order = 'shuffled') {
      const name = `${order}-${mailboxes}`;
      const store = made.get(name) ?? importStore(scratch, daemon, join(scratch.folder, name), mailboxes, order);
      made.set(name, store);
      return store;
    },
  };
}

/** The file that LMDB maps, of the store in a folder. */
export function fileOf(dir: string): string {
  return join(dir, 'smmap.mdb');
}

async function importStore(
  scratch: Scratch,
  daemon: string,
  dir: string,
  mailboxes: number,
  order: ListOrder,
): Promise<ImportedStore> {
  const list = `${dir}.list`;
  writeList(list, mailboxes, order);
  const cost = await importList(scratch, daemon, dir, ['mailbox', 'import', list]);
  const file = fileOf(dir);
  return { dir, file, fileMb: statSync(file).size / 1e6, mailboxes, order, ...cost };
}

/** Runs a command of ours, such as `alias import LIST`, on the store in a folder, and waits for its end. */
export async function importList(
  scratch: Scratch,
  daemon: string,
  dir: string,
  command: readonly string[],
): Promise<ImportCost> {
  const startedMs = performance.now();
  const args = [daemon, ...command, '--store', dir];
  const child = scratch.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  let peakAnonymousMb = 0;
  const poll = setInterval(() => {
    peakAnonymousMb = Math.max(peakAnonymousMb, anonymousMb(child.pid as number));
  }, POLL_MS);
  const exitCode = await ended(child);
  const tookMs = performance.now() - startedMs;
  clearInterval(poll);
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${said}`);
  return { tookMs, peakAnonymousMb };
}

function writeList(file: string, mailboxes: number, order: ListOrder): void {
  const fd = openSync(file, 'w');
  const numbers = order === 'shuffled' ? shuffled(mailboxes) : sorted(0, mailboxes);
  let batch: string[] = [];
  for (const number of numbers) {
    batch.push(`${addressOf(number)}\n`);
    if (batch.length < BATCH_LINES) continue;
    writeSync(fd, batch.join(''));
    batch = [];
  }
  writeSync(fd, batch.join(''));
  closeSync(fd);
}

function* shuffled(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield (i * STRIDE) % count;
}

/** The numbers below `count` ordered as the store orders their texts: 0, 1, 10, 100, ... 2, 20, ... */
function* sorted(prefix: number, count: number): Generator<number> {
  for (let digit = 0; digit < 10; digit++) {
    const number = prefix * 10 + digit;
    if (number >= count) return;
    yield number;
    if (number > 0) yield* sorted(number, count);
  }
}
