import { isUtf8 } from 'node:buffer';
import { readSync } from 'node:fs';
import type { SourceLine } from '../../format/lines.ts';
import { CliError, EXIT } from '../error.ts';

const CHUNK_BYTES = 65_536;
const LONGEST_LINE = 1_000_000; // bytes; a file without line ends is no list
const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);

/** The lines of an open file, read as they are taken, so that a transaction can stay open around them. Throws CliError on a line without end, and where it cannot be read. */
export function* readLines(fd: number): Generator<SourceLine> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest: Buffer = EMPTY;
  let number = 0;
  let bytesRead = 0;
  const lineOf = (line: Buffer): SourceLine => {
    number++;
    bytesRead += line.length + 1;
    return { number, text: isUtf8(line) ? line.toString('utf8') : null, bytesRead };
  };
  for (;;) {
    const length = readBlocking(fd, chunk);
    if (length === 0) break;
    const read = rest.length === 0 ? chunk.subarray(0, length) : Buffer.concat([rest, chunk.subarray(0, length)]);
    let start = 0;
    for (let end = read.indexOf(LINE_FEED); end !== -1; end = read.indexOf(LINE_FEED, start)) {
      yield lineOf(read.subarray(start, end));
      start = end + 1;
    }
    rest = Buffer.from(read.subarray(start));
    if (rest.length > LONGEST_LINE) {
      throw new CliError(EXIT.DATA, `line ${number + 1} is over ${LONGEST_LINE} bytes; is this a list?`);
    }
  }
  if (rest.length > 0) yield { ...lineOf(rest), unended: true };
}

/** Waits where standard input is a pipe that its other end made non-blocking. */
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
