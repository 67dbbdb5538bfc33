import { andThen } from '../maybe.ts';
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
import type { Maybe } from '../vocabulary.ts';
import { changesBetween } from './changes.ts';
import { CONTROL_REPLY_BYTES, RELOAD_MS, createControl } from './control.ts';
import { type Listeners, createListeners, listenersOf } from './listeners.ts';
import type { Served } from './metrics/collect.ts';
import { createMetrics } from './metrics/metrics.ts';
import { createStatusPage } from './page/status-page.ts';
import { createLending } from './ports.ts';
import { type Reloaded, refuseOtherWorkers } from './reloads.ts';
import type { Loaded, Serving } from './serving.ts';
import { createSolo } from './solo.ts';
import type { Crew } from './workers/team.ts';

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
  reload(next: Loaded): Promise<readonly string[]>;
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
 * what the control socket calls for `smmap reload`. With several workers, `crew` says how they are started.
 */
export async function startDaemon(
  first: Loaded,
  inherited: InheritedSockets,
  log: Log,
  takeover: boolean,
  self: Self,
  reload: () => Promise<Reloaded>,
  crew: Crew,
): Promise<Daemon> {
  let { config } = first;
  let ending = false;

  const turns = startTurns((forMs) => log.stalled(forMs));
  const intake = createIntake(turns);
  const descriptors = watchDescriptors((cause) => log.acceptFailed('all', cause));
  const seen: Pick<Listeners, 'ofMaps' | 'taken' | 'files'> = {
    get ofMaps() {
      return listeners.ofMaps;
    },
    taken: () => listeners.taken(),
    files: () => listeners.files(),
  };
  const serving: Serving =
    config.workers === 1
      ? await createSolo(config, { turns, intake, listeners: seen, self, log })
      : await (await import('./workers/team.ts')).createTeam(first, crew, { listeners: seen, self, log });

  let tellReplaced: (name: string) => void = () => {};
  const replaced = new Promise<string>((resolve) => {
    tellReplaced = resolve;
  });
  const controlClients = createClients(
    {
      get limits() {
        return { ...config.limits, ...CONTROL_LIMITS };
      },
      turns,
      intake,
      answer: createControl(
        () => andThen(serving.observe(), ({ stores }) => stores),
        { ...serving.commands, reload, health: () => metrics.health(), counts: () => metrics.counted() },
        (pid) => self.newest.changed(`took over from the daemon with process id ${pid}`),
      ),
      deferred: () => null,
      ended: () => {},
    },
    () => {},
  );
  const listeners = createListeners(inherited, intake, (named) => ({
    accept(socket, since) {
      const open = named();
      if (open.servedBy === 'metrics') return metrics.serve(socket);
      const { protocol } = open.config;
      if (open.servedBy === 'maps') serving.accept(socket, since, protocol, open.name);
      else controlClients.accept(socket, since, FRAMINGS[protocol], open.name);
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
  const observed = (): Maybe<Served> =>
    andThen(serving.observe(), (report) => ({ ...self, ...report, listeners: listeners.state() }));
  const statusPage = createStatusPage({
    observed,
    config: () => config,
    newest: self.newest,
    explain: (request) => serving.explain(request),
  });
  const metrics = createMetrics(observed, (asked) => statusPage.page(asked));
  const closeAll = async (): Promise<void> => {
    turns.close();
    descriptors.close();
    metrics.close();
    statusPage.close();
    await serving.close();
  };
  try {
    await listeners.exchange(listenersOf(config), takeover);
  } catch (error) {
    listeners.close();
    await closeAll();
    throw error;
  }
  serving.started();
  statusPage.follow();

  const lendPorts = createLending(
    listeners,
    () => listenersOf(config),
    () => ending,
    (cause) => log.acceptFailed('tcp', cause),
  );

  return {
    get listeners() {
      return listeners.where;
    },
    get clients() {
      return serving.clients;
    },
    replaced,
    async reload(next) {
      if (ending) throw new ListenError('the daemon is stopping');
      refuseOtherWorkers(config, next);
      const prepared = await serving.prepare(next);
      try {
        await listeners.exchange(listenersOf(next.config), false);
      } catch (error) {
        await prepared.abandon();
        throw error;
      }
      const old = config;
      ({ config } = next);
      await prepared.commit();
      statusPage.follow();
      return changesBetween(old, config);
    },
    lendPorts,
    async handOver() {
      ending = true;
      serving.retire();
      await new Promise((resolve) => setTimeout(resolve, LAST_ACCEPT_MS));
      await intake.emptied();
      listeners.close();
      log.handingOver(serving.clients);
      await serving.finish();
    },
    async stop(why) {
      ending = true;
      log.stopping(why, serving.clients);
      listeners.leave();
      await intake.emptied();
      listeners.close();
      void controlClients.close();
      await serving.stop();
      await closeAll();
      log.stopped();
    },
    async end(why) {
      ending = true;
      log.stopping(why, serving.clients);
      listeners.close();
      void controlClients.close();
      await serving.end();
      await closeAll();
      log.stopped();
    },
  };
}
