import { existsSync, lchownSync, mkdirSync, rmSync, statSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { ABORT, type RootDatabase, open } from 'lmdb';
import { withUmask } from '../../../umask.ts';
import { StoreError } from '../../store.ts';
import { checkDataFile, cutDataFile, fileOf, lastTransactionIn } from './datafile.ts';
import { FORMAT, FORMAT_KEY, flawOfFormat } from './format.ts';
import { awaitReaders, lockOf, makeLockFile, pause, standingAt } from './lockfile.ts';

/** An LMDB file of texts: read by many processes while one writes, and no reader waits for a writer. */
export type Db = RootDatabase<string, string>;

/** A data file that is open. */
export interface Opened {
  readonly db: Db;
  readonly file: string;
  /** See standingAt of lockfile.ts; what is read and written counts only as long as this stays as it is. */
  readonly standing: string;
}

/** `upgrade` is to write a file of an older format. */
export type Purpose = 'read' | 'write' | 'upgrade';

const LAST_KEY = '!last'; // the number of the transaction that wrote last
const NOTICED_MS = 1_500; // within this, a daemon that is asked notices that it does not read what was written last
const EMPTY_BYTES = 8_192; // a file is this long once it can be opened
const FULL_BYTES = 1_048_576; // a disk with less free has failed us for that reason
const RUN_AGAIN = 'nothing was written; run this again';
const OPTIONS = {
  noSubdir: true,
  encoding: 'string',
  overlappingSync: false, // a write has reached the disk when it returns
  maxReaders: 1_000, // processes that have the file open
} as const;

/** Opens a file that is there. Throws StoreError, also for one that lmdb would end this process over. */
export function openToRead(dir: string): Opened {
  const file = fileOf(dir);
  if (!existsSync(file)) throw new StoreError(`there is no store in ${dir}`);
  return openFile(file, 'read');
}

/** Opens a file, made where there is none, and waits for another writer. Throws StoreError. */
export function openToWrite(dir: string, purpose: 'write' | 'upgrade' = 'write'): Opened {
  const file = fileOf(dir);
  if (existsSync(file)) return openFile(file, purpose);
  makeFolder(dir);
  try {
    const opened = withUmask(0o027, () => openFile(file, purpose));
    giveToFolderOwner(dir, [file, lockOf(file)]);
    return opened;
  } catch (error) {
    const made = statSync(file, { throwIfNoEntry: false });
    if (made !== undefined && made.size < EMPTY_BYTES) rmSync(file, { force: true }); // else it would be taken for a damaged one
    throw error;
  }
}

/**
 * One transaction, on disk when this returns. Readers see all of it or nothing; where `change` throws or returns false, or
 * the process dies, nothing is written. Throws what `change` throws, and StoreError where it cannot be written, or where
 * somebody removed or replaced the file or its lock file meanwhile, so that another process may write at the same time.
 */
export function transact({ db, file, standing }: Opened, change: () => boolean): boolean {
  awaitReaders(file);
  let done = false;
  let thrown: unknown = null;
  let mine = 0;
  try {
    db.transactionSync(() => {
      try {
        mine = db.getWriteTxnId();
        checkStanding(file, standing, RUN_AGAIN);
        checkNewest(file, mine);
        done = change();
        if (done) db.putSync(LAST_KEY, String(mine));
        checkStanding(file, standing, RUN_AGAIN);
      } catch (error) {
        done = false;
        thrown = error;
      }
      return done ? undefined : ABORT;
    });
  } catch (error) {
    throw whyNotWritten(db, file, error as Error);
  }
  if (thrown !== null) throw thrown;
  if (!done) return false;
  checkStanding(file, standing, 'what was written may be lost: run this again, and smmap store verify');
  db.resetReadTxn();
  if (lastTransactionOf(db) < mine) pause(NOTICED_MS);
  return true;
}

/**
 * The number of the last transaction that can be read, 0 where nobody wrote one down. It may fall behind that of the file: lmdb 3.5
 * sets the number in the lock file when it opens a file, from what it read a moment before, and so hides what another process
 * commits just then, until the file is opened again. Nothing is lost as long as nobody writes on what can be read.
 */
export function lastTransactionOf(db: Db): number {
  return Number(db.get(LAST_KEY) ?? '0');
}

/** Throws where a transaction would overwrite one that is hidden. */
function checkNewest(file: string, mine: number): void {
  if (lastTransactionIn(file) === mine - 1) return;
  throw new StoreError(`${file} was opened by another process in the moment of writing; ${RUN_AGAIN}`);
}

/** Removes all that is there, within a transaction. */
export function clear(db: Db): void {
  db.clearSync();
  db.putSync(FORMAT_KEY, FORMAT);
}

function checkStanding(file: string, standing: string, then: string): void {
  if (standingAt(file) === standing) return;
  throw new StoreError(`${file} or ${lockOf(file)} was removed or replaced meanwhile; ${then}`);
}

/** A disk that is full is called an input/output error by lmdb, and stays full unless what was written is given back. */
function whyNotWritten(db: Db, file: string, error: Error): StoreError {
  const { bavail, bsize } = statfsSync(dirname(file));
  const full = /No space left|Input\/output error|ENOSPC/.test(error.message) && bavail * bsize < FULL_BYTES;
  try {
    db.transactionSync(() => {
      cutDataFile(file);
      return ABORT;
    });
  } catch {
    // the next writer uses what is left there
  }
  const reason = full ? 'no space left on device; nothing was changed' : error.message;
  return new StoreError(`${file} cannot be written: ${reason}`, { cause: error });
}

function openFile(file: string, purpose: Purpose): Opened {
  let db: Db | null = null;
  const readOnly = purpose === 'read';
  try {
    if (existsSync(file)) checkDataFile(file);
    makeLockFile(file);
    db = open({ ...OPTIONS, path: file, readOnly });
    const standing = standingAt(file);
    if (readOnly && db.readerList().includes('no reader locks')) {
      throw new Error(`${lockOf(file)} cannot be written, without which a writer could tear what is read`);
    }
    const opened = { db, file, standing };
    if (!readOnly && db.get(FORMAT_KEY) === undefined) transact(opened, () => db?.putSync(FORMAT_KEY, FORMAT) ?? false);
    const flaw = flawOfFormat(db.get(FORMAT_KEY), purpose, dirname(file));
    if (flaw !== null) throw new Error(flaw);
    return opened;
  } catch (error) {
    void db?.close();
    throw new StoreError(`${file} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}

/** One folder after the other: Node's own `recursive` goes on for ever where nothing can be made, such as below /proc. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o750 });
  } catch (error) {
    throw new StoreError(`${dir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * A store that root makes in the daemon's folder belongs to the daemon, which could not open it otherwise. The folder's owner
 * may put a link in the place of a file, which is then given away itself.
 */
function giveToFolderOwner(dir: string, files: readonly string[]): void {
  if (userInfo().uid !== 0) return;
  const { uid, gid } = statSync(dir);
  for (const file of files) lchownSync(file, uid, gid);
}
