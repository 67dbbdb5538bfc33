/** A line of a file, and where it is in it. */
export interface SourceLine {
  readonly number: number;
  /** Null where it is not UTF-8. */
  readonly text: string | null;
  /** How much of the file was read to its end, in bytes. */
  readonly bytesRead: number;
  /** Of a last line that has no line feed behind it, as if the file were cut off there. */
  readonly unended?: true;
}

const LEFT_OUT = /^[ \t\v\f\r]*(?:#|$)/;
const CONTINUES = /^[ \t\v\f\r]/;

/**
 * The logical lines of postmap(1) and aliases(5): one that starts with a blank continues the one before, also across
 * comments and empty lines, which are left out. A line that is not UTF-8 makes null of what it may be a part of, since
 * nobody can tell whether it starts with a blank. What continues nothing is given out with its blank, for a parser to refuse.
 */
export function* joinContinued(lines: Iterable<SourceLine>): Generator<SourceLine> {
  let logical: SourceLine | null = null;
  for (const { number, text, bytesRead } of lines) {
    const part = text?.endsWith('\r') ? text.slice(0, -1) : text;
    if (part !== null && LEFT_OUT.test(part)) continue;
    if (logical !== null && (part === null || CONTINUES.test(part))) {
      const whole: string | null = part === null || logical.text === null ? null : logical.text + part;
      logical = { number: logical.number, text: whole, bytesRead };
    } else {
      if (logical !== null) yield logical;
      logical = { number, text: part, bytesRead };
    }
  }
  if (logical !== null) yield logical;
}
