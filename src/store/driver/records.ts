import { existsSync } from 'node:fs';
import { type About, CLASSES } from '../../vocabulary.ts';
import type { HostedDomain } from '../record/domain.ts';
import type { Identity, StoredRecord } from '../record/record.ts';
import { mailboxesOf, storedKeyOf } from './embedded.ts';
import { decode, encode } from './layout.ts';
import { type Db, fileOf, openToRead, openToWrite, transact } from './lmdb.ts';
import { markOf } from './mark.ts';

/** The records of the embedded store to read and write, for the commands. */
export interface Records {
  get(identity: Identity): StoredRecord | null;
  /**
   * All records of a kind, ordered by their keys, as they were when it began, however long it takes. `within` is a domain
   * of mailboxes and aliases, or the table of keys.
   */
  all(about: About, within: string | null): Iterable<StoredRecord>;
  /** Domains that have mailboxes, and those that were written. */
  domains(): Iterable<HostedDomain>;
  tables(): Iterable<string>;
  /** One transaction, see transact of lmdb.ts. */
  write(change: (writer: Writer) => boolean): boolean;
  close(): Promise<void>;
}

export interface Writer {
  /** False where its name is longer than the store can hold. */
  put(record: StoredRecord): boolean;
  /** False where there was none. */
  remove(identity: Identity): boolean;
  /** Removes all records of a kind; `within` as in `all`. */
  clear(about: About, within: string | null): void;
  /** From now on what is not there is certain not to be, though there may be nothing at all. */
  declare(about: About, table: string): void;
}

const CLEARED_AT_ONCE = 10_000; // keys, taken before they are removed, since what is removed moves what is walked over
const FIRST_MAILBOX = '"'; // the character behind the ! of all other keys

/** Opens the store in a folder; to read, it has to be there. Throws StoreError. */
export function openRecords(dir: string, purpose: 'read' | 'write'): Records {
  const db = purpose === 'read' ? openToRead(dir) : openToWrite(dir);
  const declared = new Set<string>();
  const declare = (about: About, table: string): void => {
    const mark = markOf(about, table);
    if (!declared.has(mark)) db.putSync(mark, 'yes');
    declared.add(mark);
  };
  const writer: Writer = {
    put(record) {
      const key = storedKeyOf(record);
      if (key === null) return false;
      db.putSync(key, encode(record));
      declare(record.about, record.about === 'key' ? record.table : '');
      return true;
    },
    remove(identity) {
      const key = storedKeyOf(identity);
      return key !== null && db.removeSync(key);
    },
    clear(about, within) {
      const range = { ...rangeOf(about, within), limit: CLEARED_AT_ONCE };
      for (let keys = [...db.getKeys(range)]; keys.length > 0; keys = [...db.getKeys(range)]) {
        for (const key of keys) db.removeSync(key);
      }
    },
    declare,
  };
  return {
    get(identity) {
      const key = storedKeyOf(identity);
      const text = key === null ? undefined : db.get(key);
      return key === null || text === undefined ? null : decode(identity.about, key, text);
    },
    *all(about, within) {
      for (const { key, value } of db.getRange(rangeOf(about, within))) yield decode(about, key, value);
    },
    domains: () => domainsIn(db),
    *tables() {
      for (let table = tableFrom(db, '!key '); table !== null; table = tableFrom(db, `!key ${table}!`)) yield table;
    },
    write(change) {
      declared.clear();
      return transact(db, fileOf(dir), () => change(writer));
    },
    close: () => db.close(),
  };
}

/** Whether there is a store in a folder, to read from. */
export function hasRecords(dir: string): boolean {
  return existsSync(fileOf(dir));
}

function rangeOf(about: About, within: string | null): { start: string; end?: string } {
  if (about === 'mailbox') return within === null ? { start: FIRST_MAILBOX } : mailboxesOf(within);
  if (about === 'domain') return { start: '!domain ', end: '!domain!' };
  return within === null
    ? { start: `!${about} `, end: `!${about}!` }
    : { start: `!${about} ${within} `, end: `!${about} ${within}!` };
}

/** The mailboxes of a domain are passed over with one step. */
function* domainsIn(db: Db): Generator<HostedDomain> {
  const written = new Map<string, HostedDomain>();
  for (const { key, value } of db.getRange(rangeOf('domain', null))) {
    const domain = decode('domain', key, value) as HostedDomain;
    written.set(domain.domain, domain);
  }
  const [mailboxClass] = CLASSES;
  for (let start = FIRST_MAILBOX; ;) {
    const [key] = db.getKeys({ start, limit: 1 });
    if (key === undefined) break;
    const domain = key.slice(0, key.indexOf(' '));
    if (written.get(domain)?.class !== 'relay') written.set(domain, { about: 'domain', domain, class: mailboxClass });
    start = mailboxesOf(domain).end;
  }
  yield* [...written.values()].toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
}

/** The table of the first key of a table at or behind a text. */
function tableFrom(db: Db, start: string): string | null {
  for (const key of db.getKeys({ start, end: '!key!', limit: 1 })) return key.split(' ', 2)[1] ?? null;
  return null;
}
