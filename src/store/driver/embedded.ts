import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { ABORT, type RootDatabase, open } from 'lmdb';
import type { Answer, MailboxQuestion, State } from '../../vocabulary.ts';
import { type Mailbox, holds, isState } from '../line.ts';
import { EmptyStoreError, LostError, type Store, StoreError } from '../store.ts';
import { checkDataFile } from './datafile.ts';

/**
 * Mailboxes in an LMDB file: the daemon reads while a command writes, without a reload, and no reader waits for a writer.
 *
 *   "<domain> <local>"  ->  "<state>", then "\n<folder>" for each folder
 *   "!format"           ->  "1"
 *   "!written"          ->  "yes", once a mailbox was ever written
 *
 * No domain holds a blank or starts with "!", and nothing here holds a control character, so a key and a value are read in
 * one way only.
 */
const FILE = 'smmap.mdb';
const FORMAT = { key: '!format', value: '1' } as const;
const WRITTEN = { key: '!written', value: 'yes' } as const;
const FIRST_DOMAIN = '"'; // the character after !
const LONGEST_KEY = 1_900; // bytes; LMDB has 1,978 with pages of 4 KiB
const CHECK_MS = 1_000;
const OPTIONS = {
  noSubdir: true,
  encoding: 'string',
  overlappingSync: false, // a write has reached the disk when it returns
  maxReaders: 1_000, // processes that have the file open
} as const;

const ACTIVE = { value: '', state: 'active' } as const;

type Db = RootDatabase<string, string>;

/** What the daemon asks. It is read-only, so it waits for no writer. Throws StoreError where it cannot be opened. */
export function openEmbeddedStore(dir: string): Store {
  const file = join(dir, FILE);
  if (!existsSync(file)) throw new StoreError(`there is no store in ${dir}`);
  const opened = statSync(file).ino;
  const db = openFile(file, true);
  let checkedAt = performance.now();

  /** A file that was moved away or replaced is another store, and what is mapped here says nothing about that. */
  const checkFile = (): void => {
    const now = performance.now();
    if (now - checkedAt < CHECK_MS) return;
    if (statSync(file, { throwIfNoEntry: false })?.ino !== opened)
      throw new LostError(`${file} was removed or replaced`);
    checkedAt = now;
  };

  const findMailbox = (question: MailboxQuestion): Answer => {
    const key = keyOf(question.local, question.domain);
    const value = key === null ? undefined : db.get(key);
    if (value === undefined) return null;
    if (value === ACTIVE.state && question.folder === null) return ACTIVE; // nearly all of them
    const { state, folders } = decode(value);
    return holds(folders, question) ? { value: '', state } : null;
  };
  const findDomain = (domain: string): Answer => {
    for (const _ of db.getKeys({ ...rangeOf(domain), limit: 1 })) return ACTIVE;
    return null;
  };

  return {
    lookup(question) {
      checkFile();
      db.resetReadTxn(); // else what was written within the last millisecond could be missed
      const found = question.about === 'mailbox' ? findMailbox(question) : findDomain(question.domain);
      // Asked at each miss, and not once: where a damaged file finds nothing any more, it does not find this either.
      if (found === null && db.get(WRITTEN.key) === undefined) {
        throw new EmptyStoreError(`no mailbox was ever written to ${file}`);
      }
      return found;
    },
    close: () => db.close(),
  };
}

/** Makes an empty store where there is none. */
export async function makeEmbeddedStore(dir: string): Promise<void> {
  if (!existsSync(join(dir, FILE))) await openMailboxes(dir, 'write').close();
}

/** Mailboxes to read and write, for the commands. */
export interface Mailboxes {
  get(local: string, domain: string): Mailbox | null;
  /** Ordered by domain and local part, as they were when it began, however long it takes. */
  all(domain: string | null): Iterable<Mailbox>;
  /**
   * One transaction, on disk when this returns. Readers see all of it or nothing, which keeps a half-done import from
   * being taken for all there is; where `change` throws or returns false, or the process dies, nothing is written.
   */
  write(change: (writer: Writer) => boolean): boolean;
  close(): Promise<void>;
}

export interface Writer {
  /** False where the address is longer than the store can hold. */
  put(mailbox: Mailbox): boolean;
  /** False where there was none. */
  remove(local: string, domain: string): boolean;
}

/**
 * Opens the store in a folder. To write, it is made where there is none, and waits for another writer; to read, it has to
 * be there. Throws StoreError.
 */
export function openMailboxes(dir: string, purpose: 'read' | 'write'): Mailboxes {
  const file = join(dir, FILE);
  const missing = !existsSync(file);
  if (missing && purpose === 'read') throw new StoreError(`there is no store in ${dir}`);
  if (missing) makeFolder(dir);
  const db = openFile(file, purpose === 'read');
  if (missing) giveToFolderOwner(dir, [file, `${file}-lock`]);

  let written = false;
  const writer: Writer = {
    put({ local, domain, state, folders }) {
      const key = keyOf(local, domain);
      if (key === null) return false;
      db.putSync(key, [state, ...folders].join('\n'));
      if (!written) db.putSync(WRITTEN.key, WRITTEN.value);
      written = true;
      return true;
    },
    remove(local, domain) {
      const key = keyOf(local, domain);
      return key !== null && db.removeSync(key);
    },
  };
  return {
    get(local, domain) {
      const key = keyOf(local, domain);
      const value = key === null ? undefined : db.get(key);
      return value === undefined ? null : { local, domain, ...decode(value) };
    },
    *all(domain) {
      const range = domain === null ? { start: FIRST_DOMAIN } : rangeOf(domain);
      for (const { key, value } of db.getRange(range)) {
        const blank = key.indexOf(' ');
        yield { local: key.slice(blank + 1), domain: key.slice(0, blank), ...decode(value) };
      }
    },
    write(change) {
      let done = false;
      written = false;
      let thrown: unknown = null;
      try {
        db.transactionSync(() => {
          try {
            done = change(writer);
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
    },
    close: () => db.close(),
  };
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

/** The keys of a domain: they go on with a blank, and the next character is the end. */
function rangeOf(domain: string): { readonly start: string; readonly end: string } {
  return { start: `${domain} `, end: `${domain}!` };
}

/** Null for an address that is too long to have been stored. */
function keyOf(local: string, domain: string): string | null {
  const key = `${domain} ${local}`;
  return key.length * 3 > LONGEST_KEY && Buffer.byteLength(key) > LONGEST_KEY ? null : key;
}

function decode(value: string): { state: State; folders: string[] } {
  const [state = '', ...folders] = value.split('\n');
  if (!isState(state)) throw new StoreError(`a mailbox has the state "${state}", which this smmap does not know`);
  return { state, folders };
}
