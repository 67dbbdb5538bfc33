import type { Name } from '../../guard/warm-names.ts';
import type { Lister } from '../../guard/warm.ts';
import { type Row, rowFrom } from '../../row.ts';
import { ClosedError, StoreError } from '../../store.ts';
import type { Dialect } from './query.ts';
import { SCHEMAS, type SchemaName } from './schema.ts';

/** How the mailboxes of a schema are listed. */
export interface Listing {
  /** The statement for one portion. It has one parameter: the place behind which the portion begins. */
  readonly text: string;
  /** The place before the first mailbox. */
  readonly first: string;
}

/** A connection that lists. It never connects again. */
export interface ListLink {
  rows(
    text: string,
    after: string,
  ): Promise<{ readonly columns: readonly string[]; readonly rows: readonly (readonly unknown[])[] }>;
  isEnded(): boolean;
  end(cause: StoreError): void;
}

/** How long a portion may take. It reads more than a question, and nobody waits for it. */
export const LIST_MS = 10_000;

/** The mailboxes of a mail system, in the order of a key that has an index. */
interface Source {
  readonly key: string;
  readonly first: string;
  /** The columns that name a mailbox. */
  readonly names: string;
  /** Whether it takes mail: the same words as in the query for a mailbox. */
  readonly active: string;
  readonly tables: string;
}

const USERNAME = { key: 'm.username', first: '', names: 'm.username as address' } as const;

/**
 * The mail systems whose mailboxes can be listed. A lookup of somebody who is listed as active must find an active
 * mailbox without a value; test/contract/schema.test.ts compares both. The tables `users` have no key for this.
 */
const SOURCES: Readonly<Partial<Record<SchemaName, Source>>> = {
  postfixadmin: {
    ...USERNAME,
    active: 'm.active and coalesce(d.active, true)',
    tables: 'mailbox m left join domain d on d.domain = m.domain',
  },
  mailcow: {
    ...USERNAME,
    active: 'm.active in (1, 2) and coalesce(d.active, 1) = 1',
    tables: 'mailbox m left join domain d on d.domain = m.domain',
  },
  iredmail: {
    ...USERNAME,
    active: 'm.active = 1 and m.enabledeliver = 1 and d.active = 1',
    tables: 'mailbox m left join domain d on d.domain = m.domain',
  },
  modoboa: {
    key: 'm.user_id', // each user has one mailbox
    first: '0',
    names: 'm.address as local, d.name as domain',
    active: 'u.is_active and d.enabled and not m.is_send_only',
    tables: 'admin_mailbox m left join admin_domain d on d.id = m.domain_id left join core_user u on u.id = m.user_id',
  },
  vimbadmin: {
    ...USERNAME,
    active: 'm.active = 1 and coalesce(d.active, 1) = 1',
    tables: 'mailbox m left join domain d on d.id = m.Domain_id',
  },
};

/** How a schema lists its mailboxes in a database; null: it cannot. */
export function listingOf(schema: string | undefined, dialect: Dialect): Listing | null {
  const source = Object.hasOwn(SOURCES, schema ?? '') ? SOURCES[schema as SchemaName] : undefined;
  if (source === undefined || SCHEMAS[schema as SchemaName][dialect] === undefined) return null;
  const { key, first, names, active, tables } = source;
  const text = `select ${key} as smmap_after, ${names}, case when ${active} then 1 else 0 end as smmap_active
    from ${tables} where ${key} > ${dialect === 'postgresql' ? '$1' : '?'} order by ${key} limit ${PORTION}`;
  return { text, first };
}

/** The schemas whose mailboxes can be listed in a database. */
export function listedSchemas(dialect: Dialect): readonly string[] {
  const names = Object.keys(SOURCES) as SchemaName[];
  return names.filter((name) => SCHEMAS[name][dialect] !== undefined);
}

const PORTION = 500; // mailboxes; to read them takes 1 ms of the event loop

/** Lists on one connection. After it has ended, the next portion opens another one. */
export function createLister({ text, first }: Listing, open: () => ListLink): Lister {
  let link: ListLink | null = null;
  let closed = false;
  return {
    async read(after) {
      if (closed) throw new ClosedError();
      if (link === null || link.isEnded()) link = open();
      const { columns, rows } = await link.rows(text, after ?? first);
      const found = rows.map((row) => rowFrom(columns, row));
      const names = found.flatMap(namesOf);
      if (rows.length < PORTION) return { names, next: null };
      const next = placeOf(found.at(-1));
      if (next === null || next === after) throw new StoreError('the list of mailboxes does not end');
      return { names, next };
    },
    close() {
      closed = true;
      link?.end(new ClosedError());
    },
  };
}

/** The key of a row, as the next portion needs it. */
function placeOf(row: Row | undefined): string | null {
  const place = row?.['smmap_after'];
  if (typeof place === 'number' || typeof place === 'bigint') return String(place);
  return typeof place === 'string' ? place : null;
}

/** The name of a row, if it takes mail. */
function namesOf(row: Row): readonly Name[] {
  if (Number(row['smmap_active']) !== 1) return [];
  const { address, local, domain } = row;
  if (typeof address === 'string') {
    const at = address.lastIndexOf('@');
    return [{ local: address.slice(0, Math.max(0, at)), domain: address.slice(at + 1) }];
  }
  return typeof local === 'string' && typeof domain === 'string' ? [{ local, domain }] : [];
}
