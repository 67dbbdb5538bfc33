import { closeSync, fstatSync, openSync } from 'node:fs';
import type { SourceLine } from '../../format/lines.ts';
import { CliError, EXIT } from '../error.ts';
import { readLines } from './lines.ts';

/** An open file to import from. */
export interface Source {
  readonly fd: number;
  /** As it is called in messages. */
  readonly name: string;
  /** In bytes, 0 where that is not known. */
  readonly size: number;
  /** To be taken once. Throws CliError where it cannot be read, or is no text. */
  lines(): Iterable<SourceLine>;
  close(): void;
}

/** Opens a file, or standard input for `-`. Throws CliError. */
export function openSource(file: string): Source {
  const name = file === '-' ? 'standard input' : file;
  const fd = file === '-' ? 0 : open(file);
  return {
    fd,
    name,
    size: fstatSync(fd).size,
    *lines() {
      try {
        yield* readLines(fd);
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        throw new CliError(error.exitCode, `${name}: ${error.message}`);
      }
    },
    close() {
      if (fd !== 0) closeSync(fd);
    },
  };
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new CliError(EXIT.IO, `${file}: cannot be read (${(error as Error).message})`);
  }
}
