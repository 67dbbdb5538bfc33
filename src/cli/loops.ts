import type { Config, MapConfig } from '../config/config.ts';
import { openMaps } from '../daemon/maps.ts';
import type { AliasOptions } from '../map/chain.ts';
import { stepOptionsOf } from '../map/kinds.ts';
import type { Handler } from '../map/map.ts';
import { LoopError } from '../map/search.ts';
import type { StepOptions } from '../map/step.ts';
import { formatOwner } from '../record/owner.ts';
import type { StoreConfig } from '../store/driver.ts';
import { driverOf } from '../store/drivers.ts';
import { openStore, UNTOLD } from '../store/open.ts';
import { type Store, StoreError } from '../store/store.ts';
import { NOBODY } from '../vocabulary.ts';
import { EXIT } from './error.ts';
import { type Finding, mistake, warning } from './finding.ts';

type Stores = Config['stores'];

const ANYBODY = 'anybody'; // the address to ask a catch-all for: it loops for every address or for none

/**
 * Asks maps for every alias in their stores, as a mail server would, and returns a line for each loop. This includes loops that
 * have another target too: smmap replies OK to these, but Postfix defers. Stores that cannot be checked are named on standard
 * error: a missing store is not a mistake of the configuration.
 */
export async function findLoops(all: Stores, followed: ReadonlyMap<string, MapConfig>): Promise<Finding[]> {
  const asked = new Set([...followed.values()].flatMap(({ stores }) => stores));
  const stores: Stores = new Map([...all].filter(([name]) => asked.has(name)));
  const findings: Finding[] = [];
  const unknown = new Set<string>();
  const skip = (name: string, reason: string): void => {
    const told = { where: `store ${name}`, reason: `not checked for loops (${reason})` };
    if (!unknown.has(name)) findings.push(warning({ ...told, remedy: 'a loop shows in the log as deferred' }));
    unknown.add(name);
  };
  const strict = new Map([...followed].map(([name, map]) => [name, strictly(map)] as const));
  const maps = await openMaps<Store>({ stores, maps: strict }, async (name, config) => {
    const reason = reasonToSkip(config);
    if (reason === null) {
      return openStore(config, {
        ...UNTOLD,
        availability: () => ({ opened() {}, unavailable: (cause) => skip(name, (cause as Error).message) }),
      });
    }
    skip(name, reason);
    return unknowing(reason);
  });
  try {
    for (const [name, map] of followed) {
      const loops = new Map<string, string>();
      for (const store of map.stores.filter((each) => !unknown.has(each))) {
        try {
          await collectLoops(maps.handlers.get(name) as Handler, stores.get(store) as StoreConfig, loops);
        } catch (error) {
          if (!(error instanceof StoreError)) throw error;
          skip(store, error.message);
        }
      }
      for (const loop of loops.values()) {
        const told = { where: `map ${name}`, reason: `aliases form a loop: ${loop}` };
        findings.push(mistake(EXIT.DATA, { ...told, remedy: 'change one of them: smmap alias add --replace' }));
      }
    }
    return findings;
  } finally {
    await maps.close();
  }
}

/** The same map, but every target is followed to its end, as Postfix does. */
function strictly(map: MapConfig): MapConfig {
  const options: AliasOptions = { ...(stepOptionsOf(map) as StepOptions), expand: 'strictly' };
  return { stores: map.stores, kind: 'alias', options };
}

/** Why a store cannot be checked, or null. A missing store must not be created by the check. */
function reasonToSkip(config: StoreConfig): string | null {
  const { records } = driverOf(config);
  return records === undefined ? `smmap cannot list the aliases of ${config.driver}` : records.missing(config);
}

/** A store that is certain of nothing. */
function unknowing(reason: string): Store {
  const lookup = (): never => {
    throw new StoreError(reason);
  };
  return { lookup, lookupAtOnce: lookup, atomic: false, close() {} };
}

/** Collects each loop once, by its members, in whatever order they were asked for. Aliases that only lead into it are left out. */
async function collectLoops(handler: Handler, config: StoreConfig, loops: Map<string, string>): Promise<void> {
  for await (const record of driverOf(config).records?.all(config, 'alias', '') ?? []) {
    if (record.about !== 'alias') continue;
    try {
      await handler(formatOwner(record.local === NOBODY ? ANYBODY : record.local, record.domain));
    } catch (error) {
      if (!(error instanceof LoopError)) continue; // the log of the daemon names other doubts
      const key = [...new Set(error.ring)].toSorted().join();
      if (!loops.has(key)) loops.set(key, error.ring.join(' -> '));
    }
  }
}
