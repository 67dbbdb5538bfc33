import type { HostedDomain } from '../../../record/domain.ts';
import type { Identity, StoredRecord } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { decode } from '../../layout.ts';
import { type Counts, readCounts } from './count.ts';
import { PATIENT } from './holder.ts';
import { type Db, openToRead, openToWrite, transact } from './lmdb.ts';
import { hostsMarkOf, markOf } from './mark.ts';
import { domainRange, hostsRange, rangeOf, storedKeyOf } from './range.ts';
import { createWriter, type Writer } from './writer.ts';

/** Reads and writes the records of the embedded store, for the commands. */
export interface Records {
  get(identity: Identity): StoredRecord | null;
  /**
   * All records of a kind in the order of their keys, as they were when the reading began, however long it takes.
   * `within` is a domain of mailboxes or aliases, or the table of keys.
   */
  all(about: About, within: string | null): Iterable<StoredRecord>;
  /** The domains that have mailboxes, and those that were written. */
  domains(): Iterable<HostedDomain>;
  /** The tables that have a key. */
  tables(): Iterable<string>;
  /** Whether a table was ever written, or declared to be empty. */
  hasTable(table: string): boolean;
  /** How many there are; null in a store of an older format. */
  counts(): Counts | null;
  /** Runs one transaction, see transact of lmdb.ts. */
  write(change: (writer: Writer) => boolean): boolean;
  close(): Promise<void>;
}

/** Opens the store in a folder. It must exist, also to write: see requireStore. Throws StoreError. */
export function openRecords(dir: string, purpose: 'read' | 'write', patience = PATIENT): Records {
  const opened = purpose === 'read' ? openToRead(dir) : openToWrite(dir, patience);
  const { db } = opened;
  return {
    get(identity) {
      const key = storedKeyOf(identity);
      const text = key === null ? undefined : db.get(key);
      return key === null || text === undefined ? null : decode(identity.about, key, text);
    },
    *all(about, within) {
      for (const { key, value } of db.getRange({ ...rangeOf(about, within) })) yield decode(about, key, value);
    },
    domains: () => domainsIn(db),
    *tables() {
      for (let table = tableFrom(db, '!key '); table !== null; table = tableFrom(db, `!key ${table}!`)) yield table;
    },
    hasTable: (table) => db.get(markOf('key', table)) !== undefined,
    counts: () => readCounts(db),
    write: (change) =>
      transact(opened, () => {
        const { writer, finish } = createWriter(db);
        const done = change(writer);
        if (done) finish();
        return done;
      }),
    close: () => db.close(),
  };
}

function* domainsIn(db: Db): Generator<HostedDomain> {
  const domains = new Map<string, HostedDomain>();
  for (const { key, value } of db.getRange({ ...domainRange })) {
    const domain = decode('domain', key, value) as HostedDomain;
    domains.set(domain.domain, domain);
  }
  for (const key of db.getKeys({ ...hostsRange })) {
    const domain = key.slice(hostsMarkOf('').length);
    if (domains.get(domain)?.class !== 'relay') domains.set(domain, { about: 'domain', domain, class: 'mailbox' });
  }
  yield* [...domains.values()].toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
}

/** The table of the first key of a table at or behind a text. */
function tableFrom(db: Db, start: string): string | null {
  for (const key of db.getKeys({ start, end: '!key!', limit: 1 })) return key.split(' ', 2)[1] ?? null;
  return null;
}
