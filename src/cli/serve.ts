import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Config, ConfigError } from '../config/config.ts';
import { type Overrides, type Places, loadConfig } from '../config/load.ts';
import { type Daemon, startDaemon } from '../daemon/daemon.ts';
import type { FirstSteps } from '../observe/log.ts';
import { openLog } from '../observe/open.ts';
import { inheritedSockets } from '../observe/systemd.ts';
import { formatEndpoint, parseEndpoint } from '../endpoint.ts';
import { ListenError } from '../socket/claim.ts';
import { pathOf } from '../store/driver/embedded/keys.ts';
import { MissingPackageError } from '../store/store.ts';
import { CliError, EXIT } from './error.ts';
import { findKeeper, type Keeper } from './keeper.ts';

export interface ServeOptions {
  readonly config: string | null;
  readonly listen: readonly string[];
  readonly store: string | null;
  /** Whether to take the place of a daemon that runs. */
  readonly takeover: boolean;
}

const GIVEN_UP_MS = 500;
const LENT_MS = 100; // mostly, a signal to another process has come to its handler by then
const MOST_TRIES = 10;

/**
 * Runs the daemon until a signal stops it, or another daemon has taken over and all clients are gone. Resolves to the
 * exit code, after which the process has to be ended. Throws ConfigError, MissingPackageError, and CliError where it
 * cannot listen.
 */
export async function serve(options: ServeOptions, places: Places, version: string): Promise<number> {
  const load = (): Config => loadConfig(options.config, places, overridesOf(options));
  const obeyHangUps = onHangUp();
  const config = load();
  if (options.config === null) makeFolders(places, options);
  const pretty = process.stdout.isTTY;
  const opened = await openLog({ level: config.log.level, pretty, firstSteps: firstSteps(config, places) });
  const { log, flush, setLevel } = opened;
  process.on('uncaughtException', (error) => {
    log.failed(error);
    void flushAndExit(flush, EXIT.BUG);
  });
  try {
    const keeper = findKeeper(process.env);
    const signalled = untilSignal(keeper, flush);
    const inherited = inheritedSockets(process.env, keeper?.pid ?? process.pid); // systemd names the process that it started
    const starting = start(() => startDaemon(config, inherited, log, options.takeover, process.pid), keeper);
    const daemon = await Promise.race([
      starting,
      givenUp(keeper === null ? signalled : Promise.race([signalled, keeper.abandoned])),
    ]);
    if (daemon === null) return 0;
    const name = options.config ?? 'defaults';
    log.started(version, name, daemon.listeners);
    obeyHangUps(async () => {
      try {
        const next = load();
        await daemon.reload(next);
        setLevel(next.log.level);
        log.reloaded(name, daemon.listeners);
      } catch (error) {
        const expected = [ConfigError, ListenError, MissingPackageError].some((kind) => error instanceof kind);
        log.reloadRefused(error, expected);
      }
    });
    if (keeper !== null) process.on('SIGUSR2', () => daemon.lendPorts());
    const replaced = daemon.replaced.then(() => 'replaced' as const);
    const handedOver = Promise.race([replaced, ...(keeper === null ? [] : [keeper.serving()])]).then(async (why) => {
      if (why === 'abandoned') return 'end of its keeper';
      await daemon.handOver();
      return 'takeover';
    });
    const why = await Promise.race([signalled, handedOver]);
    await (why === 'SIGINT' ? daemon.end(why) : daemon.stop(why));
    return 0;
  } finally {
    await flush();
  }
}

/**
 * Hears each SIGHUP from now on, and obeys it once it is told how: one after the other, and once for those that come
 * before its turn.
 */
function onHangUp(): (reload: () => Promise<void>) => void {
  let obey: (() => Promise<void>) | null = null;
  let asked = false;
  let busy = false;
  const work = async (): Promise<void> => {
    if (obey === null || busy) return;
    busy = true;
    while (asked) {
      asked = false;
      await obey();
    }
    busy = false;
  };
  process.on('SIGHUP', () => {
    asked = true;
    void work();
  });
  return (reload) => {
    obey = reload;
    void work();
  };
}

/** A start that a signal comes into has a moment to get as far as where it can be stopped in order. */
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

/** What to type next, with the options that this daemon's store and socket need, and as npm starts it in a checkout. */
function firstSteps(config: Config, places: Places): FirstSteps {
  const smmap = process.env['npm_execpath'] === undefined ? 'smmap' : 'npx smmap';
  const path = [...config.stores.values()].map(pathOf).find((each) => each !== null);
  const listener = [...config.listeners.values()].find(({ kind }) => kind !== 'systemd');
  const storeOption = path !== undefined && path !== places.store ? ` --store ${path}` : '';
  const server = listener === undefined || listener.kind === 'systemd' ? null : formatEndpoint(listener);
  const serverOption = server === null || server === `unix:${places.socket}` ? '' : ` --server ${server}`;
  return {
    add: `${smmap} mailbox add${storeOption} fred@example.org`,
    ask: `${smmap} probe${serverOption} fred@example.org`,
  };
}

/** The default folders are ours to make; those that a configuration names are its author's. */
function makeFolders(places: Places, options: ServeOptions): void {
  if (options.listen.length === 0) mkdirSync(dirname(places.socket), { recursive: true, mode: 0o755 });
  if (options.store === null) mkdirSync(places.store, { recursive: true, mode: 0o750 });
}

/** A TCP port cannot be taken over, so the worker that has it is asked to let it go. */
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
 * The first SIGTERM or SIGINT, after which another one ends the process at once. Where there is a keeper, SIGTERM ends that,
 * so that the next worker takes over; whose keeper has ended already was told to stop by that.
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
