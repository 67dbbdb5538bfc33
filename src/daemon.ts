import type { Config, ListenerConfig, MapConfig, StoreConfig } from './config/config.ts';
import { canAnswer, questionsOf } from './config/answers.ts';
import { createAliasMap } from './map/alias.ts';
import { createDomainMap } from './map/domain.ts';
import { type Handler, createAnswer } from './map/map.ts';
import { createMailboxMap } from './map/mailbox.ts';
import { createTableMap } from './map/table.ts';
import type { Log } from './observe/log.ts';
import type { InheritedSockets } from './observe/systemd.ts';
import { ListenError } from './socket/claim.ts';
import { type Clients, createClients } from './socket/clients.ts';
import { startClock } from './socket/clock.ts';
import { type Binding, type Listener, openListener } from './socket/listener.ts';
import { createDispatch } from './store/dispatch.ts';
import { createFailover } from './store/failover.ts';
import { openStore } from './store/open.ts';
import { EmptyStoreError, type Store } from './store/store.ts';

export interface Daemon {
  /** Where it listens, as `unix:PATH` and `tcp:HOST:PORT`. */
  readonly listeners: readonly string[];
  /** Accepts no more, answers what was asked, half-closes, and returns within limits.stop_ms. */
  stop(why: string): Promise<void>;
}

/** The maps of a configuration over their stores. */
export interface Maps {
  readonly stores: ReadonlyMap<string, Store>;
  readonly handlers: ReadonlyMap<string, Handler>;
  close(): Promise<void>;
}

/**
 * The only place that wires: stores, then maps over them, then listeners that ask the maps. A store that cannot be
 * opened does not stop the start, since TEMP is a better answer than none; a listener that cannot be opened does.
 */
export async function startDaemon(config: Config, inherited: InheritedSockets, log: Log): Promise<Daemon> {
  const maps = await openMaps(config, (name, storeConfig) =>
    openStore(storeConfig, {
      opened: () => log.storeOpened(name),
      unavailable: (cause) => log.storeUnavailable(name, cause),
    }),
  );
  await warnOfEmptyStores(config, maps.stores, log);

  const clock = startClock((forMs) => log.stalled(forMs));
  const clients: Clients = createClients(
    config.limits,
    {
      limits: config.limits,
      clock,
      answer: createAnswer(maps.handlers, (request, reply, cause) => {
        const map = config.maps.get(request.map) ?? config.maps.get('*');
        log.answered(request, reply, cause, map?.kind === 'mailbox');
      }),
      deadlinePassed: (request) => log.deadlinePassed(request, config.limits.deadlineMs),
      ended: (why) => log.connectionEnded(why),
    },
    () => log.connectionRefused(clients.count),
  );

  const listeners: Listener[] = [];
  const close = async (): Promise<void> => {
    clock.close();
    await maps.close();
  };
  try {
    for (const [name, listenerConfig] of config.listeners) {
      const listener = await openListener(bindingOf(listenerConfig, inherited), {
        accept: (socket) => clients.accept(socket),
        forbidden: (address) => log.connectionForbidden(name, address),
        failed: (cause) => log.acceptFailed(name, cause),
      });
      listeners.push(listener);
      log.listening(name, listener.where);
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    await close();
    throw error;
  }

  return {
    listeners: listeners.map((listener) => listener.where),
    async stop(why) {
      log.stopping(why, clients.count);
      for (const listener of listeners) listener.close();
      await clients.drain(config.limits.stopMs);
      await close();
      log.stopped();
    },
  };
}

/** Opens the stores of a configuration, as `open` does, and makes its maps. */
export async function openMaps(
  config: Pick<Config, 'stores' | 'maps'>,
  open: (name: string, store: StoreConfig) => Promise<Store>,
): Promise<Maps> {
  const stores = new Map<string, Store>();
  for (const [name, store] of config.stores) stores.set(name, await open(name, store));
  const handlers = new Map<string, Handler>();
  for (const [name, map] of config.maps) handlers.set(name, createMap(map, storeOf(map, config.stores, stores)));
  return {
    stores,
    handlers,
    async close() {
      for (const store of stores.values()) await store.close();
    },
  };
}

/** What a map asks: its stores in their order, each for what it can answer. */
function storeOf(map: MapConfig, configs: Config['stores'], stores: ReadonlyMap<string, Store>): Store {
  const asked = questionsOf(map).map((question) => {
    const able = map.stores.filter((name) => canAnswer(configs.get(name) as StoreConfig, question));
    return [question.about, createFailover(able.map((name) => stores.get(name) as Store))] as const;
  });
  return createDispatch(new Map(asked));
}

function createMap(map: MapConfig, store: Store): Handler {
  switch (map.kind) {
    case 'mailbox':
      return createMailboxMap(map.options, store);
    case 'alias':
      return createAliasMap(map.options, store);
    case 'domain':
      return createDomainMap(map.options, store);
    case 'table':
      return createTableMap(map.options, store);
  }
}

/** Says once which stores were never filled with what they are asked for; a failure of another kind shows at each lookup. */
async function warnOfEmptyStores(config: Config, stores: ReadonlyMap<string, Store>, log: Log): Promise<void> {
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

/** A systemd listener names a socket that has to have been passed in. */
function bindingOf(config: ListenerConfig, inherited: InheritedSockets): Binding {
  if (config.kind !== 'systemd') return config;
  const fd = inherited.get(config.name);
  if (fd !== undefined) return { kind: 'inherited', fd };
  const passed = inherited.size === 0 ? 'none' : [...inherited.keys()].join(', ');
  throw new ListenError(
    `systemd passed in no socket "${config.name}" (but ${passed}): start smmap.socket, and give it FileDescriptorName=${config.name}`,
  );
}
