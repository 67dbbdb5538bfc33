import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, linkSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { syncFolder } from '../../../sync.ts';
import { withUmask } from '../../../umask.ts';
import { BusyError, StoreError } from '../../store.ts';
import { checkDataFile, cutDataFile, errorOfGrowth, fileOf, lastTransactionIn, requireStore } from './datafile.ts';
import { FORMAT_KEY, flawOfFormat } from './format.ts';
import { reasonFull } from './full.ts';
import { createWait, PATIENT } from './holder.ts';
import { awaitReaders, inodesAt, lockOf, makeLockFile, pause } from './lockfile.ts';
import { giveToFolderOwner } from './owner.ts';

// As CommonJS, lmdb is one file instead of eleven, and each costs the start a millisecond of CPU.
const lmdb = createRequire(import.meta.url)('lmdb') as typeof import('lmdb');

/** An LMDB file of texts. Many processes can read it while one writes, and no reader waits for a writer. */
export type Db = RootDatabase<string, string>;

/** What lmdb exports without documenting it. Undefined: it does not any more. */
export const { resetTxn } = (lmdb as { readonly nativeAddon?: { readonly resetTxn?: (address: number) => void } })
  .nativeAddon ?? { resetTxn: undefined };

/** A data file that is open. */
export interface Opened {
  readonly db: Db;
  readonly file: string;
  /** See inodesAt of lockfile.ts. What is read and written counts only while this does not change. */
  readonly inodes: string;
  /** Waits until no other process writes. Throws BusyError. */
  readonly awaitWriter: () => void;
}

/** What a file is opened for. `upgrade` also writes a file of an older format, and only `make` one that is not there. */
export type Purpose = 'read' | 'write' | 'upgrade' | 'make';

const LAST_KEY = '!last'; // the number of the transaction that wrote last
const NOTICED_MS = 1_500; // within this time, a daemon that is asked notices that it does not read the last write
const RUN_AGAIN = 'nothing was written; run this again';
const OPTIONS = {
  noSubdir: true,
  encoding: 'string',
  overlappingSync: false, // when a write returns, it has reached the disk
  maxReaders: 1_000, // so many processes can have the file open
} as const;

/** Opens a file that exists. Throws StoreError, also if lmdb would end this process because of the file. */
export function openToRead(dir: string): Opened {
  requireStore(dir);
  return openFile(fileOf(dir), 'read');
}

/** Opens a file that exists. Waits for another writer. Throws StoreError. */
export function openToWrite(dir: string, patience = PATIENT, purpose: 'write' | 'upgrade' = 'write'): Opened {
  requireStore(dir);
  const file = fileOf(dir);
  giveToFolderOwner([file, lockOf(file)]); // root may have made them before the folder got its owner
  return openFile(file, purpose, createWait(file, patience));
}

/**
 * Makes a file of what `fill` puts into it, the format too, and its folder. It is made beside its place, so it is there
 * as a whole or not at all. Throws what `fill` throws. Throws StoreError, also if there is a file by then.
 */
export async function makeFile(dir: string, fill: (db: Db) => void): Promise<void> {
  const file = fileOf(dir);
  const beside = `${file}.${randomUUID()}`;
  makeFolder(dir);
  try {
    const opened = withUmask(0o027, () => openFile(beside, 'make'));
    try {
      transact(opened, () => {
        fill(opened.db);
        return true;
      });
    } finally {
      await opened.db.close();
    }
    putInPlace(beside, file);
  } finally {
    for (const each of [beside, lockOf(beside)]) rmSync(each, { force: true });
  }
}

/**
 * Runs one transaction, which is on disk when this returns. Readers see all of it or nothing. If `change` throws or
 * returns false, or the process dies, nothing is written. Throws what `change` throws. Throws StoreError if it cannot
 * be written, or if somebody removed or replaced the file or its lock file meanwhile: then another process may write at
 * the same time.
 */
export function transact({ db, file, inodes, awaitWriter }: Opened, change: () => boolean): boolean {
  awaitReaders(file);
  awaitWriter();
  let done = false;
  let thrown: unknown = null;
  let mine = 0;
  try {
    db.transactionSync(() => {
      try {
        mine = db.getWriteTxnId();
        checkInodes(file, inodes, RUN_AGAIN);
        checkNewest(file, mine);
        done = change();
        if (done) db.putSync(LAST_KEY, String(mine));
        checkInodes(file, inodes, RUN_AGAIN);
      } catch (error) {
        done = false;
        thrown = error;
      }
      return done ? undefined : lmdb.ABORT;
    });
  } catch (error) {
    throw whyNotWritten(db, file, error as Error);
  }
  if (thrown !== null) throw thrown;
  if (!done) return false;
  checkInodes(file, inodes, 'what was written may be lost: run this again, and smmap store verify');
  db.resetReadTxn();
  if (lastTransactionOf(db) < mine) pause(NOTICED_MS);
  return true;
}

/**
 * The number of the last transaction that can be read; 0 if the file has none. It may be older than that of the file:
 * when lmdb 3.5 opens a file, it sets the number in the lock file to what it read a moment before. This hides what
 * another process commits just then, until the file is opened again. Nothing is lost as long as nobody writes on top of
 * what can be read.
 */
export function lastTransactionOf(db: Db): number {
  return Number(db.get(LAST_KEY) ?? '0');
}

/** A text that need not be encoded again when it is put several times. */
export function bytesOf(text: string): string {
  return lmdb.asBinary(Buffer.from(text)) as unknown as string; // possible with any encoding, but in no type of lmdb
}

/** Throws if a transaction would overwrite a hidden one. */
function checkNewest(file: string, mine: number): void {
  if (lastTransactionIn(file) === mine - 1) return;
  throw new StoreError(`${file} was opened by another process in the moment of writing; ${RUN_AGAIN}`);
}

function checkInodes(file: string, inodes: string, then: string): void {
  if (inodesAt(file) === inodes) return;
  throw new StoreError(`${file} or ${lockOf(file)} was removed or replaced meanwhile; ${then}`);
}

/**
 * lmdb calls it an input/output error if the system accepts only a part of a write, so the file is asked again why it
 * cannot grow. What was written is cut off: the disk would stay full.
 */
function whyNotWritten(db: Db, file: string, error: Error): StoreError {
  let reason = reasonFull(error);
  try {
    db.transactionSync(() => {
      reason ??= reasonFull(errorOfGrowth(file));
      cutDataFile(file);
      return lmdb.ABORT;
    });
  } catch {
    // the next writer uses that space
  }
  return new StoreError(`${file} cannot be written: ${reason ?? error.message}`, { cause: error });
}

/** lmdb makes a file that is missing. So it must be there after the wait, and be the same one when lmdb has opened it. */
function openFile(file: string, purpose: Purpose, awaitWriter: () => void = () => {}): Opened {
  let db: Db | null = null;
  let kept: number | null = null;
  const readOnly = purpose === 'read';
  try {
    if (purpose !== 'make') checkDataFile(file);
    makeLockFile(file);
    awaitWriter(); // to open it for writing, lmdb takes the lock of writers
    if (purpose !== 'make') {
      requireStore(dirname(file));
      kept = openSync(file, 'r'); // as long as it is open, no new file gets its inode
    }
    const before = inodesAt(file);
    db = lmdb.open({ ...OPTIONS, path: file, readOnly });
    const inodes = inodesAt(file);
    if (readOnly && db.readerList().includes('no reader locks')) {
      throw new Error(`${lockOf(file)} cannot be written; without it, a writer could change what is being read`);
    }
    if (purpose !== 'make') {
      checkInodes(file, before, RUN_AGAIN);
      const flaw = flawOfFormat(db.get(FORMAT_KEY), purpose, dirname(file));
      if (flaw !== null) throw new Error(flaw);
    }
    return { db, file, inodes, awaitWriter };
  } catch (error) {
    void db?.close();
    if (error instanceof BusyError) throw error;
    const reason = reasonFull(error) ?? (error as Error).message;
    throw new StoreError(`${file} cannot be opened: ${reason}`, { cause: error });
  } finally {
    if (kept !== null) closeSync(kept);
  }
}

/** Gives a file its second name, which no other file may have, and its lock file. */
function putInPlace(beside: string, file: string): void {
  try {
    makeLockFile(file);
    giveToFolderOwner([beside, lockOf(file)]);
    linkSync(beside, file);
    syncFolder(dirname(file));
  } catch (error) {
    throw new StoreError(`${file} cannot be made: ${reasonFull(error) ?? (error as Error).message}`, { cause: error });
  }
}

/** Makes one folder after the other. Node's own `recursive` never ends if nothing can be made, such as below /proc. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o750 });
    giveToFolderOwner([dir]);
  } catch (error) {
    throw new StoreError(`${dir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}
