import type { StoredRecord } from '../record/record.ts';
import type { Schema } from '../toml/type.ts';
import type { Maybe, Question } from '../vocabulary.ts';
import type { CacheOptions } from './guard/cache.ts';
import type { Canary } from './guard/canary.ts';
import type { Bulk, Store } from './store.ts';

/**
 * A `[store.NAME]` of the configuration, checked. It is plain data, so that two of them can be compared: a store whose configuration
 * stays as it is stays open at a reload. A driver adds what it needs.
 */
export interface StoreConfig {
  readonly driver: string;
  /** Of a store that others fill: by what they are about, and `key TABLE` for tables. */
  readonly canary?: ReadonlyMap<string, Canary>;
}

/** What the guards of a store need that is a server, or several of the same data. */
export interface ServerConfig extends StoreConfig {
  readonly canary: ReadonlyMap<string, Canary>;
  /** Of one question to one server. */
  readonly timeoutMs: number;
  /** The most questions that go as one. */
  readonly batch: number;
  /** To each server; so many batches are under way at once. */
  readonly connections: number;
  readonly cache: CacheConfig | null;
}

export type CacheConfig = CacheOptions & {
  /** Where the store itself tells what has changed: a channel of PostgreSQL, or `keyspace`; null: nowhere. */
  readonly events: string | null;
};

/**
 * A kind of store. It declares itself in the file keys.ts of its folder, and has a line in drivers.ts. What it says about its options
 * is asked without opening anything; `open` loads the file driver.ts, the only one that imports its package.
 */
export interface Driver<C extends StoreConfig = StoreConfig> {
  /** What its `[store.NAME]` may hold, and the configuration that it comes to. */
  readonly keys: Schema<C>;
  /** The npm package that it needs; null: none. */
  readonly package: string | null;
  /** Whether it can be asked such a question; what it answers is another matter. */
  answers(config: C, question: Question): boolean;
  /**
   * Whether only a canary tells an absence from a store that was emptied, or that is asked in the wrong place (`needed`: a
   * configuration without one is refused); or whether one would be better (`wise`: `smmap check` warns).
   */
  canary(config: C, question: Question): 'needed' | 'wise' | 'not needed';
  /** Whether it can only say that something is there, to a question that needs a value: a key of a table, or an alias. */
  lacksValue?(config: C, question: Question): boolean;
  /** The hosts to which it sends a password or token without TLS. */
  secretsInClear?(config: C): InClear;
  /** For a store whose records smmap can list. */
  readonly records?: Listing<C>;
  /** Sees whether its package can be loaded. Rejects with MissingPackageError or any other error of loading it. */
  load(): Promise<unknown>;
  /** Throws nothing because a store is out of reach: its lookups fail then. */
  open(config: C, events: DriverEvents): Promise<Opened>;
}

export interface InClear {
  readonly hosts: readonly string[];
  /** How they would be encrypted, as the end of a sentence that begins with "use". */
  readonly remedy: string;
}

export interface Listing<C> {
  /** Why there is nothing to list, or null. */
  missing(config: C): string | null;
  aliases(config: C): Iterable<StoredRecord> | AsyncIterable<StoredRecord>;
}

export interface DriverEvents {
  /** There is sharply less of a kind of record (`mailbox`, `alias`, `domain`, `key NAME` of a table) than there was. */
  shrank(kind: string, before: number, after: number): void;
}

/** What a driver opens, for open.ts to put the guards around it. */
export type Opened =
  | { readonly store: Store }
  /** A store in a file, that is opened again when it is lost. */
  | { readonly reopen: () => Store }
  /** Servers of the same data, in the order in which they are asked. */
  | {
      readonly servers: readonly Server[];
      readonly guards: ServerConfig;
      /** Tells what the store itself says of its changes: an address, domain or key, or null for all. */
      watch?(events: string, changed: (what: string | null) => void): Watching;
    };

export interface Server {
  /** For the log: host and port, without user and password. */
  readonly name: string;
  readonly bulk: Bulk;
}

export interface Watching {
  close(): Maybe<void>;
}
