import { createRequire, isBuiltin } from 'node:module';
import { messageOf } from '../../../message.ts';
import { npmCommand } from '../../install.ts';
import { MissingPackageError } from '../../store.ts';

/** A file of SQLite that is open to read. It never waits for a lock. */
export interface Connection {
  prepare(text: string): Statement;
  exec(text: string): void;
  close(): void;
}

/** A query that is ready to run. */
export interface Statement {
  /** Numbers are bigints. */
  all(...values: readonly string[]): readonly object[];
}

/** A library that reads files of SQLite. */
export interface Library {
  /** The name of the module for `require`, in a thread that cannot import it. */
  readonly module: string;
  open(path: string): Connection;
}

/**
 * Loads SQLite: that of Node itself from 22.13 on, better-sqlite3 on an older one. The compiled part of better-sqlite3
 * works with one version of Node. It may be missing or of another version, so it is tested. Throws MissingPackageError
 * with the remedy.
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
        ? `the package better-sqlite3 is not installed: ${npmCommand('install', 'better-sqlite3')}, or run Node 22.13 or newer, which includes SQLite`
        : `the package better-sqlite3 does not work (${reason}): ${npmCommand('rebuild', 'better-sqlite3')} ` +
            '(npm 12 and newer: npm install-scripts approve better-sqlite3 first), ' +
            'or run Node 22.13 or newer, which includes SQLite',
      { cause },
    );
  }
}

/** Whether an error is SQLITE_BUSY, of either library. */
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

/** The part of node:sqlite that is used here. The types of Node 20 do not have it. */
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
