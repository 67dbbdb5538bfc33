import { type Stats, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { andThen } from '../../../maybe.ts';
import type { Answer, Maybe, Question } from '../../../vocabulary.ts';
import { type QueryName, queryNameOf, valueOf } from '../../asked.ts';
import { isText } from '../../guard/batch.ts';
import type { Row } from '../../row.ts';
import { ClosedError, LostError, type Store, StoreError, toStoreError } from '../../store.ts';
import { answerBy } from '../sql/answer.ts';
import type { Queries } from '../sql/query.ts';
import { type Connection, isBusy, loadLibrary, type Statement } from './library.ts';
import { checkIn, createTrust, isSameFile, type Trust } from './trust.ts';

/** What openSqlite needs to know of a store. */
export interface SqliteOptions {
  readonly path: string;
  readonly queries: Queries;
}

const library = await loadLibrary();

// A commit holds the lock for some milliseconds. To wait for it inside sqlite3 would block this whole process.
const LOCKED_MS = 500;
const AGAIN_MS = 2;

/** The file was written, and it is not clear yet by which program. */
class UnsettledError extends StoreError {
  override name = 'UnsettledError';
}

/** After a first check: a function that opens the file at each call, and remembers what it learned of the file. */
export async function sqliteOpener(options: SqliteOptions): Promise<() => Store> {
  const trust = createTrust(options.path, checkIn(library.module));
  const file = statSync(options.path, { throwIfNoEntry: false });
  if (file !== undefined) trust.doubtOf(file);
  await trust.settled();
  return () => openSqlite(options, trust);
}

/**
 * Mailboxes in a file of SQLite, which others may write at the same time. Throws StoreError if it cannot be opened, or
 * lacks what the queries ask for. A lookup throws LostError if the file is not the one that was opened, or was
 * overwritten. An answer is a promise only if a writer has locked the file (possible with a rollback journal), or has
 * just written it.
 */
export function openSqlite({ path, queries }: SqliteOptions, trust: Trust): Store {
  const opened = fileAt(path);
  const doubt = trust.doubtOf(opened);
  if (doubt !== null) throw new StoreError(`${path} ${doubt}`);
  const db = orFail(path, () => library.open(path));
  let prepared: Prepared | null = null;
  let seen: { readonly file: Stats; readonly version: unknown } = { file: opened, version: null };
  let freed: Promise<void> | null = null;
  let lost: LostError | null = null;
  let closed = false;

  const prepare = (): Prepared => (prepared ??= prepareAll(db, path, queries));
  try {
    seen = { file: opened, version: trust.byUs(() => prepare().version()) };
  } catch (cause) {
    if (!isBusy(cause)) {
      db.close();
      throw toStoreError(cause, path);
    }
  }

  /**
   * A file that was moved away or replaced is another store. SQLite's own writes show by the number of their
   * transaction, except those of a checkpoint. SQLite's locks do not help against what another program writes.
   */
  const checkFile = ({ version, isLogged, pageBytes }: Prepared): void => {
    const file = fileAt(path);
    if (file.ino !== opened.ino || file.dev !== opened.dev) throw new LostError(`${path} was replaced`);
    // SQLite would read the missing part of a page as zeros.
    if (file.size % pageBytes !== 0) throw new StoreError(`${path} was truncated`);
    if (isSameFile(file, seen.file)) return;
    if (!trust.isWrittenBySqlite(file)) throw new UnsettledError(`${path} was written, but not by SQLite`);
    const now = version();
    const isSettled = isSameFile(file, fileAt(path)); // else the version may be that of a later write
    if (!isSettled || (now === seen.version && !isLogged())) throw new UnsettledError(`${path} was written again`);
    seen = { file, version: now };
  };
  const ask = (questions: readonly Question[]): readonly Answer[] => {
    if (closed) throw new ClosedError();
    if (lost !== null) throw lost;
    const statements = prepare();
    checkFile(statements);
    const answers = answerAll(db, statements, queries, questions);
    if (!isSameFile(fileAt(path), seen.file)) throw new UnsettledError(`${path} was written while it was read`);
    return answers;
  };

  /** Tries again and again until the file can be read, once for all lookups that wait. */
  const whenFree = async (): Promise<void> => {
    const late = performance.now() + LOCKED_MS;
    try {
      for (;;) {
        await sleep(AGAIN_MS);
        if (closed) return;
        try {
          const statements = prepare();
          checkFile(statements);
          return void statements.version();
        } catch (cause) {
          if (!isTransient(cause)) throw cause;
          if (performance.now() > late) throw lateFailure(cause);
        }
      }
    } finally {
      freed = null;
    }
  };
  const lateFailure = (cause: unknown): StoreError => {
    if (!(cause instanceof UnsettledError)) return new StoreError(`${path} is locked by a writer`, { cause });
    lost = new LostError(cause.message, { cause });
    return lost;
  };
  const askAgain = async (questions: readonly Question[]): Promise<readonly Answer[]> => {
    const late = performance.now() + LOCKED_MS;
    for (;;) {
      try {
        await (freed ??= whenFree());
        return ask(questions);
      } catch (cause) {
        if (!isTransient(cause) || performance.now() > late) throw toStoreError(cause, path);
      }
    }
  };
  const lookupAtOnce = (questions: readonly Question[]): Maybe<readonly Answer[]> => {
    try {
      return ask(questions);
    } catch (cause) {
      if (isTransient(cause)) return askAgain(questions);
      throw toStoreError(cause, path);
    }
  };
  return {
    lookup: (question) => andThen(lookupAtOnce([question]), ([answer]) => answer as Answer),
    lookupAtOnce,
    atomic: true,
    close() {
      if (closed) return;
      closed = true;
      trust.byUs(() => db.close());
    },
  };
}

interface Prepared {
  readonly statements: ReadonlyMap<string, Statement>;
  readonly pageBytes: number;
  /** Changes with each transaction of another program. */
  readonly version: () => unknown;
  /** Whether it has a write-ahead log. A checkpoint moves the log into the file without a new version. */
  readonly isLogged: () => boolean;
}

function prepareAll(db: Connection, path: string, queries: Queries): Prepared {
  const statements = new Map(
    Object.entries(queries).map(([name, { parts }]) => [
      name,
      orFail(`${path}: ${name}`, () => db.prepare(parts.join('?'))),
    ]),
  );
  const pragma = (name: string) => {
    const statement = db.prepare(`pragma ${name}`);
    return (): unknown => Object.values(statement.all()[0] ?? {})[0];
  };
  const mode = pragma('journal_mode');
  return {
    statements,
    pageBytes: Number(pragma('page_size')()),
    version: pragma('data_version'),
    isLogged: () => mode() === 'wal',
  };
}

function answerAll(
  db: Connection,
  { statements }: Prepared,
  queries: Queries,
  questions: readonly Question[],
): readonly Answer[] {
  const find = (question: Question): Answer => {
    if (!isText(question)) return null;
    const name: QueryName = queryNameOf(question);
    const statement = statements.get(name);
    const query = queries[name];
    if (statement === undefined || query === undefined) throw new StoreError(`there is no query ${name}`);
    const rows = statement.all(...query.parameters.map((parameter) => valueOf(question, parameter)));
    return answerBy(query, question, rows.map(inLowerCase));
  };
  if (questions.length === 1) return questions.map(find);
  db.exec('begin'); // all of them see what the first one sees
  try {
    return questions.map(find);
  } finally {
    db.exec('rollback');
  }
}

function fileAt(path: string): Stats {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new LostError(`${path} does not exist`);
  return stat;
}

function inLowerCase(row: object): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column.toLowerCase(), value]));
}

function isTransient(cause: unknown): boolean {
  return cause instanceof UnsettledError || isBusy(cause);
}

function orFail<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw isBusy(cause) ? cause : toStoreError(cause, what);
  }
}
