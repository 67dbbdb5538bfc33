import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListError, type SourceLine } from '../../format/lines.ts';
import { CliError, EXIT } from '../error.ts';
import { CHUNK_BYTES, readBlocking, readLines } from './lines.ts';

/** An open file to import from. */
export interface Source {
  readonly fd: number;
  /** Its name in messages. */
  readonly name: string;
  /** In bytes, 0 if unknown. */
  readonly size: number;
  /** The lines; call it once. Throws CliError if the file cannot be read, or is not a text. */
  lines(): Iterable<SourceLine>;
  close(): void;
}

/** Opens a file, or standard input for `-`. Throws CliError. */
export function openSource(file: string): Source {
  const name = file === '-' ? 'standard input' : file;
  const fd = fileOf(file === '-' ? 0 : open(file), name);
  return {
    fd,
    name,
    size: fstatSync(fd).size,
    *lines() {
      const before = contentOf(fd);
      try {
        yield* readLines(fd);
        if (contentOf(fd) !== before)
          throw new ListError('was written while it was read; import it when it is complete');
      } catch (error) {
        throw named(error, name);
      }
    },
    close() {
      closeSync(fd);
    },
  };
}

/**
 * Copies a source that is not a file, such as a pipe, to a file. A transaction stays open around the lines, and the program that
 * writes into the pipe may take hours.
 */
function fileOf(fd: number, name: string): number {
  if (fstatSync(fd).isFile()) return fd;
  const path = join(tmpdir(), `smmap.${randomUUID()}`);
  try {
    const copy = openSync(path, 'wx+', 0o600);
    rmSync(path);
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let bytes = 0;
    for (let length = readBlocking(fd, chunk); length > 0; length = readBlocking(fd, chunk)) {
      for (let written = 0; written < length;)
        written += writeSync(copy, chunk, written, length - written, bytes + written);
      bytes += length;
    }
    if (fd !== 0) closeSync(fd);
    return copy; // its position is still at the start: it was written by offset
  } catch (error) {
    if (error instanceof CliError) throw named(error, name);
    const reason = `cannot be copied to ${tmpdir()} (${(error as Error).message})`;
    throw new CliError(EXIT.IO, `${name}: ${reason}; name another folder in TMPDIR, or give a file`);
  }
}

/** An error of a list, with the name of its source. */
function named(error: unknown, name: string): unknown {
  if (error instanceof ListError) return new CliError(EXIT.DATA, `${name}: ${error.message}`);
  return error instanceof CliError ? new CliError(error.exitCode, `${name}: ${error.message}`) : error;
}

/** Another text if the file was written meanwhile. A file that was renamed over it does not count: all of it was read. */
function contentOf(fd: number): string {
  const { size, mtimeNs } = fstatSync(fd, { bigint: true });
  return `${size} ${mtimeNs}`;
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new CliError(EXIT.IO, `${file}: cannot be read (${(error as Error).message})`);
  }
}
