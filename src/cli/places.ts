import { dirname, join } from 'node:path';
import type { Places } from '../config/load.ts';

/** Where the socket and the embedded store are without a configuration: in the folders of systemd, of root, or of the user. */
export function defaultPlaces(environment: NodeJS.ProcessEnv, userId: number, home: string): Places {
  const { RUNTIME_DIRECTORY, STATE_DIRECTORY, XDG_RUNTIME_DIR, XDG_STATE_HOME } = environment;
  if (RUNTIME_DIRECTORY !== undefined && STATE_DIRECTORY !== undefined) {
    return { socket: join(RUNTIME_DIRECTORY, 'smmap.sock'), store: STATE_DIRECTORY };
  }
  if (userId === 0) return { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
  const state = join(XDG_STATE_HOME ?? join(home, '.local', 'state'), 'smmap');
  return {
    socket: join(XDG_RUNTIME_DIR === undefined ? state : join(XDG_RUNTIME_DIR, 'smmap'), 'smmap.sock'),
    store: state,
  };
}

/** The folders that must exist before a daemon can use the default places. */
export function foldersOf({ socket, store }: Places): { readonly socket: string; readonly store: string } {
  return { socket: dirname(socket), store };
}
