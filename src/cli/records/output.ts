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
import { syncFolder } from '../../sync.ts';
import { CliError, EXIT } from '../error.ts';

const DEFAULT_MODE = 0o644;
const BATCH_CHARS = 65_536;

/**
 * Writes lines to a file in one step, so that no reader sees a half-written file: it writes beside the file, then renames. The
 * file keeps its mode and owner; a new file gets `mode`. If anything fails, the file does not change. Throws CliError.
 */
export function writeOutput(path: string, lines: Iterable<string>, mode = DEFAULT_MODE): void {
  const { old, target } = examine(path);
  const beside = join(dirname(target), `.${basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}`);
  const fd = create(beside, path);
  let renamed = false;
  try {
    try {
      writeLines(fd, lines);
      if (old !== null) keepOwner(fd, old);
      fchmodSync(fd, old === null ? mode : old.mode & 0o7777);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, target);
    renamed = true;
    syncFolder(dirname(target));
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new CliError(EXIT.IO, `${path}: cannot be written (${error.message})`);
  } finally {
    if (!renamed) unlinkSync(beside);
  }
}

/** The file at a path, and its real path: a link stays a link. A device or a pipe must not be replaced. */
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
  throw new CliError(
    EXIT.CANNOT_CREATE,
    `${path}: is not a regular file; leave out --output to write to standard output`,
  );
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

/** Writes all of a text. A full disk may accept a part of it first. */
function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}

/** Sets the owner. This comes before the mode, because a change of owner may remove bits of it. */
function keepOwner(fd: number, old: Stats): void {
  const { uid, gid } = fstatSync(fd);
  if (uid !== old.uid || gid !== old.gid) fchownSync(fd, old.uid, old.gid);
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
