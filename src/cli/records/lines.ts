import { isUtf8 } from 'node:buffer';
import { readSync } from 'node:fs';
import { LONGEST_LINE, type SourceLine } from '../../format/lines.ts';
import { CliError, EXIT } from '../error.ts';

export const CHUNK_BYTES = 65_536;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = '\ufeff'; // of files of Windows, also inside a file that was joined from such files
const CARRIAGE_RETURN = 0x0d;
const EMPTY = Buffer.alloc(0);

/**
 * The lines of an open file, read one by one, so that a transaction can stay open around them. They end with LF or CRLF. A byte
 * order mark is removed. Throws CliError on a line that is too long, on UTF-16, and if the file cannot be read.
 */
export function* readLines(fd: number): Generator<SourceLine> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest: Buffer = EMPTY;
  let number = 0;
  let bytesRead = 0;
  const lineOf = (line: Buffer): SourceLine => {
    number++;
    bytesRead += line.length + 1;
    if (number === 1 && isUtf16(line)) {
      throw new CliError(EXIT.DATA, 'is UTF-16, or not a text; convert it first: iconv -f UTF-16 -t UTF-8');
    }
    const text = line.toString('utf8', 0, line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length);
    return {
      number,
      text: text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text,
      isUtf8: isUtf8(line),
      isWhole: true,
      bytesRead,
    };
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

/** UTF-16 starts with a byte order mark of its own, or half of its bytes are 0. */
function isUtf16(firstLine: Buffer): boolean {
  const mark = firstLine.length < 2 ? 0 : firstLine.readUInt16BE(0);
  return mark === 0xfffe || mark === 0xfeff || firstLine.includes(0);
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
