import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, opendir, stat } from 'node:fs/promises';
import { plain, saying } from '../../../message.ts';
import { QuestionError, StoreError } from '../../store.ts';

/**
 * Folders below a root, as they are while the root is held open: what is mounted or unmounted meanwhile changes nothing.
 * It needs the right to enter the root, to enter the folders below it, and to list those in which something is absent.
 */
export interface Folders {
  /** The path of a folder, for functions that read it. */
  pathOf(names: readonly string[]): string;
  /** Whether there is such a folder. Rejects if that is not certain. */
  has(names: readonly string[]): Promise<boolean>;
}

const PATH_ONLY = 0o10000000; // O_PATH, which Node has no constant for: no right to list it is needed

/** Runs `use` with the folders below a root. Rejects if the root is not there. */
export async function withFolders<T>(root: string, use: (folders: Folders) => Promise<T>): Promise<T> {
  const held = new Map<string, FileHandle>();
  const hold = async (path: string): Promise<string> => {
    const handle = held.get(path) ?? (await open(path, PATH_ONLY));
    held.set(path, handle);
    return `/proc/self/fd/${handle.fd}`;
  };
  try {
    const base = await hold(root).catch((cause: unknown) => {
      throw new StoreError(saying`the folder ${plain(root)} cannot be opened: ${plain((cause as Error).message)}`, {
        cause,
      });
    });
    const pathOf = (names: readonly string[]): string => [base, ...names].join('/');
    return await use({
      pathOf,
      async has(names) {
        const found = await statOf(pathOf(names), stat);
        if (found?.isDirectory() === true) return true;
        if (found !== null) throw new QuestionError(saying`${names.join('/')} is not a folder`);
        await confirmAbsence(names, (above) => (above.length === 0 ? base : hold(pathOf(above))));
        return false;
      },
    });
  } finally {
    for (const handle of held.values()) await handle.close();
  }
}

/**
 * Rejects if it is not certain that a folder is absent: if a folder above it is empty, because a file system may not be
 * mounted there, or if a link leads nowhere. `hold` gives the path of a folder that stays the same.
 */
async function confirmAbsence(
  names: readonly string[],
  hold: (above: readonly string[]) => Promise<string> | string,
): Promise<void> {
  for (const [at, name] of names.entries()) {
    const above = await hold(names.slice(0, at));
    const found = await statOf(`${above}/${name}`, lstat);
    if (found === null) {
      if (at === 0 || !(await isEmpty(above))) return;
      const path = names.slice(0, at).join('/');
      throw new QuestionError(saying`${path} is empty: is a file system not mounted there?`);
    }
    if (found.isSymbolicLink()) {
      if ((await statOf(`${above}/${name}`, stat)) !== null) continue;
      throw new QuestionError(saying`${names.slice(0, at + 1).join('/')} is a link that leads nowhere`);
    }
    if (!found.isDirectory()) return; // a file is in the way
  }
  throw new QuestionError('the folder appeared in this moment');
}

async function isEmpty(path: string): Promise<boolean> {
  try {
    const folder = await opendir(path, { bufferSize: 1 });
    try {
      return (await folder.read()) === null;
    } finally {
      await folder.close();
    }
  } catch (cause) {
    throw doubtOf(cause);
  }
}

/** Null if there is no such file. A name that is too long for a file is no file. Rejects with a QuestionError. */
async function statOf(path: string, look: (path: string) => Promise<Stats>): Promise<Stats | null> {
  try {
    return await look(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null;
    throw doubtOf(cause);
  }
}

/** What a failure to look at one folder means. Others may be well. */
export function doubtOf(cause: unknown): QuestionError {
  const message = (cause as Error).message.replace(/\/proc\/self\/fd\/\d+\/?/g, '');
  return new QuestionError(saying`a folder cannot be looked at: ${message}`, { cause });
}
