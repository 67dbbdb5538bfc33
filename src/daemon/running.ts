import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import { createAnswer } from '../map/map.ts';
import type { Log, MapFacts } from '../observe/log.ts';
import { descriptorLimit } from '../socket/descriptors.ts';
import type { StoreConfig } from '../store/driver.ts';
import { driverOf } from '../store/drivers.ts';
import { loadDriver, type OpenStore, openStore, type StoreEvents } from '../store/open.ts';
import type { Maybe, Reply, Request } from '../vocabulary.ts';
import { type Maps, factsOf, openMaps, warnOfEmptyStores } from './maps.ts';
import { loadWriter } from './metrics/text.ts';
import { toldShadows } from './shadows.ts';

/** A configuration and what was made of it. */
export interface Running {
  readonly config: Config;
  readonly maps: Maps<OpenStore>;
  readonly answer: (request: Request, sendable: (reply: Reply) => Reply) => Maybe<Reply>;
  readonly facts: (request: Request) => MapFacts;
}

/** Descriptors of stores, listeners and Node itself. */
export const OTHER_DESCRIPTORS = 100;

/**
 * Opens the stores and maps of a configuration. A store that `old` has open stays open. Rejects if the package of a
 * driver, or that for the metrics, is missing.
 */
export async function run(config: Config, old: Running | null, log: Log): Promise<Running> {
  for (const store of config.stores.values()) await loadDriver(driverOf(store)); // before any of them connects
  if (config.metrics !== null) await loadWriter();
  const maps = await openMaps(
    config,
    (name, store) => openStore(store, eventsOf(name, log)),
    (store) => (old === null ? null : findOpen(old, store)),
  );
  const facts = factsOf(config);
  const answer = createAnswer(
    maps.handlers,
    (request, reply, cause) => log.answered(request, reply, cause, facts(request)),
    toldShadows(config, maps.handlers, log, facts),
  );
  return { config, maps, answer, facts };
}

/** Logs what may go wrong with a configuration that runs: an empty store, too few descriptors. */
export function warnOf({ config, maps }: Running, log: Log): void {
  void warnOfEmptyStores(config, maps.stores, log); // a server that hangs must not delay the start
  warnOfFewDescriptors(config, log);
}

function eventsOf(name: string, log: Log): StoreEvents {
  return {
    availability: (server) => ({
      opened: () => log.storeOpened(name, server),
      unavailable: (cause) => log.storeUnavailable(name, server, cause),
    }),
    canary: (server) => ({
      recovered: () => log.canaryRecovered(name, server),
      failed: (cause) => log.canaryFailed(name, server, cause),
    }),
    warm: {
      warmed: (entries, isLonger) => (isLonger ? log.storeWarmFull(name, entries) : log.storeWarmed(name, entries)),
      notWarmed: (cause) => log.storeNotWarmed(name, cause),
    },
    shrank: (...what) => log.storeShrank(name, ...what),
  };
}

/** When no descriptor is left, libuv closes new clients without an answer. */
function warnOfFewDescriptors({ limits }: Config, log: Log): void {
  const limit = descriptorLimit();
  if (limit === null || limits.hardConnections + OTHER_DESCRIPTORS <= limit) return;
  log.fewDescriptors(limit, limits.hardConnections, limits.hardConnections + OTHER_DESCRIPTORS);
}

/** A store that is open already, under any name: a process must not open an LMDB file twice. */
function findOpen({ config, maps }: Running, wanted: StoreConfig): OpenStore | null {
  const [name] = [...config.stores].find(([, store]) => isDeepStrictEqual(store, wanted)) ?? [];
  return name === undefined ? null : (maps.stores.get(name) as OpenStore);
}
