import { createRequire } from 'node:module';
import { type Socket, connect as connectSocket, isIP } from 'node:net';
import {
  type Connection,
  type FieldPacket,
  type PrepareStatementInfo,
  type QueryError,
  createConnection,
} from 'mysql2';
import type { Question } from '../../../vocabulary.ts';
import type { QueryName } from '../../asked.ts';
import type { Lister } from '../../guard/warm.ts';
import { type Row, rowFrom } from '../../row.ts';
import { type Bulk, QuestionError, StoreError, toStoreError, UnstorableError } from '../../store.ts';
import { type TlsOptions, trustOptions } from '../../tls.ts';
import { LIST_MS, type Listing, createLister } from '../sql/listing.ts';
import type { Query } from '../sql/query.ts';
import type { SqlOptions } from '../sql/server.ts';
import { type Link, MOST_BRANCHES } from './link.ts';
import { createPool } from './pool.ts';
import {
  type Address,
  LIMITS,
  SESSION,
  limitsOf,
  checkNames,
  isOfQuestion,
  isUnstorable,
  parseUrl,
  rowsByQuestion,
  sizeFor,
  sizeOf,
  textOf,
  unionOf,
  unionValues,
} from './statement.ts';

loadEncodings();

/** Answers from one MySQL or MariaDB server, by prepared statements. */
export function createMysql(options: SqlOptions): Bulk {
  return createPool(options, (ended) => createLink(options, ended));
}

/** Lists the mailboxes of a schema on a separate connection. */
export function listMysql(options: SqlOptions, listing: Listing): Lister {
  return createLister(listing, () => {
    const link = createLink({ ...options, timeoutMs: LIST_MS }, () => {});
    return {
      async rows(text, after) {
        const late = (): void => link.end(new StoreError(`no answer within ${LIST_MS} ms`));
        const timer = setTimeout(late, LIST_MS);
        try {
          await link.ready;
          return await link.list(text, after);
        } finally {
          clearTimeout(timer);
        }
      },
      isEnded: () => link.lost(),
      end: (cause) => link.end(cause),
    };
  });
}

type Rows = readonly (readonly unknown[])[];

function createLink(options: SqlOptions, ended: () => void): Link {
  const statements = new Map<Query, (PrepareStatementInfo | undefined)[]>(); // by the size of their unions
  let socket: Socket | null = null;
  let connection: Connection | null = null;
  let cause: StoreError | null = null;
  let rejectNow: (cause: StoreError) => void = () => {};
  let packetBytes = 0;
  let primaryAt = -Infinity;

  const end = (why: StoreError): void => {
    if (cause !== null) return;
    cause = why;
    socket?.destroy(); // mysql2 would only tell the server that we are done, and the server may hang
    rejectNow(why);
    ended();
  };
  /** Settles with the result of `start`, or when the connection ends: mysql2 does not always report its end. */
  const during = <T>(start: (settle: (error: Error | null, result: T) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      if (cause !== null) throw cause;
      rejectNow = reject;
      start((error, result) => {
        if (error === null) return resolve(result);
        if ((error as QueryError).fatal) end(toStoreError(error));
        reject(error);
      });
    });
  const within = <T>(work: Promise<T>): Promise<T> =>
    during(
      (settle) =>
        void work.then((result) => settle(null, result)).catch((error: Error) => settle(error, undefined as T)),
    );
  const query = (text: string): Promise<Rows> =>
    during((settle) => connection?.query(text, (error, rows) => settle(error, rows as unknown as Rows)));

  const open = async (): Promise<void> => {
    const address = parseUrl(options.url);
    if ('flaw' in address) throw new StoreError(`the url ${address.flaw}`);
    const password = await (options.password === null ? undefined : within(options.password()));
    await during<void>((settle) => {
      socket = openSocket(address);
      connection = connect(address, options.tls, socket, password);
      connection.on('error', (error) => end(toStoreError(error)));
      connection.on('end', () => end(new StoreError('the server closed the connection')));
      connection.on('warn', (error: Error) => end(toStoreError(error))); // mysql2 got packets out of order
      connection.connect((error) => settle(error, undefined));
    });
    await query(`set ${SESSION.join(', ')}`);
    const limits = limitsOf(await query(LIMITS), options.timeoutMs);
    packetBytes = limits.packetBytes;
    await query(`set ${limits.settings}`);
    await query('set session transaction isolation level read committed, read only');
  };
  const ready = open().catch((error: unknown) => {
    end(toStoreError(error));
    throw cause;
  });
  ready.catch(() => {});

  const statementsOf = (asked: Query): (PrepareStatementInfo | undefined)[] => {
    const known = statements.get(asked) ?? [];
    statements.set(asked, known);
    return known;
  };
  const findSome = async (name: QueryName, asked: Query, questions: readonly Question[]) => {
    const size = sizeFor(questions.length);
    const values = unionValues(asked, size, questions);
    if (sizeOf(values) > packetBytes)
      throw new QuestionError(`the question is too long for the server: raise max_allowed_packet (${packetBytes})`);
    const prepared = statementsOf(asked);
    const statement = (prepared[size] ??= await during<PrepareStatementInfo>((settle) => {
      connection?.prepare(textFor(asked, size), settle);
    }));
    try {
      const { rows, fields } = await during<{ rows: Rows; fields: readonly FieldPacket[] }>((settle) => {
        statement.execute(values, (error, found, names) =>
          settle(error, { rows: found as unknown as Rows, fields: names }),
        );
      });
      const columns = fields.map((field) => field.name.toLowerCase());
      checkNames(name, columns);
      if (size === 1) return [rows.map((row) => rowFrom(columns, row))];
      return rowsByQuestion(columns, rows, { asked: questions.length, size });
    } catch (error) {
      if (isUnstorable(error as QueryError)) throw new UnstorableError((error as Error).message, { cause: error });
      if (isOfQuestion(error as QueryError)) throw new QuestionError((error as Error).message, { cause: error });
      prepared[size] = undefined; // the server may have forgotten it
      if (cause === null) connection?.unprepare(textFor(asked, size));
      throw error;
    }
  };

  return {
    ready,
    async find(name, asked, questions) {
      if (asked === undefined)
        throw new StoreError(`the store has no query for ${name}: add one, ${name} = "select ..."`);
      const found: (readonly Row[])[] = [];
      for (let at = 0; at < questions.length; at += MOST_BRANCHES) {
        found.push(...(await findSome(name, asked, questions.slice(at, at + MOST_BRANCHES))));
      }
      return found;
    },
    list: (text, value) =>
      during((settle) =>
        connection?.execute(text, [value], (error, rows, fields) =>
          settle(error, { columns: fields?.map((field) => field.name), rows: rows as unknown as Rows }),
        ),
      ),
    async begin() {
      await query('set transaction isolation level repeatable read, read only'); // a snapshot needs it
      await query('start transaction with consistent snapshot');
    },
    async commit() {
      await query('commit');
    },
    async isPrimary() {
      const askedAt = performance.now();
      const [row] = await query('select @@global.read_only'); // it is also on if super_read_only is on
      primaryAt = /^(?:0|off)$/i.test(String(row?.[0])) ? askedAt : -Infinity;
      return primaryAt === askedAt;
    },
    primaryAt: () => primaryAt,
    lost: () => cause !== null,
    end,
  };
}

function textFor(query: Query, size: number): string {
  return size === 1 ? textOf(query) : unionOf(query, size);
}

const KEEP_ALIVE_MS = 30_000; // keeps the connection known to firewalls

function openSocket({ host, port, path }: Address): Socket {
  if (path !== null) return connectSocket(path);
  return connectSocket({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
}

function connect(address: Address, tls: TlsOptions | null, socket: Socket, password: string | undefined): Connection {
  const host = tls?.serverName ?? address.host;
  if (tls?.verify === true && isIP(host) !== 0) {
    throw new StoreError(`a certificate cannot be verified for the address ${host}: set server_name of tls`);
  }
  return createConnection({
    stream: () => socket,
    host, // TLS compares it with the certificate
    socketPath: address.path ?? undefined, // tells mysql2 that it may send a password without TLS
    user: address.user,
    database: address.database,
    password,
    // Without verifyIdentity mysql2 accepts a valid certificate of any host.
    ...(tls !== null && { ssl: { ...trustOptions(tls), verifyIdentity: tls.verify } }),
    connectTimeout: 0, // our own timeout covers more than the connection
    flags: ['-LOCAL_FILES'], // the server must not read our files
    rowsAsArray: true,
    dateStrings: true,
    supportBigNumbers: true,
    jsonStrings: true,
  } as Parameters<typeof createConnection>[0] & object);
}

/**
 * Loads the encodings of mysql2 now. It would load them for its first connection, and by then an upgrade may have
 * replaced its files.
 */
function loadEncodings(): void {
  const ofMysql2 = createRequire(createRequire(import.meta.url).resolve('mysql2'));
  try {
    (ofMysql2('iconv-lite') as { encodingExists(name: string): boolean }).encodingExists('utf8');
  } catch {
    // this mysql2 does not use iconv-lite
  }
}
