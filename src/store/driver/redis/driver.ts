import { performance } from 'node:perf_hooks';
import { Redis, type RedisOptions as ClientOptions } from 'ioredis';
import { messageOf } from '../../../message.ts';
import { type Bulk, StoreError, toStoreError } from '../../store.ts';
import { DEFAULT_TLS, trustOptions } from '../../tls.ts';
import { within } from '../../within.ts';
import type { RedisConfig } from './keys.ts';
import { type Address, type Connection, Redirection, Refusal } from './link.ts';
import { type Master, askMaster, createMaster } from './master.ts';
import { type Command, evictionIn, type Reply, withRemedy } from './plan.ts';
import { askSlots } from './slots.ts';
import { type Watch, type Watched, createWatch } from './watch.ts';

/** The options of a Redis store. */
export interface RedisOptions extends Pick<
  RedisConfig,
  'database' | 'layouts' | 'servers' | 'timeoutMs' | 'tls' | 'username'
> {
  /** Called for each new connection: a new password needs no restart. */
  readonly password: (() => Promise<string>) | null;
}

/**
 * Answers from Redis or Valkey: one server, the master that Sentinels name, or a Cluster. Only a master is certain of
 * an absence.
 */
export function createRedis(given: RedisOptions): Bulk {
  const options = secured(given);
  const { servers, layouts, timeoutMs } = options;
  const connect = (address: Address): Promise<Connection> => openConnection(address, options, options);
  if (servers.kind === 'cluster') return askSlots(servers.nodes, layouts, timeoutMs, connect);
  return askMaster(masterOf(options), layouts, timeoutMs, connect);
}

/**
 * Calls `changed` with the address, domain or key whose entry may have changed, or with null if any entry may have
 * changed, as after each new connection. The server must have notify-keyspace-events. No server tells about a flush.
 * Throws for a Cluster.
 */
export function watchRedis(given: RedisOptions, changed: (what: string | null) => void): Watch {
  const options = secured(given);
  if (options.servers.kind === 'cluster')
    throw new StoreError('a Redis Cluster cannot be watched: remove events from cache');
  const master = masterOf(options);
  const subscribe = async (patterns: readonly string[], heard: (channel: string) => void): Promise<Watched> => {
    const client = await openClient(await master.address(), options, options);
    client.on('pmessage', (_pattern: string, channel: string) => heard(channel));
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    try {
      await within(client.psubscribe(...patterns), options.timeoutMs, 'answer');
    } catch (cause) {
      client.disconnect();
      throw toStoreError(cause);
    }
    return { ended, ping: () => within(client.ping(), options.timeoutMs, 'answer'), close: () => client.disconnect() };
  };
  return createWatch(options.layouts, options.database, subscribe, changed, () => master.close());
}

/** Where the master is. We connect to Sentinels without a user, a password and a database. */
function masterOf({ servers, tls, timeoutMs }: RedisOptions): Master {
  const anonymous: Login = { username: null, password: null, database: 0 };
  return createMaster(servers, timeoutMs, (sentinel) => openConnection(sentinel, { tls, timeoutMs }, anonymous));
}

type Login = Pick<RedisOptions, 'username' | 'password' | 'database'>;
type Reach = Pick<RedisOptions, 'tls' | 'timeoutMs'>;

/**
 * A client with one connection. Rejects if it cannot connect, log in or select its database. ioredis by itself would go
 * on after a refused AUTH or SELECT, would connect again, and would repeat commands without a reply. Here it does none
 * of that.
 */
async function openClient(address: Address, reach: Reach, login: Login): Promise<Redis> {
  const { tls, timeoutMs } = reach;
  const settings: ClientOptions = {
    ...address,
    // ioredis would connect to a host in `tls`, so we only give it a server name, if there is one.
    ...(tls !== null && {
      tls: { ...trustOptions(tls), ...(tls.serverName !== null && { servername: tls.serverName }) },
    }),
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: timeoutMs,
    disconnectTimeout: 0, // do not wait for a server that hangs
    keepAlive: 10_000,
  };
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const client = new Redis(settings);
  let failure: unknown = null;
  client.on('error', (error) => (failure = error));
  const start = async (): Promise<void> => {
    const password = await login.password?.();
    await client.connect();
    if (password !== undefined)
      await client.auth(...((login.username === null ? [password] : [login.username, password]) as [string]));
    if (login.database !== 0) await client.select(login.database);
  };
  try {
    await within(start(), timeoutMs, 'answer');
  } catch (cause) {
    client.disconnect();
    // Not as `cause`: an error of ioredis contains its command, and AUTH contains the password.
    throw new StoreError(`${where}: ${withRemedy(messageOf(failure ?? cause))}`);
  }
  return client;
}

async function openConnection(address: Address, reach: Reach, login: Login): Promise<Connection> {
  const client = await openClient(address, reach, login);
  let closed = false;
  let evicts: string | null = null;
  let learnedAt = -Infinity;
  return {
    async transact(commands, asking = false) {
      const one = commands.length === 1;
      const wrapped: readonly Command[] = one ? commands : [['multi'], ...commands, ['exec']];
      const sent: readonly Command[] = asking ? [['asking'], ...wrapped] : wrapped;
      const learns = performance.now() - learnedAt > LEARN_MS;
      const results = [...(await run(client, learns ? [...sent, ['info', 'memory']] : sent))];
      if (learns) {
        const info = results.pop();
        learnedAt = info instanceof Error ? Infinity : performance.now(); // without the right, nobody asks again
        evicts = evictionIn(info);
      }
      const refused = results.find((result) => result instanceof Error && !/^WRONGTYPE\b/.test(result.message));
      if (refused instanceof Error) throw refusalOf(refused);
      const last = results.at(-1);
      if (one) return { replies: [last], evicts };
      if (!Array.isArray(last) || last.length !== commands.length)
        throw new StoreError('Redis sent no reply to a transaction');
      return { replies: last as readonly Reply[], evicts };
    },
    send: (commands) => run(client, commands),
    ended: () => closed || client.status === 'end',
    close() {
      if (!closed) client.disconnect(); // each further call would make ioredis wait for the end again
      closed = true;
    },
  };
}

const LEARN_MS = 1_000; // how often a server is asked whether it removes keys

async function run(client: Redis, commands: readonly Command[]): Promise<readonly Reply[]> {
  const results = (await client.pipeline(commands.map((command) => [...command])).exec()) ?? [];
  return results.map(([error, reply]) => error ?? reply);
}

function refusalOf({ message }: Error): StoreError {
  const [, kind, slot = '', to = ''] = /^(MOVED|ASK) (\d+) (\S+)$/.exec(message) ?? [];
  if (kind !== undefined) return new Redirection(message, kind === 'ASK', Number(slot), to);
  return /^[A-Z]+ /.test(message) ? new Refusal(withRemedy(message)) : new StoreError(message);
}

/** Turns TLS on for rediss://. Without the key tls, it trusts the authorities that Node trusts. */
function secured(options: RedisOptions): RedisOptions {
  const { servers, tls } = options;
  if (tls !== null || servers.kind !== 'single' || !servers.url.startsWith('rediss:')) return options;
  return { ...options, tls: DEFAULT_TLS };
}
