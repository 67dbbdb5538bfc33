import { randomBytes } from 'node:crypto';
import {
  type Stats,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CliError, EXIT } from '../error.ts';

const DEFAULT_MODE = 0o644;
const BATCH_CHARS = 65_536;

/**
 * Writes lines to a file that whoever has it open never sees half written: beside it, then renamed over it, with the
 * mode and the owner of the one before, or `mode`. Where `isGood` says false behind the last line, or anything fails, nothing has
 * changed. Gives back what `isGood` said; throws CliError.
 */
export function writeOutput(
  path: string,
  lines: Iterable<string>,
  isGood: () => boolean,
  mode = DEFAULT_MODE,
): boolean {
  const { old, target } = examine(path);
  const beside = join(dirname(target), `.${basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}`);
  const fd = create(beside, path);
  let renamed = false;
  try {
    try {
      writeLines(fd, lines);
      if (!isGood()) return false;
      if (old !== null) keepOwner(fd, old);
      fchmodSync(fd, old === null ? mode : old.mode & 0o7777);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, target);
    renamed = true;
    syncFolder(dirname(target));
    return true;
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new CliError(EXIT.IO, `${path}: cannot be written (${error.message})`);
  } finally {
    if (!renamed) unlinkSync(beside);
  }
}

/** What is there, and where it really is: a link stays one. A device or a pipe is not for renaming over. */
function examine(path: string): { readonly old: Stats | null; readonly target: string } {
  let old: Stats | undefined;
  let target = path;
  try {
    old = statSync(path, { throwIfNoEntry: false });
    if (old !== undefined) target = realpathSync(path);
  } catch (error) {
    throw cannotCreate(path, error);
  }
  if (old === undefined || old.isFile()) return { old: old ?? null, target };
  throw new CliError(EXIT.CANNOT_CREATE, `${path}: is no regular file; leave out --output to write to standard output`);
}

function create(beside: string, path: string): number {
  try {
    return openSync(beside, 'wx', 0o600);
  } catch (error) {
    throw cannotCreate(path, error);
  }
}

function cannotCreate(path: string, error: unknown): CliError {
  return new CliError(EXIT.CANNOT_CREATE, `${path}: cannot be created (${(error as Error).message})`);
}

function writeLines(fd: number, lines: Iterable<string>): void {
  let batch = '';
  for (const line of lines) {
    batch += `${line}\n`;
    if (batch.length < BATCH_CHARS) continue;
    writeAll(fd, batch);
    batch = '';
  }
  writeAll(fd, batch);
}

/** A full disk may take a part before it says so. */
function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}

/** Before the mode, which a change of owner may narrow. */
function keepOwner(fd: number, old: Stats): void {
  const { uid, gid } = fstatSync(fd);
  if (uid !== old.uid || gid !== old.gid) fchownSync(fd, old.uid, old.gid);
}

/** So that the new name outlasts a power cut. */
function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
