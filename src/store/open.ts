import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { CacheConfig, Guards, RedisConfig, SqlConfig, StoreConfig } from '../config/config.ts';
import type { Maybe, Question } from '../vocabulary.ts';
import { type Bulk, createBatch } from './guard/batch.ts';
import { type Availability, createBreaker } from './guard/breaker.ts';
import { type CachedStore, createCache } from './guard/cache.ts';
import { type CanaryEvents, createCanary } from './guard/canary.ts';
import type { RedisOptions } from './driver/redis/driver.ts';
import { createDeadline } from './guard/deadline.ts';
import { type Counts, createMeter } from './guard/meter.ts';
import { createReopening } from './guard/reopen.ts';
import { createShrinkWatch } from './driver/embedded/shrink.ts';
import { createReplicas } from './guard/replicas.ts';
import { createSpellings } from './guard/spellings.ts';
import { MissingPackageError, messageOf, type Store } from './store.ts';

/** What happens to a store while it is open, for the log. */
export interface StoreEvents {
  /** Of one of its servers; null where it has one or none. */
  readonly availability: (server: string | null) => Availability;
  readonly canary: (server: string | null) => CanaryEvents;
  /** There is sharply less of a kind of record (`mailbox`, `alias`, `domain`, `key NAME` of a table) than there was. */
  readonly shrank?: (kind: string, before: number, after: number) => void;
}

/** How a store is. */
export interface Status {
  readonly driver: string;
  readonly servers: readonly ServerStatus[];
  readonly counts: Counts;
}

export interface ServerStatus {
  readonly name: string;
  /** Why it is not asked, or not trusted: the newest cause. */
  readonly trouble: string | null;
  /** Since when, as the time of the day in ISO 8601. */
  readonly since: string;
}

/** A store with all that guards it. */
export interface OpenStore extends Store {
  readonly cache: CachedStore | null;
  status(): Status;
}

const FAILURES = 3; // in a row; one may be bad luck, and each may have taken all of timeout_ms
const PROBE_MS = 500; // so that a server that is back is asked again within a second

/**
 * Opens a store by its driver, whose package loads only here, and puts its guards around it: each server with its batches, deadline,
 * breaker and canary, servers of the same data as replicas, then meter and cache. One that is out of reach answers
 * nothing until it is back. Throws MissingPackageError.
 */
export async function openStore(config: StoreConfig, probe: Question, events: StoreEvents): Promise<OpenStore> {
  const servers = new Map<string, Trouble>();
  const watch = (server: string | null): Watched => {
    const availability = events.availability(server);
    const canary = events.canary(server);
    const status: Trouble = { failed: 'not asked yet', silent: null, since: '' };
    const now = (change: Partial<Trouble>): void => {
      Object.assign(status, change, { since: new Date().toISOString() });
    };
    now({});
    servers.set(server ?? config.driver, status);
    return {
      opened() {
        now({ failed: null });
        availability.opened();
      },
      unavailable(cause) {
        now({ failed: messageOf(cause) });
        availability.unavailable(cause);
      },
      sang() {
        now({ silent: null });
        canary.sang();
      },
      fellSilent(cause) {
        now({ silent: messageOf(cause) });
        canary.fellSilent(cause);
      },
    };
  };

  const caching = 'guards' in config ? config.guards.cache : null;
  const meter = createMeter(await openDriver(config, probe, watch, events.shrank ?? (() => {})));
  const cache = caching === null ? null : createCache(meter, caching);
  const outermost = cache ?? meter;
  const watching =
    cache === null ? null : await watchChanges(config, caching as CacheConfig, (what) => cache.forget(what));
  return {
    lookup: (question) => outermost.lookup(question),
    lookupAtOnce: (questions, anew) => outermost.lookupAtOnce(questions, anew),
    atomic: outermost.atomic,
    cache,
    status: () => ({
      driver: config.driver,
      servers: [...servers].map(([name, { failed, silent, since }]) => {
        return { name, trouble: failed ?? (silent === null ? null : `not trusted: ${silent}`), since };
      }),
      counts: meter.counts(),
    }),
    async close() {
      await watching?.close();
      await outermost.close();
    },
  };
}

/** What is wrong with a server: why it is not asked, and why it is not trusted. */
interface Trouble {
  failed: string | null;
  silent: string | null;
  since: string;
}

/** The file of each driver, which imports its package: so only what is configured is loaded. */
const DRIVERS = {
  embedded: () => load('lmdb', () => import('./driver/embedded/driver.ts')),
  memory: () => import('./driver/memory/driver.ts'),
  sqlite: () => import('./driver/sqlite/driver.ts'),
  postgresql: () => load('pg', () => import('./driver/postgresql/driver.ts')),
  mysql: () => load('mysql2', () => import('./driver/mysql/driver.ts')),
  ldap: () => load('ldapts', () => import('./driver/ldap/driver.ts')),
  redis: () => load('ioredis', () => import('./driver/redis/driver.ts')),
  http: () => import('./driver/http/driver.ts'),
} as const;

/** Sees whether a driver could be opened. Throws MissingPackageError. */
export async function checkDriver(driver: StoreConfig['driver']): Promise<void> {
  await DRIVERS[driver]();
}

type Watched = Availability & CanaryEvents;
type Watch = (server: string | null) => Watched;

async function openDriver(
  config: StoreConfig,
  probe: Question,
  watch: Watch,
  shrank: NonNullable<StoreEvents['shrank']>,
): Promise<Store> {
  switch (config.driver) {
    case 'embedded': {
      const { makeEmbeddedStore, openEmbeddedStore } = await DRIVERS.embedded();
      await makeEmbeddedStore(config.path).catch(() => {}); // opening says what is wrong
      const counted = createShrinkWatch(shrank); // also over a file that replaces another
      return createReopening(() => openEmbeddedStore(config.path, counted), watch(null));
    }
    case 'memory': {
      const { createMemoryStore } = await DRIVERS.memory();
      return createMemoryStore(config.records);
    }
    case 'sqlite': {
      const { sqliteOpener } = await DRIVERS.sqlite();
      const watched = watch(null);
      return createCanary(
        createSpellings(createReopening(await sqliteOpener(config), watched)),
        config.canaries,
        watched,
      );
    }
    case 'postgresql': {
      const { createPostgresql } = await DRIVERS.postgresql();
      return guardAll(config.guards, config.urls, (url) => createPostgresql(sqlOptions(config, url)), probe, watch);
    }
    case 'mysql': {
      const { createMysql } = await DRIVERS.mysql();
      return guardAll(config.guards, config.urls, (url) => createMysql(sqlOptions(config, url)), probe, watch);
    }
    case 'ldap': {
      const { createLdap } = await DRIVERS.ldap();
      const { urls, replicas, bind, guards } = config;
      const whose =
        bind.kind === 'simple' ? { ...bind, password: passwordFrom(bind.passwordFile) } : { kind: bind.kind };
      const create = (url: string): Bulk =>
        createLdap({ ...config, ...guards, url, bind: whose, certain: !replicas.includes(url) });
      return guardAll(guards, [...urls, ...replicas], create, probe, watch);
    }
    case 'redis': {
      const { createRedis } = await DRIVERS.redis();
      return guardAll(config.guards, [''], () => createRedis(redisOptions(config)), probe, watch);
    }
    case 'http': {
      const { createHttp } = await DRIVERS.http();
      const token = config.tokenFile === null ? null : passwordFrom(config.tokenFile);
      return guardAll(config.guards, [''], () => createHttp({ ...config, ...config.guards, token }), probe, watch);
    }
  }
}

/** Servers of the same data, each with its own guards. */
function guardAll(
  { batch, connections, timeoutMs, canaries }: Guards,
  urls: readonly string[],
  create: (url: string) => Bulk,
  probe: Question,
  watch: Watch,
): Store {
  const servers = urls.map((url) => {
    const batched = createBatch(create(url), { most: batch, inFlight: connections });
    const watched = watch(urls.length > 1 ? hostOf(url) : null);
    const limited = createDeadline(batched, timeoutMs);
    const asked = createBreaker(limited, { failures: FAILURES, probeMs: PROBE_MS, probe }, watched);
    return createCanary(createSpellings(asked), canaries, watched);
  });
  return createReplicas(servers);
}

function sqlOptions(config: SqlConfig, url: string) {
  const { tls, queries, guards, passwordFile } = config;
  const { connections, timeoutMs } = guards;
  const password = passwordFile === null ? null : passwordFrom(passwordFile);
  return { url, tls, queries, connections, timeoutMs, password };
}

function redisOptions(config: RedisConfig): RedisOptions {
  const { passwordFile, guards } = config;
  const password = passwordFile === null ? null : passwordFrom(passwordFile);
  return { ...config, password, timeoutMs: guards.timeoutMs };
}

/** Read anew for each connection, so that a new password needs no restart. */
function passwordFrom(file: string): () => Promise<string> {
  return async () => (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
}

/** What the store itself tells of its changes. */
async function watchChanges(
  config: StoreConfig,
  { events }: CacheConfig,
  changed: (what: string | null) => void,
): Promise<{ close(): Maybe<void> } | null> {
  if (events === null) return null;
  if (config.driver === 'postgresql') {
    const { watchPostgresql } = await DRIVERS.postgresql();
    return watchPostgresql(sqlOptions(config, config.urls[0] as string), events, changed);
  }
  if (config.driver === 'redis') {
    const { watchRedis } = await DRIVERS.redis();
    return watchRedis(redisOptions(config), changed);
  }
  return null;
}

const DRIVER_FILES = fileURLToPath(new URL('driver/', import.meta.url));

async function load<T>(name: string, file: () => Promise<T>): Promise<T> {
  try {
    return await file();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
    if (message.startsWith(`Cannot find module '${DRIVER_FILES}`)) throw error; // a file of ours, which no package brings
    const flaw = isMissing ? 'is not installed' : `cannot be loaded (${message.split('\n')[0]})`;
    throw new MissingPackageError(`the package ${name} ${flaw}: npm install ${name}`, { cause: error });
  }
}

/** Without user, password and database. */
function hostOf(url: string): string {
  const { host, searchParams } = new URL(url);
  return host !== '' ? host : (searchParams.get('host') ?? url.replace(/\?.*/, ''));
}
