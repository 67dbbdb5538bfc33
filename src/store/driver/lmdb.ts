import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { ABORT, type RootDatabase, open } from 'lmdb';
import { StoreError } from '../store.ts';
import { checkDataFile } from './datafile.ts';

/** An LMDB file of texts: read by many processes while one writes, and no reader waits for a writer. */
export type Db = RootDatabase<string, string>;

const FILE = 'smmap.mdb';
const FORMAT = { key: '!format', value: '2' } as const;
const OPTIONS = {
  noSubdir: true,
  encoding: 'string',
  overlappingSync: false, // a write has reached the disk when it returns
  maxReaders: 1_000, // processes that have the file open
} as const;

/** The data file of the store in a folder. */
export function fileOf(dir: string): string {
  return join(dir, FILE);
}

/** Opens a file that is there. Throws StoreError, also for one that lmdb would end this process over. */
export function openToRead(dir: string): Db {
  const file = fileOf(dir);
  if (!existsSync(file)) throw new StoreError(`there is no store in ${dir}`);
  return openFile(file, true);
}

/** Opens a file, made where there is none, and waits for another writer. Throws StoreError. */
export function openToWrite(dir: string): Db {
  const file = fileOf(dir);
  if (existsSync(file)) return openFile(file, false);
  makeFolder(dir);
  const db = openFile(file, false);
  giveToFolderOwner(dir, [file, `${file}-lock`]);
  return db;
}

/**
 * One transaction, on disk when this returns. Readers see all of it or nothing; where `change` throws or returns false, or
 * the process dies, nothing is written. Throws what `change` throws, and StoreError where it cannot be written.
 */
export function transact(db: Db, file: string, change: () => boolean): boolean {
  let done = false;
  let thrown: unknown = null;
  try {
    db.transactionSync(() => {
      try {
        done = change();
      } catch (error) {
        thrown = error;
      }
      return done ? undefined : ABORT;
    });
  } catch (error) {
    throw new StoreError(`${file} cannot be written: ${(error as Error).message}`, { cause: error });
  }
  if (thrown !== null) throw thrown;
  return done;
}

function openFile(file: string, readOnly: boolean): Db {
  let db: Db | null = null;
  try {
    if (existsSync(file)) checkDataFile(file);
    db = open({ ...OPTIONS, path: file, readOnly });
    if (readOnly && db.readerList().includes('no reader locks')) {
      throw new Error(`${file}-lock cannot be written, without which a writer could tear what is read`);
    }
    const format = db.get(FORMAT.key);
    if (format === undefined && !readOnly) db.putSync(FORMAT.key, FORMAT.value);
    else if (format !== FORMAT.value) {
      throw new Error(`its format is ${format ?? 'unknown'}, and this smmap knows ${FORMAT.value}`);
    }
    return db;
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

/** A store that root makes in the daemon's folder belongs to the daemon, which could not open it otherwise. */
function giveToFolderOwner(dir: string, files: readonly string[]): void {
  const { uid, gid } = statSync(dir);
  for (const file of files) {
    chmodSync(file, 0o640);
    if (userInfo().uid === 0) chownSync(file, uid, gid);
  }
}
