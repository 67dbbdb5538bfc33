import { fileURLToPath } from 'node:url';
import type { Durations } from '../histogram.ts';
import type { Brake } from './brake.ts';
import type { CacheConfig, Driver, DriverEvents, Opened, StoreConfig, Watching } from './driver.ts';
import { driverOf, probeOf } from './drivers.ts';
import { createBatch } from './guard/batch.ts';
import { type Availability, createBreaker } from './guard/breaker.ts';
import { type CachedStore, createCache } from './guard/cache.ts';
import { type CanaryEvents, createCanary } from './guard/canary.ts';
import { createDeadline } from './guard/deadline.ts';
import { createElapsed } from './guard/elapsed.ts';
import { createImpossible } from './guard/impossible.ts';
import { createMeter } from './guard/meter.ts';
import { createReopening } from './guard/reopen.ts';
import { createReplicas } from './guard/replicas.ts';
import { createSpellings } from './guard/spellings.ts';
import { type Warm, type WarmEvents, createWarm } from './guard/warm.ts';
import { cannotLoad } from './install.ts';
import { createStatus, type Status } from './status.ts';
import type { Store } from './store.ts';

/** What happens to a store while it is open, for the log. */
export interface StoreEvents extends Pick<DriverEvents, 'shrank'> {
  /** For one of its servers; null if the store has one server or none. */
  availability(server: string | null): Availability;
  canary(server: string | null): CanaryEvents;
  /** Absent: no store is asked for lists. */
  readonly warm?: WarmEvents;
}

/** Events that do nothing. */
export const UNTOLD: StoreEvents = {
  availability: () => ({ opened() {}, unavailable() {} }),
  canary: () => ({ recovered() {}, failed() {} }),
  shrank() {},
};

/** A store with all its guards. */
export interface OpenStore extends Store {
  readonly cache: CachedStore | null;
  /** Null: it has no list that it may hold back. */
  readonly brake: Brake | null;
  status(): Status;
  /** How long its answers took. An answer that came at once is not measured. */
  durations(): Durations;
  /** The kinds of question to which it says now that it was never filled. */
  lacks(): Promise<readonly string[]>;
  /** How many records it has of each kind, if it knows. Null: it does not. */
  records(): ReadonlyMap<string, number> | null;
}

const FAILURES = 3; // in a row: one may be bad luck, and each may have taken the whole timeout_ms
const PROBE_MS = 500; // so that a server is asked again within a second after it is back

/**
 * Opens a store and puts its guards around it. Each server gets batches, a deadline, a breaker and a canary. Servers
 * with the same data become replicas. Then come the meter and the cache. If the store is unavailable, its lookups fail
 * until it is back. The package of the driver is loaded only here. Throws MissingPackageError.
 */
export async function openStore(config: StoreConfig, events: StoreEvents): Promise<OpenStore> {
  const driver = driverOf(config);
  await loadDriver(driver);
  let records: ReadonlyMap<string, number> | null = null;
  const opened = await driver.open(config, { ...events, counted: (counts) => (records = counts) });
  const status = createStatus(config.driver);
  const watched = (server: string | null): Watched =>
    status.watch(server, { ...events.availability(server), ...events.canary(server) });
  const { store, brake } = await guarded(config, opened, watched);
  const meter = createMeter(store);
  const caching = 'guards' in opened ? opened.guards.cache : null;
  const clock = createElapsed();
  const warm = caching === null ? null : warmOf(opened, caching, events, clock);
  const cache = caching === null ? null : createCache(meter, caching, clock, warm);
  const watching = cache === null || caching === null ? null : watchChanges(opened, caching.events, cache);
  const outermost = cache ?? meter;
  return {
    lookup: (question) => outermost.lookup(question),
    lookupAtOnce: (questions, anew) => outermost.lookupAtOnce(questions, anew),
    atomic: outermost.atomic,
    cache,
    brake,
    status: () => status.now(meter.counts()),
    durations: () => meter.durations(),
    lacks: () => meter.lacks(),
    records: () => records,
    async close() {
      await watching?.close();
      await outermost.close();
    },
  };
}

type Watched = Availability & CanaryEvents;

/** Puts the guards that it needs around what a driver opened. */
async function guarded(
  config: StoreConfig,
  opened: Opened,
  watched: (server: string | null) => Watched,
): Promise<{ readonly store: Store; readonly brake: Brake | null }> {
  if ('store' in opened) return { store: opened.store, brake: null };
  if ('reopen' in opened || 'start' in opened) {
    const events = watched(null);
    const bare: Store & { readonly brake?: Brake } =
      'start' in opened ? await opened.start(events) : createReopening(opened.reopen, events);
    const { brake = null } = bare;
    const { canary } = config;
    return { store: canary === undefined ? bare : createCanary(createSpellings(bare), canary, events), brake };
  }
  const { servers, guards, proves = false, cannotHold = () => false, brake = null } = opened;
  const guardedServers = servers.map(({ name, bulk }) => {
    const events = watched(servers.length > 1 ? name : null);
    const batched = createBatch(bulk, { most: guards.batch, inFlight: guards.connections });
    const limited = createDeadline(batched, guards.timeoutMs);
    const asked = createBreaker(limited, { failures: FAILURES, probeMs: PROBE_MS, probe: probeOf(config) }, events);
    return createCanary(createSpellings(asked), guards.canary, events, proves);
  });
  const replicas = createReplicas(
    guardedServers,
    servers.map(({ name }) => name),
  );
  return { store: createImpossible(replicas, cannotHold), brake };
}

/** A server of a store, or the store itself, without the guards that would hide why it fails. */
export interface BareServer {
  /** Null if the store has only one. */
  readonly name: string | null;
  readonly store: Store;
}

/** Opens a store to examine it: each server by itself, without breaker, canary and cache. Throws MissingPackageError. */
export async function openBare(config: StoreConfig): Promise<readonly BareServer[]> {
  const driver = driverOf(config);
  await loadDriver(driver);
  const opened = await driver.open(config, { ...UNTOLD, counted() {} });
  if ('store' in opened) return [{ name: null, store: opened.store }];
  if ('reopen' in opened || 'start' in opened) {
    const events = UNTOLD.availability(null);
    const store = 'start' in opened ? await opened.start(events) : createReopening(opened.reopen, events);
    return [{ name: null, store: createSpellings(store) }];
  }
  const { servers, guards } = opened;
  return servers.map(({ name, bulk }) => {
    const batched = createBatch(bulk, { most: guards.batch, inFlight: guards.connections });
    const store = createSpellings(createDeadline(batched, guards.timeoutMs));
    return { name: servers.length > 1 ? name : null, store };
  });
}

/** The lists of a store, if its cache is a warm one. */
function warmOf(opened: Opened, caching: CacheConfig, { warm }: StoreEvents, clock: () => number): Warm | null {
  const { entries, positiveMs, warmEveryMs } = caching;
  const lister = caching.warm && warm !== undefined && 'list' in opened ? opened.list?.() : undefined;
  if (warm === undefined || lister === undefined) return null;
  return createWarm(lister, { entries, warmEveryMs: warmEveryMs ?? positiveMs / 2 }, warm, clock);
}

/** Makes the cache forget what the store itself reports as changed. */
function watchChanges(opened: Opened, events: string | null, cache: CachedStore): Watching | null {
  if (events === null || !('watch' in opened)) return null;
  return opened.watch?.(events, (what) => cache.forget(what)) ?? null;
}

/** The driver is in the folder of this file or below, in the source and as it is built. */
const OWN_FILES = fileURLToPath(new URL('.', import.meta.url));

/** Loads the package of a driver. Throws MissingPackageError. */
export async function loadDriver(driver: Driver): Promise<void> {
  const name = driver.package;
  try {
    await driver.load();
  } catch (error) {
    const { message } = error as Error;
    if (name === null || message.startsWith(`Cannot find module '${OWN_FILES}`)) throw error; // a file of smmap is missing, not a package
    throw cannotLoad(name, error as Error);
  }
}
