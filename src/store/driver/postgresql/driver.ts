import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type PeerCertificate, checkServerIdentity } from 'node:tls';
import pg from 'pg';
import type { Lister } from '../../guard/warm.ts';
import { type Bulk, ClosedError, QuestionError, StoreError } from '../../store.ts';
import { type TlsOptions, trustOptions } from '../../tls.ts';
import { LIST_MS, type Listing, createLister } from '../sql/listing.ts';
import type { Query } from '../sql/query.ts';
import type { SqlOptions } from '../sql/server.ts';
import { type Session, askOn, beginSession } from './asking.ts';
import { type Database, UNKNOWN, aboutStatement, isDoubted } from './doubt.ts';
import { createLimit } from './limit.ts';
import type { Line } from './line.ts';
import { createPool } from './pool.ts';
import { BOOLEAN, type Place, readBoolean } from './prepared.ts';
import { errorOf, parseUrl, setUp, typesStatement } from './statement.ts';
import { createWatch } from './watch.ts';
import { createWire } from './wire.ts';

/** How to reach one server. */
type ServerOptions = Pick<SqlOptions, 'url' | 'password' | 'timeoutMs' | 'tls'>;

/**
 * Answers from one PostgreSQL server. Each kind of question has one prepared statement. An absence is uncertain on a
 * standby, which may lag. An absence of a name beyond ASCII is uncertain if the database has no encoding (SQL_ASCII).
 */
export function createPostgresql(options: SqlOptions): Bulk {
  return createPool(options, () => openLine(options));
}

function openLine({ url, password, tls, timeoutMs }: ServerOptions): Line {
  const address = parseUrl(url);
  if ('flaw' in address) throw new StoreError(`the url ${address.flaw}`);
  const { host, port, user, database } = address;
  const name = host.startsWith('/') ? host : `${host}:${port}`;
  const { socket, expect } = createWire(tls !== null);
  const client = new pg.Client({
    host,
    port,
    user: user ?? userInfo().username,
    database: database ?? user ?? userInfo().username,
    // Without this function pg looks for a password in the environment and in the home directory.
    password: password ?? (() => Promise.reject(new StoreError('the server asks for a password: set password_file'))),
    ssl: tls === null ? false : { ...trustOptions(tls), ...nameCheck(tls) },
    application_name: 'smmap',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    stream: () => socket,
  });
  const ended = new AbortController();
  const end = (reason: StoreError): void => {
    if (!ended.signal.aborted) ended.abort(reason);
    socket.destroy(); // a polite end would wait for the server, which may hang
  };
  const failureOf = (cause: unknown): StoreError => {
    const { message, code } = cause as Error & { code?: string };
    const text = `PostgreSQL at ${name}: ${message || code}`;
    return new (errorOf(code))(text, { cause });
  };
  client.on('error', (cause) => end(failureOf(cause)));
  client.on('end', () => end(new StoreError(`PostgreSQL at ${name}: the connection ended`)));

  const start = async (): Promise<Session> => {
    await client.connect();
    const mark = randomBytes(8).toString('hex');
    const { rows } = await client.query<Server>(setUp(timeoutMs, mark));
    const [{ standby, encoding, version }] = rows as [Server];
    const isBytes = encoding === 'SQL_ASCII';
    const about = await client.query<Database>(aboutStatement(version)).then(
      ({ rows: [first = UNKNOWN] }) => first,
      () => UNKNOWN, // an old or an unusual server; if the connection is lost, the first question says so
    );
    const place: Place = { submit: (submitted) => void client.query(submitted), expect, readerOf };
    const types = (query: Query): Promise<readonly string[]> => typesOf(client, query);
    return beginSession({ place, typesOf: types, isBytes, database: about, mark }, !standby);
  };
  const old = performance.now() + DOUBTED_MS;
  let ready: Session | null = null;
  const started = start().then((session) => (ready = session));
  started.catch(() => {}); // each call of `within` reports this failure

  const limit = createLimit(() => end(new StoreError(`PostgreSQL at ${name}: no answer within ${timeoutMs} ms`)));
  const within = async <T>(until: number, work: (session: Session) => Promise<T>): Promise<T> => {
    limit.begin(until);
    try {
      return await work(ready ?? (await started));
    } catch (cause) {
      const failure = ended.signal.aborted ? (ended.signal.reason as StoreError) : failureOf(cause);
      if (!(failure instanceof QuestionError)) end(failure); // the prepared statements may be invalid now
      throw failure;
    } finally {
      limit.end();
    }
  };

  return {
    ended: ended.signal,
    ask: (groups, until, atOnce) =>
      within(until, async (session) => {
        await askOn(session, groups, atOnce);
        if (isDoubted(session.database) && performance.now() > old) end(new ClosedError());
      }),
    async run(statement, until) {
      await within(until, () => client.query(statement));
    },
    rows: (text, values, until) =>
      within(until, async () => {
        const { fields, rows } = await client.query<unknown[]>({
          name: 'smmap_list',
          text,
          values: [...values],
          rowMode: 'array',
        });
        return { columns: fields.map((field) => field.name), rows };
      }),
    onNotification: (heard) => void client.on('notification', ({ payload }) => heard(payload)),
    end,
  };
}

/** Checks the certificate for `serverName`. pg ignores `servername` and always checks it for the host. */
function nameCheck({ serverName }: TlsOptions): object {
  if (serverName === null) return {};
  return { checkServerIdentity: (_: string, peer: PeerCertificate) => checkServerIdentity(serverName, peer) };
}

const KEEP_ALIVE_MS = 10_000;
const DOUBTED_MS = 10_000; // then a new connection asks whether the doubt about the database is gone

/** What a server says at the begin of a session. */
interface Server {
  readonly standby: boolean;
  readonly encoding: string;
  readonly version: number;
}

const BPCHAR = 1042;

/** Reads the values of a type. Removes the blanks with which PostgreSQL pads a char(n). */
function readerOf(type: number): (text: string) => unknown {
  if (type === BOOLEAN) return readBoolean;
  if (type === BPCHAR) return (text) => text.replace(/ +$/, '');
  return pg.types.getTypeParser(type, 'text');
}

/** The types of a query's parameters, in their order. If the server cannot tell the type of one, it is a text. */
async function typesOf(client: pg.Client, query: Query): Promise<readonly string[]> {
  const texts = new Set<number>();
  for (;;) {
    try {
      const results = (await client.query(typesStatement(query, texts))) as unknown as readonly pg.QueryResult<{
        type: string;
      }>[];
      return (results[1] as pg.QueryResult<{ type: string }>).rows.map(({ type }) => type);
    } catch (cause) {
      const { code, message } = cause as pg.DatabaseError;
      const unknown = Number(/\$(\d+)/.exec(message)?.[1]);
      if (code !== '42P18' || !(unknown > 0) || texts.has(unknown)) throw cause;
      texts.add(unknown);
    }
  }
}

/** Lists the mailboxes of a schema on a separate connection. */
export function listPostgresql(options: ServerOptions, listing: Listing): Lister {
  return createLister(listing, () => {
    const line = openLine({ ...options, timeoutMs: LIST_MS });
    return {
      rows: (text, after) => line.rows(text, [after], performance.now() + LIST_MS),
      isEnded: () => line.ended.aborted,
      end: (cause) => line.end(cause),
    };
  });
}

/**
 * Listens to a channel on a separate connection. `changed` gets the payload of each notification: an address, or a
 * domain with its @. It gets null if anything may have changed, also after each new connection, which may have missed
 * events. `failed` is called once for each outage. A standby does not allow LISTEN.
 */
export function watchPostgresql(
  options: ServerOptions,
  channel: string,
  changed: (what: string | null) => void,
  failed: (cause: StoreError) => void = () => {},
): { close(): Promise<void> } {
  return createWatch(() => openLine(options), options.timeoutMs, channel, changed, failed);
}
