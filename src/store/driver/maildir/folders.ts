import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, opendir, stat } from 'node:fs/promises';
import { plain, saying } from '../../../message.ts';
import { QuestionError, StoreError } from '../../store.ts';

/** Folders below a root. */
export interface Folders {
  /** The path of a folder, for functions that read it. Null if there is no such folder. Rejects if that is not certain. */
  find(names: readonly string[]): Promise<string | null>;
  /** The same, of the root in which another folder was absent, whatever was mounted since then. */
  findThere(names: readonly string[]): Promise<string | null>;
}

/** A folder that is held open, so that its path always leads to it. */
interface Held {
  readonly path: string;
  /** Null: not known yet. */
  empty: boolean | null;
}

const PATH_ONLY = 0o10000000; // O_PATH, which Node has no constant for: no right to list it is needed

/**
 * Runs `use` with the folders below a root. It holds the root open from the first absence on, so what is mounted or
 * unmounted meanwhile changes nothing. It needs the right to enter the root and the folders below it, and to list those
 * in which something is absent. Rejects if the root is not there.
 */
export async function withFolders<T>(root: string, use: (folders: Folders) => Promise<T>): Promise<T> {
  const handles: FileHandle[] = [];
  const known = new Map<string, Held | null>();
  const hold = async (path: string): Promise<Held> => {
    const handle = await open(path, PATH_ONLY);
    handles.push(handle);
    return { path: `/proc/self/fd/${handle.fd}`, empty: null };
  };
  /** A folder on the way to a mailbox. */
  const above = async (base: Held, names: readonly string[]): Promise<Held | null> => {
    if (names.length === 0) return base;
    const key = names.join('/');
    const before = known.get(key);
    if (before !== undefined) return before;
    const parent = await above(base, names.slice(0, -1));
    const found = parent === null ? null : await lookAt(parent, names);
    const held = found?.isDirectory() === true ? await hold(`${parent?.path}/${names.at(-1)}`).catch(fail) : null;
    known.set(key, held);
    return held;
  };
  let held: Held | null = null;
  const findThere = async (names: readonly string[]): Promise<string | null> => {
    held ??= await hold(root).catch((cause: unknown) => {
      const { message } = cause as Error;
      throw new StoreError(saying`the folder ${plain(root)} cannot be opened: ${plain(message)}`, { cause });
    });
    const parent = await above(held, names.slice(0, -1));
    const found = parent === null ? null : await lookAt(parent, names);
    if (parent === null || found === null) return null;
    if (!found.isDirectory()) throw new QuestionError(saying`${names.join('/')} is not a folder`);
    return `${parent.path}/${names.at(-1)}`;
  };
  const find = async (names: readonly string[]): Promise<string | null> => {
    const path = [root, ...names].join('/');
    const found = await stat(path).catch(() => null); // most are found; findThere says why one is not
    return found?.isDirectory() === true ? path : findThere(names);
  };
  try {
    return await use({ find, findThere });
  } finally {
    for (const handle of handles) await handle.close();
  }
}

/**
 * Looks at the last of these names in the folder of the others. Null if it is certainly absent: not if that folder is
 * empty, because a file system may not be mounted there, and not if it is a link that leads nowhere.
 */
async function lookAt(parent: Held, names: readonly string[]): Promise<Stats | null> {
  const path = `${parent.path}/${names.at(-1)}`;
  const found = await statOf(path, lstat);
  if (found?.isSymbolicLink() === true) {
    const target = await statOf(path, stat);
    if (target === null) throw new QuestionError(saying`${names.join('/')} is a link that leads nowhere`);
    return target;
  }
  if (found !== null) return found;
  if (names.length === 1) return null;
  parent.empty ??= await isEmpty(parent.path);
  if (!parent.empty) return null;
  const where = names.slice(0, -1).join('/');
  throw new QuestionError(saying`${where} is empty: is a file system not mounted there?`);
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
    return fail(cause);
  }
}

/** Null if there is no such file. A name that is too long for a file is no file. Rejects with a QuestionError. */
async function statOf(path: string, look: (path: string) => Promise<Stats>): Promise<Stats | null> {
  try {
    return await look(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENAMETOOLONG' ? null : fail(cause);
  }
}

/** Throws what a failure to look at one folder means. Others may be well. */
export function fail(cause: unknown): never {
  const message = (cause as Error).message.replace(/\/proc\/self\/fd\/\d+\/?/g, '');
  throw new QuestionError(saying`a folder cannot be looked at: ${message}`, { cause });
}
