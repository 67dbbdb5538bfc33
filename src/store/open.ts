import { readFile } from 'node:fs/promises';
import type { CacheConfig, Guards, RedisConfig, SqlConfig, StoreConfig } from '../config/config.ts';
import type { Maybe, Question } from '../vocabulary.ts';
import { type Bulk, createBatch } from './batch.ts';
import { type Availability, createBreaker } from './breaker.ts';
import { type CachedStore, createCache } from './cache.ts';
import { type Canary, type CanaryEvents, createCanary } from './canary.ts';
import type { RedisOptions } from './driver/redis.ts';
import { createDeadline } from './deadline.ts';
import { type Counts, createMeter } from './meter.ts';
import { createReopening } from './reopen.ts';
import { createReplicas } from './replicas.ts';
import { MissingPackageError, messageOf, type Store } from './store.ts';

/** What happens to a store while it is open, for the log. */
export interface StoreEvents {
  /** Of one of its servers; null where it has one or none. */
  readonly availability: (server: string | null) => Availability;
  readonly canary: CanaryEvents;
}

/** How a store is. */
export interface Status {
  readonly driver: string;
  /** Of each server, and why it does not answer. */
  readonly servers: readonly { readonly name: string; readonly trouble: string | null }[];
  /** Why nothing that it says is trusted. */
  readonly silent: string | null;
  readonly counts: Counts;
}

/** A store with all that guards it. */
export interface OpenStore extends Store {
  readonly cache: CachedStore | null;
  status(): Status;
}

const FAILURES = 3; // in a row; one may be bad luck, and each may have taken all of timeout_ms
const PROBE_MS = 500; // so that a server that is back is asked again within a second

/**
 * Opens a store by its driver, whose package loads only here, and puts its guards around it: each server with its batches, deadline
 * and breaker, servers of the same data as replicas, then canary, meter and cache. One that is out of reach answers
 * nothing until it is back. Throws MissingPackageError.
 */
export async function openStore(config: StoreConfig, probe: Question, events: StoreEvents): Promise<OpenStore> {
  const troubles = new Map<string, string | null>();
  const watch = (server: string | null): Availability => {
    const availability = events.availability(server);
    const name = server ?? config.driver;
    troubles.set(name, 'not asked yet');
    return {
      opened() {
        troubles.set(name, null);
        availability.opened();
      },
      unavailable(cause) {
        troubles.set(name, messageOf(cause));
        availability.unavailable(cause);
      },
    };
  };
  let silent: string | null = null;
  const canaryEvents: CanaryEvents = {
    sang() {
      silent = null;
      events.canary.sang();
    },
    fellSilent(cause) {
      silent = messageOf(cause);
      events.canary.fellSilent(cause);
    },
  };

  const canaries = canariesOf(config);
  const caching = 'guards' in config ? config.guards.cache : null;
  const driven = await openDriver(config, probe, watch);
  const meter = createMeter(canaries.size === 0 ? driven : createCanary(driven, canaries, canaryEvents));
  const cache = caching === null ? null : createCache(meter, caching);
  const outermost = cache ?? meter;
  const watching =
    cache === null ? null : await watchChanges(config, caching as CacheConfig, (what) => cache.forget(what));
  return {
    lookup: (question) => outermost.lookup(question),
    cache,
    status: () => ({
      driver: config.driver,
      servers: [...troubles].map(([name, trouble]) => ({ name, trouble })),
      silent,
      counts: meter.counts(),
    }),
    async close() {
      await watching?.close();
      await outermost.close();
    },
  };
}

function canariesOf(config: StoreConfig): ReadonlyMap<string, Canary> {
  if ('guards' in config) return config.guards.canaries;
  return 'canaries' in config ? config.canaries : new Map<string, Canary>();
}

/** The file of each driver, which imports its package: so only what is configured is loaded. */
const DRIVERS = {
  embedded: () => import('./driver/embedded.ts'),
  memory: () => import('./driver/memory.ts'),
  sqlite: () => load('better-sqlite3', () => import('./driver/sqlite.ts')),
  postgresql: () => load('pg', () => import('./driver/postgresql.ts')),
  mysql: () => load('mysql2', () => import('./driver/mysql.ts')),
  ldap: () => load('ldapts', () => import('./driver/ldap.ts')),
  redis: () => load('ioredis', () => import('./driver/redis.ts')),
  http: () => import('./driver/http.ts'),
} as const;

/** Sees whether a driver could be opened. Throws MissingPackageError. */
export async function checkDriver(driver: StoreConfig['driver']): Promise<void> {
  await DRIVERS[driver]();
}

type Watch = (server: string | null) => Availability;

async function openDriver(config: StoreConfig, probe: Question, watch: Watch): Promise<Store> {
  switch (config.driver) {
    case 'embedded': {
      const { makeEmbeddedStore, openEmbeddedStore } = await DRIVERS.embedded();
      await makeEmbeddedStore(config.path).catch(() => {}); // opening says what is wrong
      return createReopening(() => openEmbeddedStore(config.path), watch(null));
    }
    case 'memory': {
      const { createMemoryStore } = await DRIVERS.memory();
      return createMemoryStore(config.records);
    }
    case 'sqlite': {
      const { openSqlite } = await DRIVERS.sqlite();
      return createReopening(() => openSqlite(config), watch(null));
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
  { batch, connections, timeoutMs }: Guards,
  urls: readonly string[],
  create: (url: string) => Bulk,
  probe: Question,
  watch: Watch,
): Store {
  const servers = urls.map((url) => {
    const batched = createBatch(create(url), { most: batch, inFlight: connections });
    const events = watch(urls.length > 1 ? hostOf(url) : null);
    return createBreaker(createDeadline(batched, timeoutMs), { failures: FAILURES, probeMs: PROBE_MS, probe }, events);
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

async function load<T>(name: string, file: () => Promise<T>): Promise<T> {
  try {
    return await file();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) throw error;
    throw new MissingPackageError(`the package ${name} is not installed: npm install ${name}`);
  }
}

/** Without user, password and database. */
function hostOf(url: string): string {
  const { host, searchParams } = new URL(url);
  return host !== '' ? host : (searchParams.get('host') ?? url.replace(/\?.*/, ''));
}
