import { isDeepStrictEqual } from 'node:util';
import { probeOf } from './config/answers.ts';
import type { Config, StoreConfig } from './config/config.ts';
import { CONTROL_REPLY_BYTES, createControl } from './control.ts';
import { createDoors } from './doors.ts';
import { createAnswer } from './map/map.ts';
import { type Maps, openMaps, warnOfEmptyStores } from './maps.ts';
import type { Log } from './observe/log.ts';
import type { InheritedSockets } from './observe/systemd.ts';
import { FRAMINGS } from './protocol/framing.ts';
import { createClients } from './socket/clients.ts';
import { startClock } from './socket/clock.ts';
import { type OpenStore, openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import type { Maybe, Reply, Request } from './vocabulary.ts';

export interface Daemon {
  /** Where it listens, as `unix:PATH` and `tcp:HOST:PORT`. */
  readonly listeners: readonly string[];
  /** Resolves to the name of a listener whose path another daemon has taken over. */
  readonly replaced: Promise<string>;
  /**
   * Goes on with another configuration: maps, stores, limits and listeners, without closing a connection. Where a listener
   * cannot be had, it goes on with the one that it has, and throws ListenError.
   */
  reload(config: Config): Promise<void>;
  /** Accepts no more, since another daemon does, and serves its clients on until they close, or for limits.handover_ms. */
  handOver(): Promise<void>;
  /** Accepts no more, answers what was asked, half-closes, and returns within limits.stop_ms. */
  stop(why: string): Promise<void>;
}

/** What a configuration comes to. */
interface Running {
  readonly config: Config;
  readonly maps: Maps<OpenStore>;
  readonly answer: (request: Request) => Maybe<Reply>;
}

/** Of the control socket, whoever uses it. */
const CONTROL_LIMITS = { replyBytes: CONTROL_REPLY_BYTES, softConnections: 100, hardConnections: 100 };

const LAST_ACCEPT_MS = 100; // who connected before the path was taken over is accepted within this time

/**
 * The only place that wires: stores and maps over them, then listeners that ask the maps. A store that cannot be opened
 * does not stop the start, since TEMP is a better answer than none; a listener that cannot be opened does. With `takeover`
 * the path of a Unix socket is taken from whoever listens there, without a moment in which nobody would.
 */
export async function startDaemon(
  first: Config,
  inherited: InheritedSockets,
  log: Log,
  takeover: boolean,
): Promise<Daemon> {
  const openAnew = (name: string, config: StoreConfig): Promise<OpenStore> =>
    openStore(config, probeOf(config), {
      availability: (server) => ({
        opened: () => log.storeOpened(name, server),
        unavailable: (cause) => log.storeUnavailable(name, server, cause),
      }),
      canary: (server) => ({
        sang: () => log.canarySang(name, server),
        fellSilent: (cause) => log.canaryFellSilent(name, server, cause),
      }),
    });
  const run = async (config: Config, open: typeof openAnew): Promise<Running> => {
    const maps = await openMaps(config, open);
    void warnOfEmptyStores(config, maps.stores, log); // a server that hangs must not delay the start
    const answer = createAnswer(maps.handlers, (request, reply, cause) => {
      const map = config.maps.get(request.map) ?? config.maps.get('*');
      log.answered(request, reply, cause, map?.kind === 'mailbox');
    });
    return { config, maps, answer };
  };
  let running = await run(first, openAnew);

  const clock = startClock((forMs) => log.stalled(forMs));
  const clients = createClients(
    {
      get limits() {
        return running.config.limits;
      },
      clock,
      answer: (request) => running.answer(request),
      deadlinePassed: (request) => log.deadlinePassed(request, running.config.limits.deadlineMs),
      ended: (why) => log.connectionEnded(why),
    },
    () => log.connectionRefused(clients.count),
  );

  let tellReplaced: (name: string) => void = () => {};
  const replaced = new Promise<string>((resolve) => {
    tellReplaced = resolve;
  });
  const doors = createDoors(inherited, (name, config) => ({
    accept: (socket) => clients.accept(socket, FRAMINGS[config().protocol]),
    opened: (where) => log.listening(name, where),
    replaced: () => tellReplaced(name),
    forbidden: (address) => log.connectionForbidden(name, address),
    failed: (cause) => log.acceptFailed(name, cause),
  }));
  const controlClients = createClients(
    {
      get limits() {
        return { ...running.config.limits, ...CONTROL_LIMITS };
      },
      clock,
      answer: createControl(() => running.maps.stores),
      deadlinePassed: () => {},
      ended: () => {},
    },
    () => {},
  );
  const controlDoors = createDoors(inherited, (name) => ({
    accept: (socket) => controlClients.accept(socket, FRAMINGS.netstring),
    opened: (where) => log.listening(name, where),
    replaced: () => {},
    forbidden: () => {},
    failed: (cause) => log.acceptFailed(name, cause),
  }));
  const exchangeControl = ({ control }: Config, take: boolean): Promise<void> =>
    controlDoors.exchange(new Map(control === null ? [] : [['control', control]]), take);
  const exchangeDoors = async (config: Config, take: boolean): Promise<void> => {
    await doors.exchange(config.listeners, take);
    await exchangeControl(config, take);
  };
  const closeDoors = (): void => {
    doors.close();
    controlDoors.close();
  };
  const closeAll = async (): Promise<void> => {
    clock.close();
    await running.maps.close();
  };
  try {
    await exchangeDoors(first, takeover);
  } catch (error) {
    closeDoors();
    await closeAll();
    throw error;
  }

  return {
    get listeners() {
      return doors.where;
    },
    replaced,
    async reload(config) {
      const old = running;
      const storesBefore = new Set(old.maps.stores.values());
      const next = await run(config, (name, store) => findOpen(old, store) ?? openAnew(name, store));
      try {
        await exchangeDoors(config, false);
      } catch (error) {
        await doors.exchange(old.config.listeners, false);
        await closeEach([...next.maps.stores.values()].filter((store) => !storesBefore.has(store)));
        throw error;
      }
      running = next;
      const kept = new Set(next.maps.stores.values());
      // What was asked of a store that is gone is answered, or past its deadline, by then.
      const close = (): void => void closeEach([...storesBefore].filter((store) => !kept.has(store)));
      setTimeout(close, old.config.limits.deadlineMs).unref();
    },
    async handOver() {
      await new Promise((resolve) => setTimeout(resolve, LAST_ACCEPT_MS));
      closeDoors();
      log.handingOver(clients.count);
      await clients.finish(running.config.limits.handoverMs);
    },
    async stop(why) {
      log.stopping(why, clients.count);
      closeDoors();
      void controlClients.drain(0);
      await clients.drain(running.config.limits.stopMs);
      await closeAll();
      log.stopped();
    },
  };
}

/** A store that is open already, under whatever name: an LMDB file must not be opened twice by a process. */
function findOpen({ config, maps }: Running, wanted: StoreConfig): Promise<OpenStore> | null {
  const [name] = [...config.stores].find(([, store]) => isDeepStrictEqual(store, wanted)) ?? [];
  return name === undefined ? null : Promise.resolve(maps.stores.get(name) as OpenStore);
}

async function closeEach(stores: readonly Store[]): Promise<void> {
  for (const store of stores) await store.close();
}
