import { join } from 'node:path';
import type { Places } from '../config/load.ts';
import { SECRET_NAME } from '../observe/secret.ts';
import { SHADOW_NAME } from '../observe/shadow/file.ts';

/** The configuration of the machine. */
export const MACHINE_FILE = '/etc/smmap/smmap.toml';

/** The configuration of smmap@NAME.service. */
const INSTANCE_FILE = /^\/etc\/smmap\/(?!smmap\.toml$)([\w.:-]+)\.toml$/;

/**
 * Where the socket and the embedded store are if the configuration does not say so: in the folders that systemd names; else
 * in /run and /var/lib for root, and for everybody who uses a configuration of the machine (below /etc); else in the home.
 * smmap@NAME.service has folders of its own, so a command with its configuration reaches no other daemon and no other store.
 */
export function defaultPlaces(
  environment: NodeJS.ProcessEnv,
  userId: number,
  home: string,
  file: string | null = null,
): Places {
  const { RUNTIME_DIRECTORY, STATE_DIRECTORY, XDG_RUNTIME_DIR, XDG_STATE_HOME } = environment;
  const isMachine = userId === 0 || file?.startsWith('/etc/') === true;
  const instance = INSTANCE_FILE.exec(file ?? '')?.[1];
  const name = instance === undefined ? 'smmap' : `smmap-${instance}`;
  const state = isMachine ? `/var/lib/${name}` : join(XDG_STATE_HOME ?? join(home, '.local', 'state'), 'smmap');
  const own = XDG_RUNTIME_DIR === undefined ? state : join(XDG_RUNTIME_DIR, 'smmap');
  const runtime = isMachine ? `/run/${name}` : own;
  return {
    socket: join(firstOf(RUNTIME_DIRECTORY) ?? runtime, 'smmap.sock'),
    store: firstOf(STATE_DIRECTORY) ?? state,
  };
}

/** The first folder of a list of systemd. Null if it has none. */
function firstOf(folders = ''): string | null {
  const [first = ''] = folders.split(':');
  return first === '' ? null : first;
}

/** The file of the secret that hides the keys in the log (log.keys = "hash"). */
export function secretFileOf({ store }: Places): string {
  return join(store, SECRET_NAME);
}

/** The file of what maps in shadow would have said. */
export function shadowFileOf({ store }: Places): string {
  return join(store, SHADOW_NAME);
}
