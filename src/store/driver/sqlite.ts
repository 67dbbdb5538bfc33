import { type Stats, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { andThen } from '../../maybe.ts';
import type { Answer, Maybe, Question } from '../../vocabulary.ts';
import { isText } from '../batch.ts';
import { type Row, answerOf } from '../row.ts';
import { type Queries, type QueryName, queryNameOf, valueOf } from '../sql/query.ts';
import { LostError, type Store, StoreError } from '../store.ts';

export interface SqliteOptions {
  readonly path: string;
  readonly queries: Queries;
}

// A commit holds the lock for some milliseconds, and sqlite3's own waiting would stop this whole process.
const LOCKED_MS = 500;
const AGAIN_MS = 2;

/**
 * Mailboxes in a file of SQLite, which others may write meanwhile. Throws StoreError where it cannot be opened or does not have
 * what the queries ask for, LostError from a lookup where the file is not the one that was opened, or was overwritten. An
 * answer is a promise only where a writer has locked the file, as it may with a rollback journal.
 */
export function openSqlite({ path, queries }: SqliteOptions): Store {
  const opened = fileAt(path);
  const db = orFail(path, () => new Database(path, { readonly: true, fileMustExist: true, timeout: 0 }));
  let statements: ReadonlyMap<string, Database.Statement>;
  let version: Database.Statement;
  let pageBytes: number;
  let seen: { readonly mtimeMs: number; readonly version: unknown };
  try {
    statements = new Map(
      Object.entries(queries).map(([name, { parts }]) => [
        name,
        orFail(`${path}: ${name}`, () => db.prepare(parts.join('?')).safeIntegers()),
      ]),
    );
    version = db.prepare('pragma data_version').pluck();
    pageBytes = Number(orFail(path, () => db.pragma('page_size', { simple: true })));
    seen = { mtimeMs: opened.mtimeMs, version: orFail(path, () => version.get()) };
  } catch (cause) {
    db.close();
    throw cause;
  }
  let freed: Promise<void> | null = null;

  /**
   * A file that was moved away or replaced is another store. One that was overwritten may have the change counter of before, by
   * which SQLite knows whether the pages that it remembers are still those of the file.
   */
  const checkFile = (): void => {
    const { ino, dev, size, mtimeMs } = fileAt(path);
    if (ino !== opened.ino || dev !== opened.dev) throw new LostError(`${path} was replaced`);
    if (size % pageBytes !== 0) throw new StoreError(`${path} was truncated`); // SQLite takes what lacks of a page as zeros
    if (mtimeMs === seen.mtimeMs) return;
    const now = version.get();
    if (now === seen.version) throw new LostError(`${path} was written, and not by SQLite`);
    seen = { mtimeMs, version: now };
  };
  const find = (question: Question): Answer => {
    const name: QueryName = queryNameOf(question);
    const statement = statements.get(name);
    const { parameters } = queries[name] ?? {};
    if (statement === undefined || parameters === undefined) throw new StoreError(`there is no query ${name}`);
    const rows = statement.all(parameters.map((parameter) => valueOf(question, parameter))) as object[];
    return answerOf(question, rows.map(inLowerCase));
  };

  const ask = (questions: readonly Question[]): readonly Answer[] => {
    if (!db.open) throw new StoreError('the store is closed');
    checkFile();
    const answer = (question: Question): Answer => (isText(question) ? find(question) : null);
    if (questions.length === 1) return questions.map(answer);
    db.exec('begin'); // all of them see what the first one sees
    try {
      return questions.map(answer);
    } finally {
      db.exec('rollback');
    }
  };
  /** One look after the other for all who wait. */
  const whenFree = async (): Promise<void> => {
    const late = performance.now() + LOCKED_MS;
    try {
      for (;;) {
        await sleep(AGAIN_MS);
        try {
          return void version.get();
        } catch (cause) {
          if (!isBusy(cause)) throw cause;
          if (performance.now() > late) throw new StoreError(`${path} is locked by a writer`, { cause });
        }
      }
    } finally {
      freed = null;
    }
  };
  const askAgain = async (questions: readonly Question[]): Promise<readonly Answer[]> => {
    const late = performance.now() + LOCKED_MS;
    for (;;) {
      try {
        await (freed ??= whenFree());
        return ask(questions);
      } catch (cause) {
        if (!isBusy(cause) || performance.now() > late) throw failureOf(path, cause);
      }
    }
  };

  const lookupAtOnce = (questions: readonly Question[]): Maybe<readonly Answer[]> => {
    try {
      return ask(questions);
    } catch (cause) {
      if (isBusy(cause)) return askAgain(questions);
      throw failureOf(path, cause);
    }
  };
  return {
    lookup: (question) => andThen(lookupAtOnce([question]), ([answer]) => answer as Answer),
    lookupAtOnce,
    atomic: true,
    close: () => void db.close(),
  };
}

function fileAt(path: string): Stats {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new LostError(`${path} is not there`);
  return stat;
}

function inLowerCase(row: object): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column.toLowerCase(), value]));
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY');
}

function orFail<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw failureOf(what, cause);
  }
}

function failureOf(what: string, cause: unknown): StoreError {
  return cause instanceof StoreError ? cause : new StoreError(`${what}: ${(cause as Error).message}`, { cause });
}
