import { aboutOf, countKeyOf, countRange, tableOf, tally } from './count.ts';
import type { Db } from './lmdb.ts';
import { hostsMarkOf, isMark, markOf } from './mark.ts';
import { hostsRange } from './range.ts';

/** A record or a mark, as it is in the data file. A backup must keep it. */
export interface Entry {
  readonly key: string;
  readonly text: string;
}

/** Whether a key holds a record or a mark: nothing else in the file implies it. */
export function isEntry(key: string): boolean {
  return aboutOf(key) !== null || isMark(key);
}

/** What a data file must contain because it has these keys: marks, the domains that have mailboxes, and the counts. */
export function derivedFrom(keys: Iterable<string>): ReadonlyMap<string, string> {
  const derived = new Map<string, string>();
  const counts = tally(keys, (about, key) => {
    derived.set(markOf(about, tableOf(about, key)), 'yes');
    if (about === 'mailbox') derived.set(hostsMarkOf(key.slice(0, key.indexOf(' '))), 'yes');
  });
  for (const [name, count] of counts) derived.set(countKeyOf(name), String(count));
  return derived;
}

/** Whether what a key holds always follows from records. */
export function isDerived(key: string): boolean {
  return key.startsWith('!hosts ') || key.startsWith('!count ');
}

/** Writes what follows from the records and removes what no longer does, within a transaction. */
export function derive(db: Db): void {
  const derived = derivedFrom(db.getKeys({}));
  const old = [...db.getKeys({ ...hostsRange }), ...db.getKeys({ ...countRange })];
  for (const key of old) if (!derived.has(key)) db.removeSync(key);
  for (const [key, text] of derived) if (db.get(key) !== text) db.putSync(key, text);
}
