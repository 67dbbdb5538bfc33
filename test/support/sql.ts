import type { StoredRecord } from '../../src/record/record.ts';
import type { QueryName } from '../../src/store/asked.ts';
import { type Dialect, type Queries, parseQuery } from '../../src/store/driver/sql/query.ts';

/** Tables that can hold all that a store can be asked, in the SQL that the databases have in common. */
export const DEFINITIONS = [
  'create table mailboxes (local varchar(255), domain varchar(255), value varchar(255), state varchar(16))',
  'create table folders (local varchar(255), domain varchar(255), folder varchar(255))',
  'create table aliases (local varchar(255), domain varchar(255), targets varchar(1000))',
  'create table domains (domain varchar(255), class varchar(16))',
  'create table entries (kept_in varchar(255), name varchar(255), value varchar(1000))',
] as const;

export const TABLES = ['mailboxes', 'folders', 'aliases', 'domains', 'entries'] as const;

/** A query for each kind of question. */
export const TEXTS: Readonly<Record<QueryName, string>> = {
  mailbox: 'select local, domain, value, state from mailboxes where lower(local) = lower(:local) and domain = :domain',
  folder: `select m.local, m.domain, m.value, m.state, f.folder
    from folders f join mailboxes m on m.local = f.local and m.domain = f.domain
    where lower(m.local) = lower(:local) and m.domain = :domain`,
  alias: 'select local, domain, targets as value from aliases where lower(local) = lower(:local) and domain = :domain',
  domain: `select value from (select coalesce(
      (select class from domains where domain = :domain and class <> 'alias'),
      (select min('mailbox') from mailboxes where domain = :domain),
      (select class from domains where domain = :domain)) as value) d
    where value is not null`,
  key: 'select name as "key", value from entries where kept_in = :table and lower(name) = lower(:key)',
};

export function queriesFor(dialect: Dialect): Queries {
  return Object.fromEntries(
    Object.entries(TEXTS).map(([name, text]) => {
      const query = parseQuery(name as QueryName, text, dialect);
      if ('flaw' in query) throw new Error(`${name} ${query.flaw}`);
      return [name, query];
    }),
  );
}

/** The rows of records, each with the table that it goes to, its values in the order of the table's columns. */
export function rowsOf(records: readonly StoredRecord[]): readonly (readonly [string, readonly string[]])[] {
  return records.flatMap((record): (readonly [string, readonly string[]])[] => {
    switch (record.about) {
      case 'mailbox': {
        const { local, domain, value, state, folders } = record;
        return [
          ['mailboxes', [local, domain, value, state]],
          ...folders.map((folder) => ['folders', [local, domain, folder]] as const),
        ];
      }
      case 'alias':
        return [['aliases', [record.local, record.domain, record.targets.join(', ')]]];
      case 'domain':
        return [['domains', [record.domain, record.class]]];
      case 'key':
        return [['entries', [record.table, record.key, record.value]]];
    }
  });
}
