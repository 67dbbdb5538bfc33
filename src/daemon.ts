import type { Config, ListenerConfig, MapConfig } from './config/config.ts';
import { createDomainMap } from './map/domain.ts';
import { type Handler, createAnswer } from './map/map.ts';
import { createMailboxMap } from './map/mailbox.ts';
import type { Log } from './observe/log.ts';
import type { InheritedSockets } from './observe/systemd.ts';
import { ListenError } from './socket/claim.ts';
import { type Clients, createClients } from './socket/clients.ts';
import { startClock } from './socket/clock.ts';
import { type Binding, type Listener, openListener } from './socket/listener.ts';
import { createFailover } from './store/failover.ts';
import { openStore } from './store/open.ts';
import { EmptyStoreError, type Store } from './store/store.ts';

export interface Daemon {
  /** Where it listens, as `unix:PATH` and `tcp:HOST:PORT`. */
  readonly listeners: readonly string[];
  /** Accepts no more, answers what was asked, half-closes, and returns within limits.stop_ms. */
  stop(why: string): Promise<void>;
}

/**
 * The only place that wires: stores, then maps over them, then listeners that ask the maps. A store that cannot be
 * opened does not stop the start, since TEMP is a better answer than none; a listener that cannot be opened does.
 */
export async function startDaemon(config: Config, inherited: InheritedSockets, log: Log): Promise<Daemon> {
  const stores = new Map<string, Store>();
  for (const [name, storeConfig] of config.stores) {
    const events = {
      opened: () => log.storeOpened(name),
      unavailable: (cause: unknown) => log.storeUnavailable(name, cause),
    };
    const store = await openStore(storeConfig, events);
    if (await isEmpty(store)) log.storeEmpty(name);
    stores.set(name, store);
  }

  const maps = new Map(
    [...config.maps].map(([name, map]) => {
      const asked = map.stores.map((store) => stores.get(store) as Store);
      return [name, createMap(map, createFailover(asked))] as const;
    }),
  );

  const clock = startClock((forMs) => log.stalled(forMs));
  const clients: Clients = createClients(
    config.limits,
    {
      limits: config.limits,
      clock,
      answer: createAnswer(maps, (request, reply, cause) => log.answered(request, reply, cause)),
      deadlinePassed: (request) => log.deadlinePassed(request, config.limits.deadlineMs),
      ended: (why) => log.connectionEnded(why),
    },
    () => log.connectionRefused(clients.count),
  );

  const listeners: Listener[] = [];
  const close = async (): Promise<void> => {
    clock.close();
    for (const store of stores.values()) await store.close();
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

function createMap(map: MapConfig, store: Store): Handler {
  switch (map.kind) {
    case 'mailbox':
      return createMailboxMap(map.options, store);
    case 'domain':
      return createDomainMap(map.options, store);
  }
}

/** Whether a store says that it was never filled; a failure of another kind shows at each lookup. */
async function isEmpty(store: Store): Promise<boolean> {
  try {
    await store.lookup({
      about: 'mailbox',
      local: 'postmaster',
      domain: 'smmap.invalid',
      folder: null,
      anyCase: false,
    });
    return false;
  } catch (error) {
    return error instanceof EmptyStoreError;
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
