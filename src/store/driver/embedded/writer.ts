import type { Identity, StoredRecord } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { encode } from '../../layout.ts';
import { add, changeCounts, countNameOf, tableOf } from './count.ts';
import type { Db } from './lmdb.ts';
import { hostsMarkOf, markOf } from './mark.ts';
import { mailboxesOf, rangeOf, storedKeyOf } from './range.ts';

/** What became of a record that was written. */
export type Put = 'added' | 'changed' | 'same';

/** Changes the records of a store within a transaction. */
export interface Writer {
  /** Null if its name is longer than the store can hold. */
  put(record: StoredRecord): Put | null;
  /** False if it did not exist. */
  remove(identity: Identity): boolean;
  /**
   * Removes the records of a kind whose keys (keyOf) are not in `kept`, if `allows` says yes to how many of how many
   * would go. Returns what `allows` said. `within` is a domain of mailboxes or aliases, or the table of keys.
   */
  keepOnly(
    about: About,
    within: string | null,
    kept: ReadonlySet<string>,
    allows: (going: number, of: number) => boolean,
  ): boolean;
  /** From now on an absence is certain, even if there is no record at all. */
  declare(about: About, table: string): void;
}

/** A writer for one transaction. Before the commit, `finish` makes marks and counts match the records. */
export function createWriter(db: Db): { readonly writer: Writer; readonly finish: () => void } {
  const marked = new Set<string>();
  const lostMailbox = new Set<string>(); // domains that lost a mailbox, perhaps the last one
  const changes = new Map<string, number>();
  const mark = (key: string): void => {
    if (!marked.has(key) && db.get(key) === undefined) db.putSync(key, 'yes');
    marked.add(key);
  };
  const drop = (about: About, key: string): void => {
    db.removeSync(key);
    add(changes, countNameOf(about, tableOf(about, key)), -1);
    if (about === 'mailbox') lostMailbox.add(key.slice(0, key.indexOf(' ')));
  };
  const writer: Writer = {
    put(record) {
      const key = storedKeyOf(record);
      if (key === null) return null;
      const text = encode(record);
      const old = db.get(key);
      if (old === text) return 'same';
      db.putSync(key, text);
      if (old !== undefined) return 'changed';
      const table = tableOf(record.about, key);
      add(changes, countNameOf(record.about, table), 1);
      mark(markOf(record.about, table));
      if (record.about === 'mailbox') mark(hostsMarkOf(record.domain));
      return 'added';
    },
    remove(identity) {
      const key = storedKeyOf(identity);
      if (key === null || db.get(key) === undefined) return false;
      drop(identity.about, key);
      return true;
    },
    keepOnly(about, within, kept, allows) {
      const going: string[] = [];
      let all = 0;
      for (const key of db.getKeys(rangeOf(about, within))) {
        all++;
        if (!kept.has(key)) going.push(key);
      }
      if (!allows(going.length, all)) return false;
      for (const key of going) drop(about, key);
      return true;
    },
    declare: (about, table) => mark(markOf(about, table)),
  };
  return {
    writer,
    finish() {
      for (const domain of lostMailbox) {
        const [one] = db.getKeys({ ...mailboxesOf(domain), limit: 1 });
        if (one === undefined) db.removeSync(hostsMarkOf(domain));
      }
      changeCounts(db, changes);
    },
  };
}
