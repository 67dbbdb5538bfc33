/** A line of a file, and where it is in it. */
export interface SourceLine {
  readonly number: number;
  /** Without its end. Bytes that are not UTF-8 are U+FFFD in it. */
  readonly text: string;
  /** False where a byte is not UTF-8, which matters only where it is not in a comment. */
  readonly isUtf8: boolean;
  /** False where it was cut, since with the lines that continue it it is over LONGEST_LINE. */
  readonly isWhole: boolean;
  /** How much of the file was read to its end, in bytes. */
  readonly bytesRead: number;
  /** Of a last line that has no line feed behind it, as if the file were cut off there. */
  readonly unended?: true;
}

/** Of a line with those that continue it, in characters and line ends. A file with a longer one is no list. */
export const LONGEST_LINE = 1_000_000;

const LEFT_OUT = /^[ \t\v\f\r]*(?:#|$)/;
const CONTINUES = /^[ \t\v\f\r]/;

/**
 * The logical lines of postmap(1) and aliases(5): one that starts with a blank continues the one before, also across
 * comments and empty lines, which are left out. With `backslash`, as Sendmail reads aliases(5), a line also goes on
 * behind a backslash at its end. What continues nothing is given out with its blank, for a parser to refuse.
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

/** A line that may go on. */
interface Logical {
  readonly number: number;
  readonly parts: string[];
  length: number;
  isUtf8: boolean;
  bytesRead: number;
  /** Whether it goes on with the next line, whatever that starts with. */
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
