import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { type Overrides, type Places, parseSource } from '../config/load.ts';
import { type Daemon, startDaemon } from '../daemon/daemon.ts';
import { reasonOf } from '../daemon/reason.ts';
import { type Reloaded, createReloads, refusalOf } from '../daemon/reloads.ts';
import type { Loaded } from '../daemon/serving.ts';
import { mapsInShadow } from '../daemon/shadows.ts';
import type { Crew } from '../daemon/workers/team.ts';
import { formatEndpoint, parseEndpoint } from '../endpoint.ts';
import { messageOf } from '../message.ts';
import { createCounting } from '../observe/counting.ts';
import { type Counts, createCounts } from '../observe/counts.ts';
import { createHarvest } from '../observe/harvest/harvest.ts';
import { isJournal } from '../observe/journal.ts';
import type { FirstSteps } from '../observe/log.ts';
import { createNewest } from '../observe/newest.ts';
import { openLog } from '../observe/open.ts';
import { printable } from '../observe/printable.ts';
import { createRecords } from '../observe/shadow/records.ts';
import { inheritedSockets } from '../observe/systemd.ts';
import { unfailing } from '../observe/unfailing.ts';
import { ListenError } from '../socket/claim.ts';
import { pathOf } from '../store/driver/embedded/keys.ts';
import type { Configuration } from './configuration.ts';
import { CliError, EXIT } from './error.ts';
import { makeFolder } from './folder.ts';
import { type Keeper, type Status, findKeeper } from './keeper.ts';
import { WORKER } from './own.ts';
import { secretFileOf, shadowFileOf } from './places.ts';
import { warn } from './warn.ts';

export interface ServeOptions {
  readonly listen: readonly string[];
  readonly store: string | null;
  /** Whether to take over from a running daemon. */
  readonly takeover: boolean;
}

const ROOT =
  'runs as root, with more rights than it needs; as a service it has a user of its own: systemctl enable --now smmap (docs/install.md)';
const GIVEN_UP_MS = 500;
const LENT_MS = 100; // usually, the other process has handled our signal by then
const MOST_TRIES = 10;
const MOST_REASON = 10_000; // characters of many mistakes, so that they fit into a reply

/**
 * Runs the daemon until a signal stops it, or until another daemon has taken over and all clients are gone. Resolves to the
 * exit code; then the process must be ended. Throws ConfigError, MissingPackageError, and CliError if it cannot listen.
 */
export async function serve(options: ServeOptions, configuration: Configuration, version: string): Promise<number> {
  const keeper = findKeeper(process.env);
  const load = async (): Promise<Loaded> => {
    const source = await configuration.source(overridesOf(options));
    return { config: controlled(await parseSource(source), keeper), source };
  };
  const reloads = createReloads();
  process.on('SIGHUP', () => void reloads.request());
  const first = await load();
  const { config } = first;
  if (process.getuid?.() === 0 && process.stderr.isTTY) warn(ROOT);
  makeSocketFolder(config, configuration.places);
  makeStateFolder(config, configuration.places);
  const pretty = process.stdout.isTTY;
  const journal = isJournal(process.env, process.stdout.fd);
  const steps = firstSteps(config, options, configuration);
  const secretFile = secretFileOf(configuration.places);
  const logging = { pretty, journal, firstSteps: steps, secretFile };
  const opened = openLog({ ...logging, settings: config.log, worker: null });
  const { flush, set } = opened;
  const counts = createCounts();
  const newest = createNewest(opened.keys);
  const records = createRecords({
    file: shadowFileOf(configuration.places),
    pid: process.pid,
    keys: opened.keys,
    failed: (file, cause) => opened.log.shadowUnwritable(file, cause),
  });
  let counted: Counts['maps'] = counts.maps; // or what the workers count
  const foundBy = (map: string, listener: string): number => counted.get(map)?.replies.get(listener)?.OK ?? 0;
  const harvest = createHarvest(config.harvest, foundBy, {
    started: (alarm) => log.harvestStarted(alarm),
    ended: (alarm) => log.harvestEnded(alarm),
  });
  const log = unfailing(createCounting(opened.log, reasonOf, { counts, newest, harvest, records }));
  process.on('uncaughtException', (error) => {
    log.failed(error);
    void flushAndExit(flush, EXIT.BUG);
  });
  const crew: Crew = {
    program: WORKER,
    logging,
    write: opened.write,
    harvest,
    records,
    counted: (maps) => (counted = maps),
  };
  try {
    const signalled = untilSignal(keeper, flush);
    const inherited = inheritedSockets(process.env, keeper?.pid ?? process.pid); // LISTEN_PID is the process that systemd started
    const self = { pid: process.pid, version, node: process.versions.node, counts, newest, harvest };
    const starting = start(
      () => startDaemon(first, inherited, log, options.takeover, self, () => reloads.request(), crew),
      keeper,
    );
    const daemon = await Promise.race([
      starting,
      givenUp(keeper === null ? signalled : Promise.race([signalled, keeper.abandoned])),
    ]);
    if (daemon === null) return 0;
    const name = configuration.file ?? 'defaults';
    log.started(version, name, daemon.listeners);
    records.watch(mapsInShadow(config));
    const status = createStatus(name, daemon, config);
    reloads.begin(async (): Promise<Reloaded> => {
      try {
        const next = await load();
        const changes = await daemon.reload(next);
        makeStateFolder(next.config, configuration.places);
        set(next.config.log);
        harvest.set(next.config.harvest);
        records.watch(mapsInShadow(next.config));
        log.reloaded(name, daemon.listeners, changes);
        status.reloaded(next.config);
        return { changes };
      } catch (error) {
        const refused = refusalOf(error);
        log.reloadRefused(error, refused !== 'bug');
        status.refused(error);
        return { refused, reason: messageOf(error).slice(0, MOST_REASON) };
      } finally {
        keeper?.tell();
      }
    });
    if (keeper !== null) process.on('SIGUSR2', () => daemon.lendPorts());
    const replaced = daemon.replaced.then(() => 'replaced' as const);
    const handedOver = Promise.race([replaced, ...(keeper === null ? [] : [keeper.serving(status)])]).then(
      async (why) => {
        if (why === 'abandoned') return 'end of smmap-keeper';
        await daemon.handOver();
        return 'takeover';
      },
    );
    const why = await Promise.race([signalled, handedOver]);
    await (why === 'SIGINT' ? daemon.end(why) : daemon.stop(why));
    return 0;
  } finally {
    harvest.close();
    await records.close();
    await flush();
  }
}

/** A service always has a control socket, because systemd reloads it there. */
function controlled(config: Config, keeper: Keeper | null): Config {
  if (keeper === null || config.control !== null) return config;
  const file = { path: keeper.control, mode: 0o600, uid: -1, gid: -1 };
  return { ...config, control: { kind: 'unix', protocol: 'netstring', ...file } };
}

/** What the daemon says to systemd of itself. */
interface ServeStatus extends Status {
  reloaded(config: Config): void;
  refused(cause: unknown): void;
}

function createStatus(name: string, daemon: Pick<Daemon, 'clients'>, first: Config): ServeStatus {
  const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;
  let config = first;
  let [readAt, refusal] = [now(), ''];
  return {
    text: () => `${daemon.clients} connections; ${name}, read at ${readAt}${refusal}`,
    control: () => (config.control === null ? '' : formatEndpoint(config.control)),
    reloaded(next) {
      config = next;
      [readAt, refusal] = [now(), ''];
    },
    refused(cause) {
      const [reason = ''] = messageOf(cause).split('\n');
      refusal = `; refused at ${now()}: ${printable(reason)}`;
    },
  };
}

/** Resolves some time after a signal: a start has this time to reach the point where it can be stopped in order. */
async function givenUp(signalled: Promise<unknown>): Promise<null> {
  await signalled;
  return new Promise((resolveGivenUp) => setTimeout(resolveGivenUp, GIVEN_UP_MS, null));
}

function overridesOf({ listen, store }: ServeOptions): Overrides {
  const tables = listen.map((text) => {
    const endpoint = parseEndpoint(text);
    return endpoint.kind === 'unix' ? { path: resolve(endpoint.path) } : { tcp: text.slice('tcp:'.length) };
  });
  return { ...(tables.length > 0 && { listen: tables }), ...(store !== null && { store: resolve(store) }) };
}

/** The first commands to type, with the options that find the store and the socket of this daemon; npx smmap in a checkout. */
function firstSteps(config: Config, options: ServeOptions, { file, isFound }: Configuration): FirstSteps {
  const smmap = process.env['npm_execpath'] === undefined ? 'smmap' : 'npx smmap';
  const paths = [...config.stores.values()].map(pathOf).filter((each) => each !== null);
  const listener = [...config.listeners.values()].find(({ kind }) => kind !== 'systemd');
  const server = listener === undefined || listener.kind === 'systemd' ? null : formatEndpoint(listener);
  const configOption = isFound || file === null ? '' : ` --config ${file}`;
  const storeOption = options.store === null && paths.length === 1 ? configOption : ` --store ${paths[0] ?? 'DIR'}`;
  const serverOption = options.listen.length === 0 || server === null ? configOption : ` --server ${server}`;
  return {
    add: `${smmap} mailbox add${storeOption} fred@example.org`,
    ask: `${smmap} probe${serverOption} fred@example.org`,
  };
}

/** Creates the default folder of the socket if it is used. We do not create other folders that a configuration names. */
function makeSocketFolder({ listeners }: Config, { socket }: Places): void {
  const isUsed = [...listeners.values()].some((each) => each.kind === 'unix' && each.path === socket);
  if (isUsed) makeFolder(dirname(socket), 0o755, 'choose another place: --listen unix:PATH');
}

/**
 * Creates the folder of the secret and of the records of maps in shadow, if one of them is needed; but not if an embedded
 * store is in it: then that folder may be away, and a new one would be in its place when it comes back.
 */
function makeStateFolder(config: Config, { store: folder }: Places): void {
  const isNeeded = config.log.keys === 'hash' || mapsInShadow(config).length > 0;
  const holdsStore = [...config.stores.values()].some((each) => `${pathOf(each)}/`.startsWith(`${folder}/`));
  if (!isNeeded || holdsStore) return;
  try {
    makeFolder(folder, 0o750, '');
  } catch {
    // who needs the folder logs what is wrong
  }
}

/** Starts the daemon. A TCP port cannot be taken over, so the worker that has it is asked to close it. */
async function start(startDaemonNow: () => Promise<Daemon>, keeper: Keeper | null): Promise<Daemon> {
  for (let tries = 1; ; tries++) {
    try {
      return await startDaemonNow();
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const lent = tries < MOST_TRIES && isInUse(error.cause) && keeper?.borrowPorts() === true;
      if (!lent) throw new CliError(EXIT.CANNOT_CREATE, error.message);
      await new Promise((resolveLent) => setTimeout(resolveLent, LENT_MS));
    }
  }
}

function isInUse(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

/**
 * Resolves at the first SIGTERM or SIGINT. A second one ends the process at once. With a keeper, the signal ends the keeper, so
 * that the next worker takes over. If the keeper has ended already, its end was the stop.
 */
function untilSignal(keeper: Keeper | null, flush: () => Promise<void>): Promise<string> {
  return new Promise((resolveSignal) => {
    let asked = keeper !== null;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (keeper?.dismiss() === true) return;
        if (asked) void flushAndExit(flush, EXIT.TEMPORARY);
        asked = true;
        resolveSignal(signal);
      });
    }
  });
}

async function flushAndExit(flush: () => Promise<void>, code: number): Promise<void> {
  await flush();
  process.exit(code);
}
