import { messageOf } from '../../../message.ts';
import { Redis, type RedisOptions as ClientOptions } from 'ioredis';
import type { Answer, Question } from '../../../vocabulary.ts';
import { placesBy } from '../../asked.ts';
import type { Bulk } from '../../guard/batch.ts';
import { createCluster } from './cluster.ts';
import {
  type Address,
  type Connection,
  type Host,
  Redirection,
  type RedisServers,
  Refusal,
  createLink,
} from './link.ts';
import { type Command, type Layouts, type Plan, type Reply, answersOf, commandsOf, doubtOf, planOf } from './plan.ts';
import { createSentinels } from './sentinel.ts';
import { slotOf } from './slot.ts';
import { type Watch, type Watched, createWatch } from './watch.ts';
import { QuestionError, StoreError, toStoreError } from '../../store.ts';
import { DEFAULT_TLS, type TlsOptions, trustOptions } from '../../tls.ts';
import { within } from '../../within.ts';

export interface RedisOptions {
  readonly servers: RedisServers;
  readonly username: string | null;
  /** Asked at each new connection, so that a change needs no restart. */
  readonly password: (() => Promise<string>) | null;
  readonly tls: TlsOptions | null;
  readonly database: number;
  readonly timeoutMs: number;
  readonly layouts: Layouts;
}

/** Redis or Valkey: one server, the master that Sentinels know, or a Cluster. An absence counts only where a master tells it. */
export function createRedis(given: RedisOptions): Bulk {
  const options = secured(given);
  return options.servers.kind === 'cluster' ? askSlots(options, options.servers.nodes) : askMaster(options);
}

/**
 * Calls `changed` with the address, domain or key whose entry may have changed, or null where that may be any: after each new
 * connection, too. The server has to tell (notify-keyspace-events), and a flush is told by none. Throws for a Cluster.
 */
export function watchRedis(given: RedisOptions, changed: (what: string | null) => void): Watch {
  const options = secured(given);
  if (options.servers.kind === 'cluster') throw new StoreError('a Redis Cluster cannot be watched');
  const master = createMaster(options);
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

const LOOK_MS = 500; // between two looks at what the Sentinels say, while nothing fails: a master that was replaced may not know it

function createMaster({ servers, tls, timeoutMs }: RedisOptions) {
  if (servers.kind === 'single') {
    return { address: (): Promise<Address> => Promise.resolve(addressOf(servers.url)), close: () => {} };
  }
  if (servers.kind === 'cluster') throw new StoreError('a Redis Cluster has several masters');
  const connect = (address: Address): Promise<Connection> =>
    openConnection(address, { tls, timeoutMs }, { username: null, password: null, database: 0 });
  const sentinels = createSentinels(servers.sentinels, servers.name, connect, timeoutMs);
  return { address: (): Promise<Address> => sentinels.master(), close: () => sentinels.close() };
}

function askMaster(options: RedisOptions): Bulk {
  const { layouts, timeoutMs } = options;
  const master = createMaster(options);
  const asksSentinels = options.servers.kind === 'sentinel';
  let current = '';
  const open = async (): Promise<Connection> => {
    const address = await master.address();
    current = JSON.stringify(address);
    return openConnection(address, options, options);
  };
  const link = createLink(open, timeoutMs);
  const look = async (): Promise<void> => {
    if (current !== '' && JSON.stringify(await master.address()) !== current) link.drop();
  };
  const timer = asksSentinels ? setInterval(() => void look().catch(() => {}), LOOK_MS).unref() : undefined;

  return {
    lookupAll: (questions) =>
      answerAll(questions, layouts, async (plans) => {
        const commands = commandsOf(plans, true);
        const replies = await link.ask((connection) => connection.transact(commands));
        if (asksSentinels && doubtOf(replies.at(-1)) !== null) link.drop();
        return answersOf(plans, true, replies);
      }),
    atomic: true, // all of them are one MULTI
    close() {
      clearInterval(timer);
      link.close();
      master.close();
    },
  };
}

function askSlots(options: RedisOptions, nodes: readonly Host[]): Bulk {
  const { layouts, timeoutMs } = options;
  const cluster = createCluster(nodes, (address) => openConnection(address, options, options), timeoutMs);
  const askGroup = async (slot: number, plans: readonly Plan[]): Promise<readonly (Answer | StoreError)[]> => {
    try {
      // A node answers for the slots of which it is the master, and redirects others: it need not be asked for its role.
      return answersOf(plans, false, await cluster.transact(slot, commandsOf(plans, false)));
    } catch (cause) {
      const error = toStoreError(cause);
      return plans.map(() => error);
    }
  };
  return {
    lookupAll: (questions) =>
      answerAll(questions, layouts, async (plans) => {
        await within(cluster.ready(), timeoutMs, 'answer');
        const answers: (Answer | StoreError)[] = [];
        const asked = [...placesBy(plans, slotOfPlan)].map(async ([slot, places]) => {
          const group = places.map((at) => plans[at] as Plan);
          const found = slot === null ? group.map(withoutSlot) : await askGroup(slot, group);
          places.forEach((at, index) => (answers[at] = found[index] as Answer | StoreError));
        });
        await Promise.all(asked);
        return answers;
      }),
    atomic: false, // a transaction is within one slot
    close: () => cluster.close(),
  };
}

/** The one slot that has all keys of a plan, or null. */
function slotOfPlan({ keys }: Plan): number | null {
  const [slot, ...others] = new Set(keys.map(slotOf));
  return slot === undefined || others.length > 0 ? null : slot;
}

function withoutSlot({ keys }: Plan): QuestionError {
  return new QuestionError(`${keys.join(' and ')} are in different slots; give them one hash tag`);
}

/** Asks for what can be planned; what cannot fails alone. */
async function answerAll(
  questions: readonly Question[],
  layouts: Layouts,
  ask: (plans: readonly Plan[]) => Promise<readonly (Answer | StoreError)[]>,
): Promise<readonly (Answer | StoreError)[]> {
  const planned = questions.map((question) => {
    try {
      return planOf(question, layouts);
    } catch (cause) {
      if (cause instanceof QuestionError) return cause;
      throw cause;
    }
  });
  const plans = planned.filter((plan): plan is Plan => !(plan instanceof QuestionError));
  const answers = plans.length === 0 ? [] : await ask(plans);
  let next = 0;
  return planned.map((plan) => (plan instanceof QuestionError ? plan : (answers[next++] as Answer | StoreError)));
}

type Login = Pick<RedisOptions, 'username' | 'password' | 'database'>;
type Reach = Pick<RedisOptions, 'tls' | 'timeoutMs'>;

/**
 * A client of one connection, which is made, logged in and has its database, or this rejects. ioredis would go on without
 * the password or in database 0, where a refused AUTH or SELECT should end it; it would also connect again by itself,
 * and ask again what was under way. All of that is done elsewhere, or on purpose not.
 */
async function openClient(address: Address, reach: Reach, login: Login): Promise<Redis> {
  const { tls, timeoutMs } = reach;
  const settings: ClientOptions = {
    ...address,
    // A host in `tls` would be where ioredis connects to, so it is told a name only where there is one of its own.
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
    disconnectTimeout: 0, // a server that hangs does not end its half
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
    // Not as its cause: ioredis has the command in it, and AUTH has the password.
    throw new StoreError(`${where}: ${messageOf(failure ?? cause)}`);
  }
  return client;
}

async function openConnection(address: Address, reach: Reach, login: Login): Promise<Connection> {
  const client = await openClient(address, reach, login);
  let closed = false;
  return {
    async transact(commands, asking = false) {
      const one = commands.length === 1;
      const wrapped: readonly Command[] = one ? commands : [['multi'], ...commands, ['exec']];
      const sent: readonly Command[] = asking ? [['asking'], ...wrapped] : wrapped;
      const results = await run(client, sent);
      const refused = results.find((result) => result instanceof Error && !/^WRONGTYPE\b/.test(result.message));
      if (refused instanceof Error) throw refusalOf(refused);
      const last = results.at(-1);
      if (one) return [last];
      if (!Array.isArray(last) || last.length !== commands.length) throw new StoreError('a transaction has no reply');
      return last as readonly Reply[];
    },
    send: (commands) => run(client, commands),
    ended: () => closed || client.status === 'end',
    close() {
      if (!closed) client.disconnect(); // ioredis would wait for the end once more each time
      closed = true;
    },
  };
}

async function run(client: Redis, commands: readonly Command[]): Promise<readonly Reply[]> {
  const results = (await client.pipeline(commands.map((command) => [...command])).exec()) ?? [];
  return results.map(([error, reply]) => error ?? reply);
}

function refusalOf({ message }: Error): StoreError {
  const [, kind, slot = '', to = ''] = /^(MOVED|ASK) (\d+) (\S+)$/.exec(message) ?? [];
  if (kind !== undefined) return new Redirection(message, kind === 'ASK', Number(slot), to);
  return /^[A-Z]+ /.test(message) ? new Refusal(message) : new StoreError(message);
}

/** rediss:// asks for TLS, with what Node trusts where nothing else is said. */
function secured(options: RedisOptions): RedisOptions {
  const { servers, tls } = options;
  if (tls !== null || servers.kind !== 'single' || !servers.url.startsWith('rediss:')) return options;
  return { ...options, tls: DEFAULT_TLS };
}

function addressOf(url: string): Address {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === 'unix:') return { path: decodeURIComponent(pathname) };
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 6379 : Number(port) };
}
