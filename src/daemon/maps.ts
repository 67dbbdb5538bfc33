import type { Config, MapConfig } from '../config/config.ts';
import { kindOf, optionsOf, questionsOf, wishesOf } from '../map/kinds.ts';
import { mailbox } from '../map/mailbox.ts';
import type { Handler } from '../map/map.ts';
import { type Resolver, atOneMoment } from '../map/moment.ts';
import { type Log, type MapFacts, NO_MAP } from '../observe/log.ts';
import type { StoreConfig } from '../store/driver.ts';
import { canAnswer } from '../store/drivers.ts';
import { type Failover, createFailover } from '../store/guard/failover.ts';
import { EmptyStoreError, type Store } from '../store/store.ts';
import type { Request } from '../vocabulary.ts';

/** The maps of a configuration over their stores. */
export interface Maps<S extends Store> {
  readonly stores: ReadonlyMap<string, S>;
  readonly handlers: ReadonlyMap<string, Handler>;
  close(): Promise<void>;
}

/** What the log says about the map of each request. */
export function factsOf({ maps }: Pick<Config, 'maps'>): (request: Request) => MapFacts {
  const facts = new Map(
    Array.from(maps, ([name, map]): [string, MapFacts] => [
      name,
      {
        name,
        stores: map.stores.join(', '),
        refuses: kindOf(map).refuses === true,
        isDomain: map.kind === 'domain',
        defaultDomain: optionsOf(map, mailbox)?.defaultDomain ?? null,
      },
    ]),
  );
  const any = facts.get('*') ?? NO_MAP;
  return (request) => facts.get(request.map) ?? any;
}

/**
 * Opens the stores of a configuration with `open`, and makes its maps. The stores that `kept` knows are open already. If a
 * store cannot be opened, those that were opened here are closed.
 */
export async function openMaps<S extends Store>(
  config: Pick<Config, 'stores' | 'maps'>,
  open: (name: string, store: StoreConfig) => Promise<S>,
  kept: (store: StoreConfig) => S | null = () => null,
): Promise<Maps<S>> {
  const stores = new Map<string, S>();
  const opened: S[] = [];
  try {
    for (const [name, store] of config.stores) {
      const known = kept(store);
      const here = known ?? (await open(name, store));
      stores.set(name, here);
      if (known === null) opened.push(here);
    }
    const handlers = new Map<string, Handler>();
    for (const [name, map] of config.maps) {
      handlers.set(name, createHandler(map, config.stores, stores));
    }
    return { stores, handlers, close: () => closeStores(stores.values()) };
  } catch (error) {
    await closeStores(opened);
    throw error;
  }
}

/** Makes the handler of a map over stores that are open. */
export function createHandler(map: MapConfig, configs: Config['stores'], stores: ReadonlyMap<string, Store>): Handler {
  const store = storeOf(map, configs, stores);
  return atOneMoment(createMap(map, store), store);
}

/** Closes all stores. Errors are ignored: nobody uses the stores any more. */
export async function closeStores(stores: Iterable<Store>): Promise<void> {
  await Promise.allSettled(Array.from(stores, async (store) => store.close()));
}

/** The store that a map asks: its stores in order, each with the questions that it can answer. */
function storeOf(map: MapConfig, configs: Config['stores'], stores: ReadonlyMap<string, Store>): Failover {
  const questions = [...questionsOf(map), ...wishesOf(map)];
  return createFailover(
    map.stores.map((name) => {
      const able = questions.filter((question) => canAnswer(configs.get(name) as StoreConfig, question));
      return { name, store: stores.get(name) as Store, answers: new Set(able.map(({ about }) => about)) };
    }),
  );
}

function createMap(map: MapConfig, store: Failover): Resolver {
  return kindOf(map).create(map.options, (about) => store.canAnswer(about));
}

/** Logs once which stores were never filled with what they are asked for. Other failures show at each lookup. */
export async function warnOfEmptyStores(config: Config, stores: ReadonlyMap<string, Store>, log: Log): Promise<void> {
  const told = new Set<string>();
  for (const map of config.maps.values()) {
    for (const question of questionsOf(map)) {
      for (const name of map.stores) {
        if (!canAnswer(config.stores.get(name) as StoreConfig, question)) continue;
        try {
          await stores.get(name)?.lookup(question);
        } catch (error) {
          if (!(error instanceof EmptyStoreError) || told.has(error.message)) continue;
          told.add(error.message);
          log.storeEmpty(name, question.about, error);
        }
      }
    }
  }
}
