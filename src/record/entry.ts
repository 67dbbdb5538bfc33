import type { Flaw } from '../address/address.ts';
import { LONGEST_NAME, quoted } from '../address/written.ts';
import { splitWord } from './owner.ts';

/** A key of a table and what stands under it: not an address, but whatever it means to the mail server that asks. */
export interface TableEntry {
  readonly about: 'key';
  readonly table: string;
  readonly key: string;
  readonly value: string; // not empty: Postfix takes an empty value for a mistake in its configuration
}

const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/; // all but the tab

/** Reads `key value` as makemap(8) does, with quotes around a key that holds blanks; null for a blank line and a comment. */
export function parseEntryLine(table: string, text: string): TableEntry | Flaw | null {
  const line = withoutBlanks(text);
  if (line === '' || line.startsWith('#')) return null;
  if (/^[ \t]/.test(text)) return { flaw: 'starts with a blank, so it has no key' };
  const [word, rest] = splitWord(line);
  return parseEntry(table, unquote(word), rest);
}

/** Puts an entry together; a Flaw where it cannot be asked for, or answered. */
export function parseEntry(table: string, key: string, text: string): TableEntry | Flaw {
  const value = withoutBlanks(text);
  if (key === '') return { flaw: 'has no key' };
  if (key.length > LONGEST_NAME) return { flaw: 'is longer than the store can hold' };
  if (CONTROL.test(key + value) || key.includes('\t')) return { flaw: `${quoted(key)}has a control character` };
  if (value === '') return { flaw: `${quoted(key)}has no value` };
  return { about: 'key', table, key: key.normalize('NFC'), value };
}

/** Writes the line that parseEntryLine reads. */
export function formatEntryLine({ key, value }: TableEntry): string {
  const plain = !/[ "]/.test(key) && !key.startsWith('#');
  return `${plain ? key : `"${key.replace(/["\\]/g, '\\$&')}"`}\t${value}`;
}

/** Cuts blanks off both ends; a pattern that does so takes time by the square of the blanks within. */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/** A quoted word as a whole; `"quo ted"@example.org` keeps its quotes, since they are the key's own. */
function unquote(word: string): string {
  return /^"(?:[^"\\]|\\.)*"$/s.test(word) ? word.slice(1, -1).replace(/\\(.)/gs, '$1') : word;
}
