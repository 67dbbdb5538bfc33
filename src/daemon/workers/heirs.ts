import { inodeOf } from '../../socket/claim.ts';
import type { Maybe } from '../../vocabulary.ts';
import type { MapListener, SocketFile } from '../listeners.ts';
import type { Heirs } from '../successor.ts';

/** What the process that listens says: whether another daemon has taken a path, and which socket files are its own. */
export interface Paths {
  readonly taken: MapListener | null;
  readonly files: readonly SocketFile[];
}

const LOOK_MS = 1; // to look at a path takes 3 us

/**
 * Where another daemon may take the place of the one that this worker belongs to. While the socket files are the ones that
 * this worker knows, nobody has; else it asks the process that listens.
 */
export function createHeirs(ask: () => Promise<Paths>) {
  let known: readonly SocketFile[] | null = null;
  let ofMaps: readonly MapListener[] = [];
  let lookedAt = -Infinity;
  let last: Maybe<MapListener | null> = null;

  const look = async (): Promise<MapListener | null> => {
    const { taken, files } = await ask();
    known = files;
    return taken;
  };
  const isOurs = ({ path, inode }: SocketFile): boolean => {
    const now = inodeOf(path);
    return now === null || now === inode;
  };
  const heirs: Heirs = {
    get ofMaps() {
      return ofMaps;
    },
    taken() {
      if (performance.now() - lookedAt <= LOOK_MS) return last;
      lookedAt = performance.now();
      if (known !== null && known.every(isOurs)) return (last = null);
      const looked = look();
      looked.catch(() => {}); // who only wants to know whether this is certain does not wait for it
      return (last = looked);
    },
  };
  return {
    heirs,
    /** The listeners have changed. */
    changed: (): void => {
      known = null;
    },
    /** Another daemon listens at these places now. */
    inherit: (places: readonly MapListener[]): void => {
      ofMaps = places;
    },
  };
}
