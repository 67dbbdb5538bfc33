import type { Row } from '../../row.ts';
import { QuestionError, ReplicaError, type StoreError } from '../../store.ts';
import type { Query } from '../sql/query.ts';

/** What a database says of itself when a connection begins. */
export interface Database {
  /** Whether an index may be in another order than the one in which this server searches it. */
  readonly hasOldIndexes: boolean;
  /** Whether the lower case of I is another letter than i, as in a Turkish locale. */
  readonly lowersOddly: boolean;
  /** The tables that a subscription fills, and the views over them. */
  readonly subscribed: readonly string[];
}

/** What is assumed of a database that cannot say it. */
export const UNKNOWN: Database = { hasOldIndexes: false, lowersOddly: false, subscribed: [] };

/**
 * Asks a database of itself. An upgrade of the C library or of ICU may change the order of texts. Then a search of an index that
 * was made before misses some of its entries, without an error. PostgreSQL knows the versions: that of the default
 * collation from 15 on.
 */
export function aboutStatement(version: number): string {
  const own =
    version < 150_000
      ? 'false'
      : `(select datcollversion <> pg_database_collation_actual_version(oid) from pg_database
          where datname = current_database())`;
  return `with recursive used as (select distinct unnest(indcollation::oid[]) as collation from pg_index),
    fed as (
      select srrelid as relation from pg_subscription_rel join pg_subscription s on s.oid = srsubid where s.subenabled
      union
      select ev_class from fed
        join pg_depend d on d.refobjid = relation and d.refclassid = 'pg_class'::regclass
          and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite r on r.oid = d.objid)
    select coalesce(${own}, false) or exists (
        select from used join pg_collation c on c.oid = used.collation
        where c.collversion <> pg_collation_actual_version(c.oid)) as "hasOldIndexes",
      lower('I') <> 'i' as "lowersOddly",
      array(select relname::text from fed join pg_class on oid = relation) as subscribed`;
}

/** Why what a statement did not find may exist all the same, by its rows. Null: it does not exist. */
export function doubtOf(
  query: Pick<Query, 'parts'>,
  { hasOldIndexes, lowersOddly, subscribed }: Database,
  isPrimary: boolean,
  rows: readonly Row[],
): StoreError | null {
  if (!rows.every((row) => row['smmap_own'] === true)) return new QuestionError(MIXED);
  if (!isPrimary)
    return new ReplicaError('not found or not active on a standby, which may lag: list the primary in url too');
  if (hasOldIndexes) return new QuestionError(OLD_INDEXES);
  if (lowersOddly && foldsCase(query)) return new QuestionError(ODD_CASE);
  return subscribed.some((name) => names(query, name)) ? new ReplicaError(SUBSCRIBED) : null;
}

/** Whether there is such a doubt about a database itself, which may be gone when it is asked again. */
export function isDoubted({ hasOldIndexes, subscribed }: Database): boolean {
  return hasOldIndexes || subscribed.length > 0;
}

/** Whether a query compares in lower or upper case, as the locale of the database has it. */
function foldsCase({ parts }: Pick<Query, 'parts'>): boolean {
  const text = parts.join('?');
  return /\b(?:lower|upper|ilike)\b/i.test(text) && !/\bcollate\b/i.test(text);
}

/** Whether the text of a query has the name of a table. */
function names({ parts }: Pick<Query, 'parts'>, table: string): boolean {
  const name = table.replace(/[^\w]/g, '\\$&');
  return new RegExp(`(?<![\\w$])${name}(?![\\w$])`, 'i').test(parts.join('?'));
}

const MIXED =
  'not found, but by a session without the settings of smmap: a pooler such as PgBouncer mixes sessions; ' +
  'use its session mode';
const OLD_INDEXES =
  'not found, but the collation has another version than the database, so an index may miss a name: ' +
  'run REINDEX DATABASE, then ALTER DATABASE and ALTER COLLATION with REFRESH COLLATION VERSION';
const ODD_CASE =
  "not found, but in the locale of this database lower('I') is not i, so capitals may be missed: " +
  'store names in lower case and compare them without lower(), or write lower(... collate "C")';
const SUBSCRIBED =
  'not found or not active in a table that a subscription fills, and which may lag: list its publisher in url too';
