import type { Flaw } from '../address/address.ts';
import { type StoredRecord } from '../record/record.ts';
import { NOBODY } from '../vocabulary.ts';
import { joinContinued, ListError, LONGEST_LINE, type SourceLine } from './lines.ts';
import { flawOfError, parseVirtusertableLine, type Refusal } from './virtusertable.ts';

/** One record of a list, or what is wrong with it. */
export interface Item {
  /** The place in the source, such as its line. Follows the name of the source in messages. */
  readonly at: string;
  readonly found: StoredRecord | Flaw | { readonly leftOut: string };
  /** How many bytes of the source were read so far. */
  readonly bytesRead: number;
}

/** Reads a list from the source `name`. Throws ListError if the whole list is not valid. */
export type ListReader = (lines: Iterable<SourceLine>, name: string) => Iterable<Item>;

/** Parses a line. Null for a blank line or a comment. */
export type LineParser<T = StoredRecord> = (text: string) => T | Flaw | null;

/** Reads a list that has one record a line. */
export function byLine(parse: LineParser): ListReader {
  return (lines, name) => itemsOf(parse, lines, name);
}

/** Reads a list in which a line that starts with a blank continues the line before it. */
export function byLogicalLine(parse: LineParser, backslash = false): ListReader {
  return (lines, name) => itemsOf(parse, joinContinued(lines, backslash), name);
}

interface Parsed<T> extends Omit<Item, 'found'> {
  readonly found: T | Flaw;
}

function* itemsOf<T extends object>(
  parse: LineParser<T>,
  lines: Iterable<SourceLine>,
  name: string,
): Generator<Parsed<T>> {
  for (const { number, text, isUtf8, isWhole, bytesRead } of lines) {
    if (!isWhole) {
      const reason = `is over ${LONGEST_LINE} characters with the lines that continue it; is this a list?`;
      throw new ListError(`${name}:${number}: ${reason}`);
    }
    const found = parse(text);
    if (found !== null) yield { at: `:${number}`, found: isUtf8 || isAscii(found) ? found : NOT_UTF8, bytesRead };
  }
}

/** Whether the bytes that are not UTF-8 were in a comment, or in a field that is ignored. */
function isAscii(found: object): boolean {
  return !('flaw' in found) && !JSON.stringify(found).includes('\ufffd');
}

/** Reads a virtusertable. The rest of the list decides whether an address that it refuses can be left out. */
export const readVirtusertable: ListReader = function* read(lines, name) {
  const refused: Parsed<Refusal>[] = [];
  const caught = new Set<string>(); // domains with a catch-all, to which a refused address is an exception
  for (const item of itemsOf(parseVirtusertableLine, lines, name)) {
    const { found, ...where } = item;
    if ('about' in found && found.about === 'refusal') {
      refused.push({ found, ...where });
      continue;
    }
    if ('about' in found && found.local === NOBODY) caught.add(found.domain);
    yield { found, ...where };
  }
  for (const { found, ...where } of refused) {
    if ('flaw' in found) continue;
    yield { found: caught.has(found.domain) ? flawOfError(found) : { leftOut: UNKNOWN_ANYWAY }, ...where };
  }
};

const UNKNOWN_ANYWAY = 'an unknown address is refused anyway; --replace removes a catch-all from an earlier import';

export const NOT_UTF8: Flaw = {
  flaw: 'is not UTF-8; convert the file first, for example with iconv -f ISO-8859-1 -t UTF-8',
};
