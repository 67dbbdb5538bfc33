import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Config, ConfigError } from '../config/config.ts';
import { readControlSocket } from '../config/control.ts';
import type { Overrides, Parts, Places, Source } from '../config/load.ts';
import { formatEndpoint } from '../endpoint.ts';
import { type SocketMapProtocol, isSocketMap } from '../protocol/framing.ts';
import { CliError, EXIT } from './error.ts';
import { MACHINE_FILE, defaultPlaces } from './places.ts';
import { warn } from './warn.ts';

/** The configuration that a command uses, and what it finds through it. */
export interface Configuration {
  /** Its file. Null: there is none, so the defaults count. */
  readonly file: string | null;
  /** Its name in messages. */
  readonly name: string;
  readonly places: Places;
  /** Whether every command finds it without --config. */
  readonly isFound: boolean;
  /** All of it. Throws ConfigError with all mistakes. */
  load(overrides?: Overrides): Promise<Config>;
  /** What it is read from now. Throws ConfigError if its file cannot be read. */
  source(overrides?: Overrides): Promise<Source>;
  /** The first listener that we can ask, and its protocol. Throws if a listener has a mistake, or if there is none. */
  server(
    protocol: SocketMapProtocol | null,
  ): Promise<{ readonly server: string; readonly protocol: SocketMapProtocol }>;
  /** The control socket. Throws if it has a mistake, or if there is none. `quiet`: mistakes elsewhere are not told. */
  control(quiet?: boolean): Promise<string>;
  /** The folder of the embedded store. Throws if it is not certain, or if there is not exactly one. */
  store(): Promise<string>;
}

/** The configuration that --config names, else $SMMAP_CONFIG, else the one of the machine where it exists, else the defaults. */
export function findConfiguration(given: string | null, environment: NodeJS.ProcessEnv = process.env): Configuration {
  const named = environment['SMMAP_CONFIG'] ?? '';
  const usual = named === '' ? (exists(MACHINE_FILE) ? MACHINE_FILE : null) : resolve(named);
  const file = given === null ? usual : resolve(given);
  const name = file ?? 'the defaults';
  const places = defaultPlaces(environment, process.getuid?.() ?? -1, homedir(), file);
  return {
    file,
    name,
    places,
    isFound: file === usual,
    load: async (overrides = {}) => (await import('../config/load.ts')).loadConfig(file, places, overrides),
    source: async (overrides = {}) => (await import('../config/load.ts')).sourceOf(file, places, overrides),
    async server(protocol) {
      const listeners = await part(file, places, ({ listeners: read }) => read, SERVER);
      const asked = [...listeners.values()].flatMap((each) => {
        const spoken = each.protocol;
        return isSocketMap(spoken) && spoken === (protocol ?? spoken) ? [{ each, spoken }] : [];
      });
      const own = asked.find(({ each }) => each.kind !== 'systemd') ?? asked[0];
      if (own === undefined) {
        const wanted = protocol ?? 'netstring';
        throw new CliError(EXIT.CONFIG, `${name}: no listener has protocol = "${wanted}"; ${SERVER}`);
      }
      // The file does not say where the socket of systemd is. smmap.socket has it at the default place.
      const { each, spoken } = own;
      return { server: each.kind === 'systemd' ? `unix:${places.socket}` : formatEndpoint(each), protocol: spoken };
    },
    async control(quiet = false) {
      const alone = quiet ? readControlSocket(file, places) : null;
      if (alone !== null) return formatEndpoint(alone);
      const { socket } = await part(file, places, ({ control }) => control, CONTROL, quiet);
      if (socket === null) {
        throw new CliError(EXIT.CONFIG, `${name}: has no control socket; set path in [control], or ${CONTROL}`);
      }
      return formatEndpoint(socket);
    },
    async store() {
      const { certainStores } = await import('./store-folders.ts');
      const stores = await part(file, places, certainStores, STORE);
      const [store, ...others] = stores;
      if (store === undefined) {
        throw new CliError(
          EXIT.CONFIG,
          `${name}: has no embedded store, so add and remove records in the store that it has, or ${STORE}`,
        );
      }
      if (others.length > 0) {
        throw new CliError(EXIT.CONFIG, `${name}: has several embedded stores (${stores.join(', ')}); ${STORE}`);
      }
      return store;
    },
  };
}

const SERVER = 'name the socket to ask: --server unix:PATH';
const CONTROL = 'name the control socket: --control unix:PATH';
const STORE = 'name the folder of the store: --store DIR';

/**
 * A part of the configuration. Mistakes elsewhere are only told, unless `quiet`. A mistake in the part itself is an error: another socket may
 * belong to another daemon, whose answers would mislead; and what is written to another store, no daemon finds.
 */
async function part<T>(
  file: string | null,
  places: Places,
  choose: (parts: Parts) => T | null,
  remedy: string,
  quiet = false,
): Promise<T> {
  const { readConfig } = await import('../config/load.ts');
  const { error, parts } = await readConfig(file, places);
  const chosen = parts === null ? null : choose(parts);
  if (chosen === null) throw new CliError(EXIT.CONFIG, `${error?.message ?? file}\ncorrect the file, or ${remedy}`);
  if (error !== null && !quiet) tell(file, error);
  return chosen;
}

function tell(file: string | null, error: ConfigError): void {
  const count = error.mistakes.length;
  warn(
    `${file} has ${count === 1 ? 'a mistake' : `${count} mistakes, which smmap check lists`}; a reload or restart would be refused`,
  );
  warn(error.message.split('\n')[0] as string);
}

function exists(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true; // reading it says what is wrong
  }
}
