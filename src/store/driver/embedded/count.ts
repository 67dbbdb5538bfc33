import type { About } from '../../../vocabulary.ts';
import { FORMAT, FORMAT_KEY } from './format.ts';
import type { Db } from './lmdb.ts';
import type { Range } from './range.ts';

const PREFIX = '!count ';

/** The counts in the data file. */
export const countRange: Range = Object.freeze({ start: PREFIX, end: '!count!' });

/**
 * How many records there are of each kind: `mailbox`, `alias`, `domain`, and `key NAME` for each table. The counts are
 * kept in the data file, so a daemon can read them every second.
 */
export type Counts = ReadonlyMap<string, number>;

/** The name under which records of a kind, or of a table, are counted. */
export function countNameOf(about: About, table: string): string {
  return about === 'key' ? `key ${table}` : about;
}

/** The key of the data file under which a count is kept. */
export function countKeyOf(name: string): string {
  return PREFIX + name;
}

/** The kind of the record under a key of the data file; null if there is no record, but a mark for example. */
export function aboutOf(key: string): About | null {
  if (!key.startsWith('!')) return 'mailbox';
  const word = key.slice(1, key.indexOf(' '));
  return word === 'alias' || word === 'domain' || word === 'key' ? word : null;
}

/** Counts the records under these keys of the data file, and calls `each` with each of them. */
export function tally(
  keys: Iterable<string>,
  each: (about: About, key: string) => void = () => {},
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) {
    const about = aboutOf(key);
    if (about === null) continue;
    add(counts, countNameOf(about, tableOf(about, key)), 1);
    each(about, key);
  }
  return counts;
}

/** Adds to a count. */
export function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** Reads the counts; null if the store has none, because its format is older. */
export function readCounts(db: Db): Counts | null {
  if (db.get(FORMAT_KEY) !== FORMAT) return null;
  const counts = new Map<string, number>();
  for (const { key, value } of db.getRange({ ...countRange })) {
    counts.set(key.slice(PREFIX.length), Number(value));
  }
  return counts;
}

/** Changes the counts in the data file, within a transaction. */
export function changeCounts(db: Db, changes: Counts): void {
  for (const [name, change] of changes) {
    if (change === 0) continue;
    const key = countKeyOf(name);
    db.putSync(key, String(Number(db.get(key) ?? '0') + change));
  }
}

/** The table of a key of the data file; "" if its record is not in a table. */
export function tableOf(about: About, key: string): string {
  return about === 'key' ? (key.split(' ', 2)[1] as string) : '';
}
