import type { Identity, StoredRecord } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { encode } from '../../layout.ts';
import { aboutOf, add, changeCounts, countNameOf, tableOf } from './count.ts';
import type { Db } from './lmdb.ts';
import { hostsMarkOf, markOf } from './mark.ts';
import { createPortion } from './portion.ts';
import { mailboxesOf, rangeOf, storedKeyOf } from './range.ts';

/** What became of a record that was written. */
export type Put = 'added' | 'changed' | 'same';

/** Changes the records of a store within a transaction. */
export interface Writer {
  /** Null if its name is longer than the store can hold. */
  put(record: StoredRecord): Put | null;
  /**
   * Puts many records: they wait, and are written in the order of their keys. LMDB then fills its pages, and does not
   * search for each of them in another place. `told` is told what became of each.
   */
  inOrder(told: (about: About, became: Put) => void): OrderedWriter;
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

/** Puts records in the order of their keys. */
export interface OrderedWriter {
  /** False if its name is longer than the store can hold. */
  put(record: StoredRecord): boolean;
  /** Writes what waits. To be called at the end, before anything that must see the records. */
  finish(): void;
}

/** A writer for one transaction. Before the commit, `finish` makes marks and counts match the records. */
export function createWriter(db: Db): { readonly writer: Writer; readonly finish: () => void } {
  const marked = new Set<string>();
  let markedDomain = ''; // to look a domain up once, and not for each of its mailboxes
  const lostMailbox = new Set<string>(); // domains that lost a mailbox, perhaps the last one
  const changes = new Map<string, number>();
  const mark = (key: string): void => {
    if (!marked.has(key) && db.get(key) === undefined) db.putSync(key, 'yes');
    marked.add(key);
  };
  const drop = (about: About, key: string): void => {
    db.removeSync(key);
    add(changes, countNameOf(about, tableOf(about, key)), -1);
    if (about === 'mailbox') lostMailbox.add(domainOf(key));
  };
  const put = (about: About, key: string, text: string): Put => {
    const old = db.get(key);
    if (old === text) return 'same';
    db.putSync(key, text);
    if (old !== undefined) return 'changed';
    const table = tableOf(about, key);
    add(changes, countNameOf(about, table), 1);
    mark(markOf(about, table));
    if (about !== 'mailbox') return 'added';
    const domain = domainOf(key);
    if (domain !== markedDomain) mark(hostsMarkOf(domain));
    markedDomain = domain;
    return 'added';
  };
  const writer: Writer = {
    put(record) {
      const key = storedKeyOf(record);
      return key === null ? null : put(record.about, key, encode(record));
    },
    inOrder(told) {
      const portion = createPortion();
      const finish = (): void => {
        for (const { key, text } of portion.take()) {
          const about = aboutOf(key) as About;
          told(about, put(about, key, text));
        }
      };
      return {
        put(record) {
          const key = storedKeyOf(record);
          if (key === null) return false;
          const text = encode(record);
          if (portion.add(key, text)) return true;
          finish();
          return portion.add(key, text);
        },
        finish,
      };
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

function domainOf(mailboxKey: string): string {
  return mailboxKey.slice(0, mailboxKey.indexOf(' '));
}
