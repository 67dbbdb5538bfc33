import { aboutOf, countKeyOf, tableOf, tally } from './count.ts';
import type { Db } from './lmdb.ts';
import { hostsMarkOf, isMark, markOf } from './mark.ts';

/** A record or a mark as it stands in the data file: what a backup has to keep. */
export interface Entry {
  readonly key: string;
  readonly text: string;
}

/** Whether what stands under a key follows from nothing else. */
export function isEntry(key: string): boolean {
  return aboutOf(key) !== null || isMark(key);
}

/** What has to stand in a data file because these keys do: marks, and what domains have mailboxes, and the counts. */
export function derivedFrom(keys: Iterable<string>): ReadonlyMap<string, string> {
  const records = [...keys].filter((key) => aboutOf(key) !== null);
  const derived = new Map<string, string>();
  for (const key of records) {
    const about = aboutOf(key);
    if (about === null) continue;
    derived.set(markOf(about, tableOf(about, key)), 'yes');
    if (about === 'mailbox') derived.set(hostsMarkOf(key.slice(0, key.indexOf(' '))), 'yes');
  }
  for (const [name, count] of tally(records)) derived.set(countKeyOf(name), String(count));
  return derived;
}

/** Whether what stands under a key only ever follows from records. */
export function isDerived(key: string): boolean {
  return key.startsWith('!hosts ') || key.startsWith('!count ');
}

/** Writes what follows from the records, and removes what does not, within a transaction. */
export function derive(db: Db): void {
  const keys = [...db.getKeys({})];
  const derived = derivedFrom(keys);
  for (const key of keys) if (isDerived(key) && !derived.has(key)) db.removeSync(key);
  for (const [key, text] of derived) if (db.get(key) !== text) db.putSync(key, text);
}
