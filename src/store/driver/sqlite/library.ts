import { messageOf } from '../../../message.ts';
import { createRequire, isBuiltin } from 'node:module';
import { MissingPackageError } from '../../store.ts';

/** A file of SQLite that is open to be read. It never waits for a lock. */
export interface Connection {
  prepare(text: string): Statement;
  exec(text: string): void;
  close(): void;
}

export interface Statement {
  /** Numbers are bigints. */
  all(...values: readonly string[]): readonly object[];
}

export interface Library {
  /** What `require` takes, for a thread that has no other way to it. */
  readonly module: string;
  open(path: string): Connection;
}

/**
 * SQLite as this Node has it: its own from 22.13 on, better-sqlite3 on an older one, whose compiled part is of one version
 * of Node. It is tried, since that part may be missing or of another version: throws MissingPackageError with the remedy.
 */
export async function loadLibrary(): Promise<Library> {
  if (isBuiltin('node:sqlite')) return tried(await loadOwn());
  try {
    return tried(await loadPackage());
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const [reason = ''] = messageOf(cause).split('\n');
    throw new MissingPackageError(
      missing
        ? 'the package better-sqlite3 is not installed: npm install better-sqlite3, or run Node 22.13 or newer, which has SQLite of its own'
        : `the package better-sqlite3 does not work (${reason}): npm rebuild better-sqlite3 ` +
            '(npm 12 and newer: npm install-scripts approve better-sqlite3 first), ' +
            'or run Node 22.13 or newer, which has SQLite of its own',
      { cause },
    );
  }
}

/** SQLITE_BUSY, of either library. */
export function isBusy(cause: unknown): boolean {
  const { code, errcode } = cause as { code?: unknown; errcode?: unknown };
  return typeof errcode === 'number' ? (errcode & 0xff) === BUSY : String(code).startsWith('SQLITE_BUSY');
}

const BUSY = 5;

function tried(library: Library): Library {
  const connection = library.open(':memory:');
  connection.prepare('select 1').all();
  connection.close();
  return library;
}

/** As much of node:sqlite as is used here; the types of Node 20 do not have it. */
interface Own {
  readonly DatabaseSync: new (
    path: string,
    options: { readOnly: boolean },
  ) => {
    prepare(text: string): Statement & { setReadBigInts(on: boolean): void };
    exec(text: string): void;
    close(): void;
  };
}

async function loadOwn(): Promise<Library> {
  const module = 'node:sqlite';
  const { DatabaseSync } = (await import(module)) as Own;
  return {
    module,
    open(path) {
      const database = new DatabaseSync(path, { readOnly: true });
      return {
        prepare(text) {
          const statement = database.prepare(text);
          statement.setReadBigInts(true);
          return statement;
        },
        exec: (text) => database.exec(text),
        close: () => database.close(),
      };
    },
  };
}

async function loadPackage(): Promise<Library> {
  const { default: Database } = await import('better-sqlite3');
  return {
    module: createRequire(import.meta.url).resolve('better-sqlite3'),
    open(path) {
      const database = new Database(path, { readonly: path !== ':memory:', fileMustExist: true, timeout: 0 });
      return {
        prepare: (text) => database.prepare(text).safeIntegers() as unknown as Statement,
        exec: (text) => void database.exec(text),
        close: () => void database.close(),
      };
    },
  };
}
