import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../../message.ts';

/**
 * Decides if a file may be read: not while a program other than SQLite writes it, such as `rsync --inplace` or `cp`.
 */
export interface Trust {
  /** Whether SQLite wrote it last, or is writing it now. Then its locks protect us from what is half written. */
  isWrittenBySqlite(file: Stats): boolean;
  /**
   * Why it must not be read, as the end of a sentence; null if it may. It is then checked in the background, and may be
   * read later.
   */
  doubtOf(file: Stats): string | null;
  /** Opens or closes a connection of ours. The files that this makes or removes beside a log prove nothing. */
  byUs<T>(action: () => T): T;
  /** Resolves when a check that is under way is done. */
  settled(): Promise<void>;
}

const STILL_MS = 2_000; // rsync writes several times a second; after a longer pause, the check decides

/**
 * The trust in a file. `check` says what is wrong in a file that nobody writes, or null; it rejects if it cannot look.
 */
export function createTrust(path: string, check: (path: string) => Promise<string | null>): Trust {
  let still: { readonly file: Stats; readonly since: number } | null = null;
  let checked: { readonly file: Stats; readonly flaw: string | null } | null = null;
  let checking: Promise<void> | null = null;
  let failure = '';
  let ownTrace = -1;

  /**
   * SQLite leaves a trace of each write: a journal that it removes (which the folder shows), shortens or overwrites, or
   * a write-ahead log. While it writes, its journal exists.
   */
  const isWrittenBySqlite = ({ ctimeMs }: Stats): boolean => {
    const folder = statOf(dirname(path))?.mtimeMs ?? -1;
    if (folder >= ctimeMs && folder !== ownTrace) return true;
    const [journal, log] = [statOf(`${path}-journal`), statOf(`${path}-wal`)];
    if (log !== undefined && log.size > 0) return true;
    return journal !== undefined && (journal.mtimeMs >= ctimeMs || isHot(`${path}-journal`));
  };
  const run = async (file: Stats): Promise<void> => {
    try {
      const flaw = await check(path);
      const now = statOf(path);
      if (now !== undefined && isSameFile(now, file)) checked = { file, flaw };
      failure = '';
    } catch (cause) {
      failure = `, which failed: ${messageOf(cause)}`;
    } finally {
      checking = null;
    }
  };

  return {
    isWrittenBySqlite,
    doubtOf(file) {
      if (checked === null || !isSameFile(checked.file, file)) {
        if (isWrittenBySqlite(file)) checked = { file, flaw: null };
      }
      if (checked !== null && isSameFile(checked.file, file)) {
        return checked.flaw === null ? null : `was written, but not by SQLite, and is damaged: ${checked.flaw}`;
      }
      if (still === null || !isSameFile(still.file, file)) still = { file, since: performance.now() };
      const stillMs = Math.max(performance.now() - still.since, Date.now() - file.ctimeMs);
      if (stillMs < STILL_MS) return 'was written, but not by SQLite: it is checked when nobody writes it any more';
      checking ??= run(file);
      return `was written, but not by SQLite: it is being checked${failure}`;
    },
    byUs(action) {
      const before = statOf(dirname(path))?.mtimeMs;
      try {
        return action();
      } finally {
        const after = statOf(dirname(path))?.mtimeMs ?? -1;
        if (after !== before) ownTrace = after;
      }
    },
    async settled() {
      await checking;
    },
  };
}

/** Whether a file was neither written nor replaced. ctime counts, because no program can set it; rsync sets mtime. */
export function isSameFile(a: Stats, b: Stats): boolean {
  return a.ctimeMs === b.ctimeMs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}

/** The check of a file, in its own thread: `pragma integrity_check` takes 4 s for a million mailboxes. */
export function checkIn(module: string): (path: string) => Promise<string | null> {
  return (path) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(CHECK, { eval: true, workerData: { module, path }, execArgv: [] });
      worker.unref();
      worker.on('message', (said: unknown) => resolve(said === 'ok' ? null : String(said)));
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('the check ended without a result')));
    });
}

const CHECK = `
  const { parentPort, workerData } = require('node:worker_threads');
  const library = require(workerData.module);
  const say = () => {
    const database = library.DatabaseSync
      ? new library.DatabaseSync(workerData.path, { readOnly: true })
      : new library(workerData.path, { readonly: true });
    return Object.values(database.prepare('pragma integrity_check(1)').all()[0])[0];
  };
  try {
    parentPort.postMessage(say());
  } catch (error) {
    if (/locked/.test(error.message)) throw error;
    parentPort.postMessage(error.message);
  }
`;

/** The journal of a transaction that is not done begins with this (sqlite.org/fileformat2.html, section 3). */
const MAGIC = Buffer.from('d9d505f920a163d7', 'hex');

function isHot(journal: string): boolean {
  try {
    const file = openSync(journal, 'r');
    try {
      const head = Buffer.alloc(MAGIC.length);
      return readSync(file, head) > 0 && (head.equals(MAGIC) || statSync(journal).size <= MAGIC.length);
    } finally {
      closeSync(file);
    }
  } catch {
    return false; // it is gone, or we may not read it: then SQLite cannot read it either
  }
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
