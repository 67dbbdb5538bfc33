import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Config, ConfigError } from '../config/config.ts';
import { type Overrides, type Places, loadConfig } from '../config/load.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { type FirstSteps, openLog } from '../observe/log.ts';
import { inheritedSockets } from '../observe/systemd.ts';
import { formatEndpoint, parseEndpoint } from '../socket/endpoint.ts';
import { ListenError } from '../socket/claim.ts';
import { MissingPackageError } from '../store/store.ts';
import { CliError, EXIT } from './error.ts';

export interface ServeOptions {
  readonly config: string | null;
  readonly listen: readonly string[];
  readonly store: string | null;
  /** Whether to take the place of a daemon that runs. */
  readonly takeover: boolean;
}

/**
 * Runs the daemon until a signal stops it, or another daemon has taken over and all clients are gone. Resolves to the exit
 * code. Throws ConfigError, and CliError where it cannot listen.
 */
export async function serve(options: ServeOptions, places: Places, version: string): Promise<number> {
  const load = (): Config => loadConfig(options.config, places, overridesOf(options));
  const config = load();
  if (options.config === null) makeFolders(places, options);
  const pretty = process.stdout.isTTY;
  const opened = await openLog({ level: config.log.level, pretty, firstSteps: firstSteps(config, places) });
  const { log, flush, setLevel } = opened;
  process.on('uncaughtException', (error) => {
    log.failed(error);
    flush();
    process.exit(EXIT.BUG);
  });
  try {
    const stopped = untilSignal(flush);
    const inherited = inheritedSockets(process.env, process.pid);
    const starting = start(() => startDaemon(config, inherited, log, options.takeover));
    const name = options.config ?? 'defaults';
    onHangUp(async () => {
      const running = await starting;
      try {
        const next = load();
        await running.reload(next);
        setLevel(next.log.level);
        log.reloaded(name, running.listeners);
      } catch (error) {
        const expected = [ConfigError, ListenError, MissingPackageError].some((kind) => error instanceof kind);
        if (!expected) throw error;
        log.reloadRefused(error);
      }
    });
    const daemon = await starting;
    log.started(version, name, daemon.listeners);
    const handedOver = daemon.replaced.then(async () => {
      await daemon.handOver();
      return 'takeover';
    });
    await daemon.stop(await Promise.race([stopped, handedOver]));
    return 0;
  } finally {
    flush();
  }
}

/** Reloads at each SIGHUP, one after the other. */
function onHangUp(reload: () => Promise<void>): void {
  let last: Promise<void> = Promise.resolve();
  process.on('SIGHUP', () => {
    last = last.then(reload);
  });
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
  const store = [...config.stores.values()].find(({ driver }) => driver === 'embedded');
  const listener = [...config.listeners.values()].find(({ kind }) => kind !== 'systemd');
  const storeOption = store?.driver === 'embedded' && store.path !== places.store ? ` --store ${store.path}` : '';
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

async function start(startDaemonNow: () => Promise<Daemon>): Promise<Daemon> {
  try {
    return await startDaemonNow();
  } catch (error) {
    if (error instanceof ListenError) throw new CliError(EXIT.CANNOT_CREATE, error.message);
    throw error;
  }
}

/** The first SIGTERM or SIGINT stops in order, a second one at once. */
function untilSignal(flush: () => void): Promise<string> {
  return new Promise((resolveSignal) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) {
          flush();
          process.exit(EXIT.TEMPORARY);
        }
        asked = true;
        resolveSignal(signal);
      });
    }
  });
}
