import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StoreError } from '../../store.ts';
import { reasonFull } from './full.ts';

/**
 * A file for what does not fit into memory. It has a name only for the moment in which it is made, so the system frees
 * its space when this process ends, however it ends.
 */
export interface Spill {
  /** Writes behind the end. Throws StoreError, as all of them do. */
  append(bytes: Buffer): void;
  /** Reads into the buffer from a position of the file. Returns how many bytes there were. */
  read(into: Buffer, position: number): number;
  close(): void;
}

/** Makes such a file in a folder. Only its user may read it: it has the addresses of all users. */
export function openSpill(dir: string): Spill {
  const path = join(dir, 'smmap.sort');
  const fd = failing(path, () => make(path));
  let end = 0;
  return {
    append: (bytes) =>
      failing(path, () => {
        for (let done = 0; done < bytes.length;) {
          const written = writeSync(fd, bytes, done, bytes.length - done, end);
          done += written;
          end += written;
        }
      }),
    read: (into, position) => failing(path, () => readSync(fd, into, 0, into.length, position)),
    close: () => closeSync(fd),
  };
}

/** Tries again if the name is taken: by another process just now, or by one that was killed in that moment. */
function make(path: string): number {
  for (;;) {
    try {
      return openSync(path, 'wx+', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(path, { force: true });
    }
  }
}

function failing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const full = reasonFull(error);
    const reason =
      full === null
        ? (error as Error).message
        : `${full}; to sort a long list, ${dirname(path)} needs as much free space`;
    throw new StoreError(`${path} cannot be used: ${reason}`, { cause: error });
  }
}
