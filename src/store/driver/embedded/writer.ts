import type { Identity, StoredRecord } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { encode } from '../../layout.ts';
import { createAppend } from './append.ts';
import { aboutOf, add, changeCounts, countNameOf, tableOf } from './count.ts';
import type { Listed } from './list.ts';
import type { Db } from './lmdb.ts';
import { hostsMarkOf, markOf } from './mark.ts';
import { type Became, lookedUp, putInOrder, walked } from './ordered.ts';
import { mailboxesOf, type Range, storedKeyOf } from './range.ts';

/** What became of a record that was written. */
export type Put = Exclude<Became, 'twice'>;

/** Changes the records of a store within a transaction. */
export interface Writer {
  /** Null if its name is longer than the store can hold. */
  put(record: StoredRecord): Put | null;
  /**
   * Puts records that come in the order of their keys. LMDB then fills its pages, and does not search for each of them
   * in another place. See putInOrder for `told`. With a `whole` range, records of it that are not in the list are removed. Returns
   * how many were removed, and how many there were.
   */
  putInOrder(list: Iterable<Listed>, whole: Range | null, told: (record: Listed, became: Became) => void): Removal;
  /** False if it did not exist. */
  remove(identity: Identity): boolean;
  /** From now on an absence is certain, even if there is no record at all. */
  declare(about: About, table: string): void;
}

/** How many of how many records were removed. */
export interface Removal {
  readonly going: number;
  readonly of: number;
}

/** A writer for one transaction. Before the commit, `finish` makes marks and counts match the records. */
export function createWriter(db: Db): { readonly writer: Writer; readonly finish: () => void } {
  const append = createAppend(db);
  const marked = new Set<string>();
  let markedName = ''; // to look a mark up once, and not for each record
  let markedDomain = ''; // the same for the domain of mailboxes
  let appends = true; // until a mark turns out to be behind the records of a list
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
  const write = (about: About, key: string, text: string, isNew: boolean, isAtEnd: boolean): void => {
    if (isNew && isAtEnd && appends) appends = append(key, text);
    else db.putSync(key, text);
    if (!isNew) return;
    const table = tableOf(about, key);
    const name = countNameOf(about, table);
    add(changes, name, 1);
    if (name !== markedName) mark(markOf(about, table));
    markedName = name;
    if (about !== 'mailbox') return;
    const domain = domainOf(key);
    if (domain !== markedDomain) mark(hostsMarkOf(domain));
    markedDomain = domain;
  };
  const put = (about: About, key: string, text: string): Put => {
    const old = db.get(key);
    if (old === text) return 'same';
    write(about, key, text, old === undefined, false);
    return old === undefined ? 'added' : 'changed';
  };
  const writer: Writer = {
    put(record) {
      const key = storedKeyOf(record);
      return key === null ? null : put(record.about, key, encode(record));
    },
    putInOrder(list, whole, told) {
      let [going, of] = [0, 0];
      const writeOne = ({ about, key, text }: Listed, isNew: boolean, isAtEnd: boolean): void =>
        write(about, key, text, isNew, isAtEnd);
      if (whole === null) {
        putInOrder(list, lookedUp(db), writeOne, told);
        return { going, of };
      }
      const before = walked(db, whole, (key, isListed) => {
        of++;
        if (isListed) return;
        going++;
        drop(aboutOf(key) as About, key);
      });
      putInOrder(list, before, writeOne, told);
      before.finish();
      return { going, of };
    },
    remove(identity) {
      const key = storedKeyOf(identity);
      if (key === null || db.get(key) === undefined) return false;
      drop(identity.about, key);
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
