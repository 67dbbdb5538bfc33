import type { StoredRecord } from '../record/record.ts';
import type { Schema } from '../toml/type.ts';
import type { About, Maybe, Question } from '../vocabulary.ts';
import type { Brake } from './brake.ts';
import type { Availability } from './guard/breaker.ts';
import type { CacheOptions } from './guard/cache.ts';
import type { Canary, Proof } from './guard/canary.ts';
import type { Lister } from './guard/warm.ts';
import type { Bulk, Store } from './store.ts';

/**
 * A `[store.NAME]` of the configuration, after it was checked. It is plain data, so two of them can be compared: at a
 * reload, a store stays open if its configuration stays the same. Each driver adds what it needs.
 */
export interface StoreConfig {
  readonly driver: string;
  /** The canaries of a store that others fill: by what they are about (`mailbox`), or by `key TABLE` for a table. */
  readonly canary?: ReadonlyMap<string, readonly Canary[]>;
}

/** What the guards of a store need if it is a server, or several servers with the same data. */
export interface ServerConfig extends StoreConfig {
  readonly canary: ReadonlyMap<string, readonly Canary[]>;
  /** For one question to one server. */
  readonly timeoutMs: number;
  /** The most questions in one batch. */
  readonly batch: number;
  /** How many connections to each server; so many batches are under way at once. */
  readonly connections: number;
  readonly cache: CacheConfig | null;
}

export type CacheConfig = CacheOptions & {
  /** Where the store itself reports its changes: a channel of PostgreSQL, or `keyspace` of Redis; null: nowhere. */
  readonly events: string | null;
  /** Whether the store is asked for lists of its mailboxes. */
  readonly warm: boolean;
  /** How long after the begin of a list the next one begins; null: half of positiveMs. */
  readonly warmEveryMs: number | null;
};

/**
 * A kind of store. It declares itself in the file keys.ts of its folder, and has a line in drivers.ts. To ask it about
 * its options opens nothing. `load` and `open` load its file driver.ts, the only one that imports its package.
 */
export interface Driver<C extends StoreConfig = StoreConfig> {
  /** The keys that its `[store.NAME]` may have, and the configuration that they become. */
  readonly keys: Schema<C>;
  /** The npm package that it needs; null: it needs none. */
  readonly package: string | null;
  /** Whether a store can be asked such a question. It may then answer that the entry is absent. */
  answers(config: C, question: Question): boolean;
  /**
   * Whether a store needs a canary for such a question. `needed`: only a canary can tell a true absence from a store
   * that was emptied or is asked in the wrong place: a configuration without one is refused. `wise`: `smmap check`
   * warns.
   */
  canary(config: C, question: Question): 'needed' | 'wise' | 'not needed';
  /** Whether a store can say only that an entry exists, while the question (alias, key of a table) needs its value. */
  lacksValue?(config: C, question: Question): boolean;
  /** The hosts that get a password or a token without TLS. */
  secretsInClear?(config: C): InClear;
  /** The `[store.NAME]` of a file without the secrets that stand in it. */
  hideSecrets?(table: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** What an administrator can do about a failure of a store, such as the right to grant. Null: unknown. */
  advice?(config: C, failure: Failure): Advice | null;
  /** The files and folders on this machine that a store needs. */
  files?(config: C): readonly StoreFile[];
  /** What an administrator should know about the contents of a store. For `smmap check --stores`. */
  remarks?(config: C): Promise<readonly Remark[]>;
  /** For a driver whose records smmap can list. */
  readonly records?: Listing<C>;
  /** Loads its package, to see whether that works. Rejects with MissingPackageError or any other error of loading. */
  load(): Promise<unknown>;
  /** Does not fail if the store is unavailable: then its lookups fail. */
  open(config: C, events: DriverEvents): Promise<Opened>;
}

/** Why a store could not answer: the message of the driver, and the code that the server or the system gave. */
export interface Failure {
  readonly message: string;
  /** A SQLSTATE, a number of an error of MySQL, an errno such as ECONNREFUSED; "canary" if the canary is absent. Or "". */
  readonly code: string;
}

export interface Advice {
  readonly remedy: string;
  /** Lines to copy. */
  readonly commands: readonly string[];
}

/** Something odd in a store, which is no failure. */
export interface Remark {
  readonly reason: string;
  readonly remedy: string;
}

/** A file or folder that a store needs, and what the daemon does with it. */
export interface StoreFile {
  /** The key of the configuration that names it. */
  readonly key: string;
  readonly path: string;
  /** A secret is for nobody else. A record file may be missing: `smmap store create` makes it. */
  readonly kind: 'secret' | 'folder' | 'file' | 'record file';
  readonly right: 'read' | 'write';
}

/** Hosts that get a password or a token without TLS. */
export interface InClear {
  readonly hosts: readonly string[];
  /** How to encrypt the connection: the end of a sentence that begins with "use". */
  readonly remedy: string;
}

/** The kinds of record that a store can list. Domains are not among them: a store has more of them than were written. */
export type Listed = Exclude<About, 'domain'>;

/** The records of a store that smmap can list. */
export interface Listing<C> {
  /** Why the records cannot be listed now, or null. */
  missing(config: C): string | null;
  /** All of a kind. `table` is the table of keys, and "" for the others. */
  all(config: C, about: Listed, table: string): Iterable<StoredRecord> | AsyncIterable<StoredRecord>;
}

/** What a driver reports of its store. */
export interface DriverEvents {
  /**
   * There are far fewer records of a kind (`mailbox`, `alias`, `domain`, `key NAME` for a table) than before. `isHeld`: the
   * new list is held back, and the one before is in use.
   */
  shrank(kind: string, before: number, after: number, isHeld: boolean): void;
  /** How many records there are of each kind now. Null: the store does not know. */
  counted(counts: ReadonlyMap<string, number> | null): void;
}

/** What a driver opens. open.ts puts the guards around it. */
export type Opened =
  | { readonly store: Store }
  /** A store in a file. It is opened again when it is lost. */
  | { readonly reopen: () => Store }
  /** A store that reports itself when it cannot be believed. Resolves when it has begun to answer, or cannot. */
  | { readonly start: (events: Availability) => Promise<Store & { readonly brake?: Brake }> }
  /** Servers with the same data, in the order in which they are asked. */
  | {
      readonly servers: readonly Server[];
      readonly guards: ServerConfig;
      /** Whether the driver itself asks for the canaries beside each absence (proof.ts). Default: the guard does. */
      readonly proves?: boolean | Proof;
      /** Whether the store can certainly not hold such an entry, so that no server has to be asked for it. */
      readonly cannotHold?: (question: Question) => boolean;
      /** If the store has a list that it may hold back. */
      readonly brake?: Brake;
      /** Calls `changed` for each change that the store reports: an address, a domain, a key, or null for all. */
      watch?(events: string, changed: (what: string | null) => void): Watching;
      /** Lists the mailboxes that take mail, for a warm cache. */
      list?(): Lister;
    };

/** One server of a store. */
export interface Server {
  /** For the log: host and port, without user and password. */
  readonly name: string;
  readonly bulk: Bulk;
}

/** Watches a store for changes until it is closed. */
export interface Watching {
  close(): Maybe<void>;
}
