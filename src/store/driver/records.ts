import { existsSync } from 'node:fs';
import type { About } from '../../vocabulary.ts';
import type { HostedDomain } from '../record/domain.ts';
import type { Identity, StoredRecord } from '../record/record.ts';
import { storedKeyOf } from './embedded.ts';
import { decode, encode } from './layout.ts';
import { type Db, fileOf, openToRead, openToWrite, transact } from './lmdb.ts';
import { hostsMarkOf, markOf } from './mark.ts';

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
  const marked = new Set<string>(); // within this transaction
  const mark = (key: string): void => {
    if (!marked.has(key)) db.putSync(key, 'yes');
    marked.add(key);
  };
  const unmark = (key: string): void => {
    db.removeSync(key);
    marked.delete(key);
  };
  const removeAll = (range: { start: string; end?: string }): void => {
    const limit = CLEARED_AT_ONCE;
    for (
      let keys = [...db.getKeys({ ...range, limit })];
      keys.length > 0;
      keys = [...db.getKeys({ ...range, limit })]
    ) {
      for (const key of keys) unmark(key);
    }
  };
  const writer: Writer = {
    put(record) {
      const key = storedKeyOf(record);
      if (key === null) return false;
      db.putSync(key, encode(record));
      mark(markOf(record.about, record.about === 'key' ? record.table : ''));
      if (record.about === 'mailbox') mark(hostsMarkOf(record.domain));
      return true;
    },
    remove(identity) {
      const key = storedKeyOf(identity);
      if (key === null || !db.removeSync(key)) return false;
      if (identity.about === 'mailbox') {
        const [another] = db.getKeys({ ...mailboxesOf(identity.domain), limit: 1 });
        if (another === undefined) unmark(hostsMarkOf(identity.domain));
      }
      return true;
    },
    clear(about, within) {
      removeAll(rangeOf(about, within));
      if (about === 'mailbox') removeAll(hostsMarksOf(within));
    },
    declare: (about, table) => mark(markOf(about, table)),
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
      marked.clear();
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

function* domainsIn(db: Db): Generator<HostedDomain> {
  const domains = new Map<string, HostedDomain>();
  for (const { key, value } of db.getRange(rangeOf('domain', null))) {
    const domain = decode('domain', key, value) as HostedDomain;
    domains.set(domain.domain, domain);
  }
  for (const key of db.getKeys(hostsMarksOf(null))) {
    const domain = key.slice(hostsMarkOf('').length);
    if (domains.get(domain)?.class !== 'relay') domains.set(domain, { about: 'domain', domain, class: 'mailbox' });
  }
  yield* [...domains.values()].toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
}

/** The keys of the mailboxes of a domain: they go on with a blank, and the next character is the end. */
function mailboxesOf(domain: string): { start: string; end: string } {
  return { start: `${domain} `, end: `${domain}!` };
}

function hostsMarksOf(domain: string | null): { start: string; end: string } {
  const start = hostsMarkOf(domain ?? '');
  return { start, end: domain === null ? start.replace(' ', '!') : `${start}!` };
}

/** The table of the first key of a table at or behind a text. */
function tableFrom(db: Db, start: string): string | null {
  for (const key of db.getKeys({ start, end: '!key!', limit: 1 })) return key.split(' ', 2)[1] ?? null;
  return null;
}
