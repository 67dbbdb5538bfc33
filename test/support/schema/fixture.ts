import type { Dialect } from '../../../src/store/driver/sql/query.ts';
import type { SchemaName } from '../../../src/store/driver/sql/schema.ts';

/** What a mail system's database looks like, what is in this one, and what is to be found in it. */
export interface Fixture {
  readonly name: SchemaName;
  /** Restated from where the file says, with the columns that count. */
  readonly definitions: Readonly<Partial<Record<Dialect, readonly string[]>>>;
  /** What we advise to make besides. */
  readonly indexes?: Readonly<Partial<Record<Dialect, readonly string[]>>>;
  /** In the SQL that its databases have in common. */
  readonly rows: readonly string[];
  /** Much more; `{numbers}` are the numbers n from 1. */
  readonly many: readonly string[];
  /** All that an account has to read. */
  readonly reads: Readonly<Record<string, readonly string[]>>;
  readonly expectations: readonly Expectation[];
}

/** A sentence, what is asked, and what is answered: a state, targets, a class; null: certainly nothing; `doubt`. */
export type Expectation = readonly [string, 'mailbox' | 'exact mailbox' | 'alias' | 'domain', string, Expected];
export type Expected = string | null | Readonly<Partial<Record<Dialect, string | null>>>;

/** Of who stores lower case alone: capitals are found where the database compares so, as by the mail system itself. */
export const ONLY_MYSQL = (found: string): Expected => ({ mysql: found, postgresql: null, sqlite: null });

/** What a column's character set does not have cannot be compared with it in MySQL, without a look at each row. */
export const BEYOND_MYSQL: Expected = { mysql: 'doubt', postgresql: null, sqlite: null };
