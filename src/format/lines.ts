import { isAscii, isUtf8 as isAllUtf8 } from 'node:buffer';

/** A line of a file, and its place there. */
export interface SourceLine {
  readonly number: number;
  /** Without the line end. Bytes that are not UTF-8 become U+FFFD. */
  readonly text: string;
  /** False if a byte is not UTF-8. In a comment this does not matter. */
  readonly isUtf8: boolean;
  /** False if it was cut: together with the lines that continue it, it is over LONGEST_LINE. */
  readonly isWhole: boolean;
  /** How many bytes of the file were read, up to the end of this line. */
  readonly bytesRead: number;
  /** True for a last line without a line feed, as if the file were cut off there. */
  readonly unended?: true;
}

/** The longest line, with the lines that continue it, in characters. A file with a longer line is not a list. */
export const LONGEST_LINE = 1_000_000;

/** A whole list is not valid: not only a line of it. */
export class ListError extends Error {
  override name = 'ListError';
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\ufeff'; // of files of Windows, also inside a file that was joined from such files
const EMPTY = Buffer.alloc(0);

/**
 * The lines of a text that comes in chunks. A chunk may be overwritten when the next one is asked for. Lines end with LF or
 * CRLF. A byte order mark is removed. Throws ListError on a line that is too long, on UTF-16, and on a line that may have
 * been several, also in a comment: their records would be lost.
 */
export function* linesOf(chunks: Iterable<Buffer>): Generator<SourceLine> {
  let rest: Buffer = EMPTY;
  let number = 0;
  let bytesRead = 0;
  const lineOf = (line: Buffer): SourceLine => {
    number++;
    bytesRead += line.length + 1;
    if (number === 1 && isUtf16(line)) {
      throw new ListError('is UTF-16, or not a text; convert it first: iconv -f UTF-16 -t UTF-8');
    }
    const text = line.toString('utf8', 0, line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length);
    refuseSeveral(text, number);
    return {
      number,
      text: text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text,
      isUtf8: isAllUtf8(line),
      isWhole: true,
      bytesRead,
    };
  };
  /** Nearly all lists are ASCII. One string is made of many lines, and each line is a part of it: three times as fast. */
  function* linesOfAscii(bytes: Buffer): Generator<SourceLine> {
    const texts = bytes.toString('latin1');
    const isOdd = /[\0\r]/.test(texts);
    let start = 0;
    for (let end = texts.indexOf('\n'); end !== -1; end = texts.indexOf('\n', start)) {
      number++;
      bytesRead += end + 1 - start;
      const isCrlf = end > start && texts.charCodeAt(end - 1) === CARRIAGE_RETURN;
      const text = texts.slice(start, isCrlf ? end - 1 : end);
      if (isOdd) refuseSeveral(text, number);
      yield { number, text, isUtf8: true, isWhole: true, bytesRead };
      start = end + 1;
    }
  }
  for (const chunk of chunks) {
    const read = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    const whole = read.subarray(0, read.lastIndexOf(LINE_FEED) + 1);
    if (number > 0 && isAscii(whole)) {
      yield* linesOfAscii(whole);
      start = whole.length;
    }
    for (let end = read.indexOf(LINE_FEED, start); end !== -1; end = read.indexOf(LINE_FEED, start)) {
      yield lineOf(read.subarray(start, end));
      start = end + 1;
    }
    rest = Buffer.from(read.subarray(start));
    if (rest.length > LONGEST_LINE) {
      throw new ListError(`line ${number + 1} is over ${LONGEST_LINE} bytes; is this a list?`);
    }
  }
  if (rest.length > 0) yield { ...lineOf(rest), unended: true };
}

/** UTF-16 starts with a byte order mark of its own, or half of its bytes are 0. */
function isUtf16(firstLine: Buffer): boolean {
  const mark = firstLine.length < 2 ? 0 : firstLine.readUInt16BE(0);
  return mark === 0xfffe || mark === 0xfeff || firstLine.includes(0);
}

/** Old programs of Macs end lines with a carriage return. A crash may leave NULs in place of a part of a file. */
function refuseSeveral(text: string, number: number): void {
  if (text.includes('\0')) throw new ListError(`line ${number} has a NUL: was a part of the file lost?`);
  const at = text.indexOf('\r');
  if (at !== -1 && at < text.trimEnd().length) throw new ListError(`line ${number} has a carriage return in it`);
}

const LEFT_OUT = /^[ \t\v\f\r]*(?:#|$)/;
const CONTINUES = /^[ \t\v\f\r]/;

/**
 * The logical lines of postmap(1) and aliases(5). A line that starts with a blank continues the line before it, even across
 * comments and empty lines, which are left out. With `backslash`, a backslash at the end of a line continues it too, as Sendmail
 * reads aliases(5). A first line that starts with a blank keeps the blank, so that the parser refuses it.
 */
export function* joinContinued(lines: Iterable<SourceLine>, backslash = false): Generator<SourceLine> {
  let logical: Logical | null = null;
  for (const line of lines) {
    const escaped: boolean = logical?.escaped ?? false;
    if (!escaped && LEFT_OUT.test(line.text)) continue;
    if (logical !== null && (escaped || CONTINUES.test(line.text))) {
      append(logical, line, backslash);
    } else {
      if (logical !== null) yield joined(logical);
      logical = append(
        { number: line.number, parts: [], length: 0, isUtf8: true, bytesRead: 0, escaped },
        line,
        backslash,
      );
    }
    if (logical.length <= LONGEST_LINE) continue;
    yield joined(logical);
    logical = null;
  }
  if (logical !== null) yield joined(logical);
}

/** A line that may be continued. */
interface Logical {
  readonly number: number;
  readonly parts: string[];
  length: number;
  isUtf8: boolean;
  bytesRead: number;
  /** Whether the next line continues it, however that line starts. */
  escaped: boolean;
}

function append(logical: Logical, { text, isUtf8, bytesRead }: SourceLine, backslash: boolean): Logical {
  logical.escaped = backslash && text.endsWith('\\');
  logical.parts.push(logical.escaped ? text.slice(0, -1) : text);
  logical.length += text.length + 1;
  logical.isUtf8 &&= isUtf8;
  logical.bytesRead = bytesRead;
  return logical;
}

function joined({ number, parts, length, isUtf8, bytesRead }: Logical): SourceLine {
  return { number, text: parts.join(''), isUtf8, isWhole: length <= LONGEST_LINE, bytesRead };
}
