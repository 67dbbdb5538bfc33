import type { Config, MapConfig } from '../../config/config.ts';
import { createHandler } from '../../daemon/maps.ts';
import type { Handler } from '../../map/map.ts';
import { messageOf } from '../../message.ts';
import type { StoreConfig } from '../../store/driver.ts';
import { openStore, UNTOLD } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import type { Reply } from '../../vocabulary.ts';

/** What one side says about a key. A failure is never an absence. */
export type Outcome = Reply | Failed;

/** A side could not answer. */
export interface Failed {
  readonly kind: 'FAILED';
  readonly reason: string;
}

/** One of the two places that are compared. */
export interface Side {
  readonly name: string;
  /** The outcomes of all keys, in their order. Throws CliError if nobody can be asked at all. */
  ask(keys: readonly string[]): Promise<readonly Outcome[]>;
  close(): Promise<void>;
}

const IN_FLIGHT = 50;

/** A side that is a store. */
export interface StoreSide extends Side {
  readonly store: Store;
}

/** A store of the configuration, asked as the map asks it if the map has no other store. Throws MissingPackageError. */
export async function openStoreSide(name: string, map: MapConfig, stores: Config['stores']): Promise<StoreSide> {
  const store = await openStore(stores.get(name) as StoreConfig, UNTOLD);
  const handler = createHandler({ ...map, stores: [name] }, stores, new Map([[name, store]]));
  return {
    name,
    store,
    async ask(keys) {
      const outcomes: Outcome[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        for (let at = next++; at < keys.length; at = next++)
          outcomes[at] = await outcomeOf(handler, keys[at] as string);
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, work));
      return outcomes;
    },
    close: async () => store.close(),
  };
}

async function outcomeOf(handler: Handler, key: string): Promise<Outcome> {
  try {
    return await handler(key);
  } catch (error) {
    return { kind: 'FAILED', reason: messageOf(error) };
  }
}
