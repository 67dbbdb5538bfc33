import type { Config } from '../config/config.ts';
import type { Counts } from '../observe/counts.ts';
import type { Harvest } from '../observe/harvest/harvest.ts';
import type { Log } from '../observe/log.ts';
import type { Newest } from '../observe/newest.ts';
import type { InheritedSockets } from '../observe/systemd.ts';
import { FRAMINGS } from '../protocol/framing.ts';
import { ListenError } from '../socket/claim.ts';
import { createClients } from '../socket/clients.ts';
import { watchDescriptors } from '../socket/descriptors.ts';
import { createIntake } from '../socket/intake.ts';
import { startTurns } from '../socket/turn.ts';
import type { OpenStore } from '../store/open.ts';
import { changesBetween } from './changes.ts';
import { CONTROL_REPLY_BYTES, RELOAD_MS, createControl } from './control.ts';
import { type Answering, explain, explainTo } from './explain.ts';
import { createListeners, listenersOf } from './listeners.ts';
import { closeStores } from './maps.ts';
import type { Observed } from './metrics/collect.ts';
import { createMetrics } from './metrics/metrics.ts';
import { createStatusPage } from './page/status-page.ts';
import { createLending } from './ports.ts';
import type { Reloaded } from './reloads.ts';
import { run, warnOf } from './running.ts';
import { isInShadow, replyWithoutAnswer } from './shadows.ts';
import { type Successor, createSuccession } from './successor.ts';

export interface Daemon {
  /** Where it listens, as `unix:PATH` and `tcp:HOST:PORT`. */
  readonly listeners: readonly string[];
  /** How many clients are connected. */
  readonly clients: number;
  /** Resolves to the name of a listener whose path another daemon has taken over. */
  readonly replaced: Promise<string>;
  /**
   * Changes to another configuration: maps, stores, limits and listeners, without closing a connection. If a listener cannot
   * be opened, the old configuration stays, and ListenError is thrown. Resolves to what changed, a line for each part.
   */
  reload(config: Config): Promise<readonly string[]>;
  /** Closes its TCP ports, so that another daemon can listen there. Opens them again if none takes over in time. */
  lendPorts(): void;
  /**
   * Accepts no new clients, because another daemon does. Serves its own clients until they close, or for limits.handover_ms:
   * it passes their requests to the other daemon, and tells that daemon that this one still runs.
   */
  handOver(): Promise<void>;
  /**
   * Accepts no new clients, answers the requests it has, half-closes, and waits until the clients have closed, or for
   * limits.stop_ms. Clients that never connect again are served until they close, by the daemon that listens then.
   */
  stop(why: string): Promise<void>;
  /** Accepts no new clients, answers the requests it has, and closes. */
  end(why: string): Promise<void>;
}

/** This process, and what it is. */
export interface Self {
  readonly pid: number;
  /** The versions of smmap and of Node.js. */
  readonly version: string;
  readonly node: string;
  /** Counts what `log` is told. */
  readonly counts: Counts;
  /** The newest of what `log` is told. */
  readonly newest: Newest;
  readonly harvest: Pick<Harvest, 'active' | 'counts'>;
}

/** The limits of the control socket. */
const CONTROL_LIMITS = {
  replyBytes: CONTROL_REPLY_BYTES,
  deadlineMs: RELOAD_MS,
  softConnections: 100,
  hardConnections: 100,
};

const LAST_ACCEPT_MS = 100; // clients that connected before the takeover are accepted within this time

/**
 * The only place that connects the parts: stores, maps that ask the stores, and listeners that ask the maps. A store that
 * cannot be opened does not stop the start, because TEMP is better than no answer. A listener that cannot be opened stops it.
 * With `takeover`, the path of a Unix socket is taken from another server, and at every moment one of them listens. `reload` is
 * what the control socket calls for `smmap reload`.
 */
export async function startDaemon(
  first: Config,
  inherited: InheritedSockets,
  log: Log,
  takeover: boolean,
  self: Self,
  reload: () => Promise<Reloaded>,
): Promise<Daemon> {
  let running = await run(first, null, log);
  const retired = new Set<OpenStore>();
  let ending = false;

  const turns = startTurns((forMs) => log.stalled(forMs));
  const intake = createIntake(turns);
  const descriptors = watchDescriptors((cause) => log.acceptFailed('all', cause));
  const clients = createClients(
    {
      get limits() {
        return running.config.limits;
      },
      turns,
      intake,
      answer: (request, sendable) => succession.answer(request, sendable),
      deferred: (why, request, asked, sendable) => {
        const { isReplaced } = succession;
        if (request !== null) return replyWithoutAnswer(why, request, sendable, { ...running, isReplaced }, log);
        log.refusedHere(request, why, asked);
        return null;
      },
      ended: (why) => log.connectionEnded(why),
    },
    () => log.connectionRefused(clients.count),
  );

  let tellReplaced: (name: string) => void = () => {};
  const replaced = new Promise<string>((resolve) => {
    tellReplaced = resolve;
  });
  const controlClients = createClients(
    {
      get limits() {
        return { ...running.config.limits, ...CONTROL_LIMITS };
      },
      turns,
      intake,
      answer: createControl(
        () => running.maps.stores,
        {
          reload,
          explain: (argument) => explainTo(argument, answering()),
          health: () => metrics.health(),
          counts: async () => metrics.counted(),
        },
        (pid) => self.newest.changed(`took over from the daemon with process id ${pid}`),
      ),
      deferred: () => null,
      ended: () => {},
    },
    () => {},
  );
  const listeners = createListeners(inherited, intake, (named) => ({
    accept(socket, since) {
      const { name, servedBy, config } = named();
      if (servedBy === 'metrics') return metrics.serve(socket);
      (servedBy === 'maps' ? clients : controlClients).accept(socket, since, FRAMINGS[config.protocol], name);
    },
    opened: (where) => log.listening(named().name, where),
    replaced() {
      if (named().servedBy === 'maps') tellReplaced(named().name);
    },
    lost: (cause) => log.socketLost(named().name, cause),
    regained: (where) => log.listening(named().name, where),
    forbidden: (address) => log.connectionForbidden(named().name, address),
    failed: (cause) => log.acceptFailed(named().name, cause),
  }));
  const succession = createSuccession({
    answer: (request, sendable) => running.answer(request, sendable),
    config: () => running.config,
    listeners,
    older: () => ({ pid: self.pid, clients: clients.count }),
    isInShadow: (request) => isInShadow(running.config, request),
    failed: (request, reply, cause) => log.answered(request, reply, cause, running.facts(request)),
  });
  const answering = (): Answering => ({ config: running.config, ...running.maps });
  const observed = (): Omit<Observed, 'loopDelays'> => {
    const { stores } = running.maps;
    return { ...self, connections: clients.count, listeners: listeners.state(), stores };
  };
  const statusPage = createStatusPage({
    observed,
    config: () => running.config,
    newest: self.newest,
    explain: (request) => explain(request, answering()),
  });
  const metrics = createMetrics(observed, (asked) => statusPage.page(asked));
  let storesClosed: Promise<void> | null = null;
  const closeAllStores = (): Promise<void> =>
    (storesClosed ??= closeStores([...running.maps.stores.values(), ...retired]));
  const closeAll = async (): Promise<void> => {
    turns.close();
    descriptors.close();
    metrics.close();
    statusPage.close();
    await closeAllStores();
  };
  const retire = (): Successor => {
    setTimeout(() => void closeAllStores(), running.config.limits.deadlineMs).unref();
    return succession.begin();
  };
  try {
    await listeners.exchange(listenersOf(first), takeover);
  } catch (error) {
    listeners.close();
    await closeAll();
    throw error;
  }
  warnOf(running, log);
  statusPage.follow();

  const lendPorts = createLending(
    listeners,
    () => listenersOf(running.config),
    () => ending,
    (cause) => log.acceptFailed('tcp', cause),
  );

  return {
    get listeners() {
      return listeners.where;
    },
    get clients() {
      return clients.count;
    },
    replaced,
    async reload(config) {
      if (ending) throw new ListenError('the daemon is stopping');
      const old = running;
      const before = new Set(old.maps.stores.values());
      const next = await run(config, old, log);
      const after = new Set(next.maps.stores.values());
      try {
        await listeners.exchange(listenersOf(config), false);
      } catch (error) {
        await closeStores(without(after, before));
        throw error;
      }
      running = next;
      warnOf(next, log);
      statusPage.follow();
      for (const store of without(before, after)) {
        retired.add(store);
        // By then, its questions are answered or past their deadline.
        setTimeout(() => {
          retired.delete(store);
          void closeStores([store]);
        }, old.config.limits.deadlineMs).unref();
      }
      return changesBetween(old.config, config);
    },
    lendPorts,
    async handOver() {
      ending = true;
      const successor = retire();
      await new Promise((resolve) => setTimeout(resolve, LAST_ACCEPT_MS));
      listeners.close();
      log.handingOver(clients.count);
      // If the other daemon cannot be asked, it is better to half-close the clients: then they connect again.
      if (successor.isKnown) await clients.finish(running.config.limits.handoverMs);
      successor.leave();
    },
    async stop(why) {
      ending = true;
      log.stopping(why, clients.count);
      listeners.close();
      void controlClients.close();
      const { closed } = await clients.halfClose(running.config.limits.stopMs);
      const successor = retire();
      await closed;
      successor.leave();
      await closeAll();
      log.stopped();
    },
    async end(why) {
      ending = true;
      log.stopping(why, clients.count);
      listeners.close();
      void controlClients.close();
      await clients.close();
      await closeAll();
      log.stopped();
    },
  };
}

function without<T>(all: ReadonlySet<T>, some: ReadonlySet<T>): readonly T[] {
  return [...all].filter((each) => !some.has(each));
}
