import type { Flaw } from '../address/address.ts';
import { LONGEST_NAME, quoted } from '../address/written.ts';
import { splitWord } from './owner.ts';

/** A key of a table and its value. Only the mail server knows what the key means. */
export interface TableEntry {
  readonly about: 'key';
  readonly table: string;
  readonly key: string;
  readonly value: string; // not empty: Postfix treats an empty value as a mistake in its configuration
}

const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/; // all except the tab

/** Reads `key value` as makemap(8) does, with quotes around a key that has blanks. Null for a blank line or a comment. */
export function parseEntryLine(table: string, text: string): TableEntry | Flaw | null {
  const line = withoutBlanks(text);
  if (line === '' || line.startsWith('#')) return null;
  if (/^[ \t]/.test(text)) return { flaw: 'starts with a blank, so it has no key' };
  const [word, rest] = splitWord(line);
  return parseEntry(table, unquote(word), rest);
}

/** Makes an entry of a table. A Flaw if no client could ask for it, or if it has no answer. */
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

/** Cuts off blanks at both ends. A pattern would take time by the square of the blanks inside. */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/** Removes quotes around a whole word. `"quo ted"@example.org` keeps its quotes: they belong to the key. */
function unquote(word: string): string {
  return /^"(?:[^"\\]|\\.)*"$/s.test(word) ? word.slice(1, -1).replace(/\\(.)/gs, '$1') : word;
}
