import { readSync } from 'node:fs';
import { linesOf, type SourceLine } from '../../format/lines.ts';
import { CliError, EXIT } from '../error.ts';

export const CHUNK_BYTES = 65_536;

/**
 * The lines of an open file, read one by one, so that a transaction can stay open around them. Throws ListError as linesOf does,
 * and CliError if the file cannot be read.
 */
export function readLines(fd: number): Generator<SourceLine> {
  return linesOf(chunksOf(fd));
}

function* chunksOf(fd: number): Generator<Buffer> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let length = readBlocking(fd, chunk); length > 0; length = readBlocking(fd, chunk)) {
    yield chunk.subarray(0, length);
  }
}

/** Reads, and waits if standard input is a pipe that its other end made non-blocking. */
export function readBlocking(fd: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, chunk);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN') throw new CliError(EXIT.IO, `cannot be read (${message})`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
