import { fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { plain, saying } from '../../../message.ts';
import { BusyError } from '../../store.ts';
import { lockOf, pause } from './lockfile.ts';

/** How a writer waits for another one. */
export interface Patience {
  readonly mostMs: number;
  /** Called with each process that holds the store for over a second meanwhile. */
  readonly waits: (holder: string) => void;
}

export const PATIENT: Patience = { mostMs: Infinity, waits: () => {} };

const LOOK_MS = 20;
const NOTICED_MS = 1_000;
const LONGEST_COMMAND = 200;

/**
 * A function that returns when no other process is in a transaction on a data file, and throws BusyError when it has waited
 * for `mostMs` in all. lmdb itself waits in a way that nothing can end. It still does so if two writers find the store
 * free at the same time, and if the holder cannot be seen: it may be in another container.
 */
export function createWait(file: string, { mostMs, waits }: Patience): () => void {
  let leftMs = mostMs;
  let lock: number | null = null;
  return () => {
    lock ??= openOrNull(lockOf(file));
    if (lock === null) return;
    let holder = holderOf(lock);
    let since = performance.now();
    const until = since + leftMs;
    let said = false;
    while (holder !== null) {
      const now = performance.now();
      if (now >= until)
        throw new BusyError(
          saying`${plain(file)} is being written by ${describe(holder)}; nothing was changed; run this again later, or give a longer --wait`,
        );
      if (!said && now - since >= NOTICED_MS) {
        waits(describe(holder));
        said = true;
      }
      pause(Math.min(LOOK_MS, until - now));
      const next = holderOf(lock);
      if (next !== holder) [since, said] = [performance.now(), false];
      holder = next;
    }
    leftMs = until - performance.now();
  };
}

/**
 * Opens a lock file for the rest of this process. It must never be closed: with any descriptor of a file, the kernel takes
 * all locks of the process on this file away (fcntl(2)), also those of lmdb. Then the next process would believe that
 * nobody has the store open, and make the mutexes anew.
 */
function openOrNull(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    return null; // there is none, or lmdb will say why it cannot be opened
  }
}

/**
 * The process that is in a transaction; null if none is, or if it cannot be seen. The lock of writers is a robust mutex in
 * the lock file, whose first number is the holder (set_robust_list(2)). That may be a process which died long ago, so it
 * counts only if the kernel says that it has the lock file open.
 */
function holderOf(lock: number): number | null {
  const head = Buffer.alloc(Math.max(...MUTEXES) + MUTEX.bytes);
  readSync(lock, head, 0, head.length, 0);
  const mutex = MUTEXES.find((at) => head.readInt32LE(at + MUTEX.kind) === ROBUST_SHARED);
  const pid = mutex === undefined ? 0 : head.readUInt32LE(mutex) & HOLDER_BITS;
  if (pid === 0) return null;
  const { ino } = fstatSync(lock);
  return new RegExp(` ${pid} \\S+:${ino} `).test(readProc('locks')) ? pid : null;
}

/** The layout of the lock file (mdb.c of lmdb 3.5), and of pthread_mutex_t in the C library of GNU. */
const MUTEXES = [64, 128]; // of the writers: on x86-64, and on arm64, where a mutex is longer
const MUTEX = { kind: 16, bytes: 20 } as const;
const ROBUST_SHARED = 0x90; // PTHREAD_MUTEX_ROBUST, and shared by processes
const HOLDER_BITS = 0x3f_ff_ff_ff;

/** A process in words: its number, its command line, and whether it is stopped. */
function describe(pid: number): string {
  const command = readProc(`${pid}/cmdline`)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_COMMAND);
  const stopped = /^State:\s+T/m.test(readProc(`${pid}/status`));
  return `process ${pid}${command === '' ? '' : ` (${command})`}${stopped ? `, which is stopped: kill -CONT ${pid} continues it` : ''}`;
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return ''; // the process has ended, or there is no /proc
  }
}
