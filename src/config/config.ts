import type { AliasOptions } from '../map/chain.ts';
import type { DomainOptions } from '../map/domain.ts';
import type { MailboxOptions } from '../map/mailbox.ts';
import type { TableOptions } from '../map/table.ts';
import type { Protocol } from '../protocol/framing.ts';
import type { ClientLimits } from '../socket/clients.ts';
import type { Limits } from '../socket/connection.ts';
import type { Binding } from '../socket/listener.ts';
import type { CacheOptions } from '../store/guard/cache.ts';
import type { Canary } from '../store/guard/canary.ts';
import type { HttpOptions } from '../store/driver/http/driver.ts';
import type { RedisOptions } from '../store/driver/redis/driver.ts';
import type { LdapSearches } from '../store/driver/ldap/search.ts';
import type { StoredRecord } from '../record/record.ts';
import type { Queries } from '../store/driver/sql/query.ts';
import type { TlsOptions } from '../store/tls.ts';
import type { Mistake } from '../toml/type.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** What the daemon runs on, checked and complete. */
export interface Config {
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] };
  readonly limits: Limits & ClientLimits & { readonly stopMs: number; readonly handoverMs: number };
  readonly listeners: ReadonlyMap<string, ListenerConfig>;
  /** Where `smmap stores` and `smmap cache` ask; null where no listener has a path that it could be beside. */
  readonly control: ControlConfig | null;
  readonly stores: ReadonlyMap<string, StoreConfig>;
  readonly maps: ReadonlyMap<string, MapConfig>;
}

/** A listener of ours, or one that systemd holds and passes in under its FileDescriptorName. */
export type ListenerConfig = { readonly protocol: Protocol } & (
  | Exclude<Binding, { kind: 'inherited' }>
  | { readonly kind: 'systemd'; readonly name: string }
);

export type ControlConfig = Extract<ListenerConfig, { kind: 'unix' }>;

export type StoreConfig =
  | { readonly driver: 'embedded'; readonly path: string }
  | { readonly driver: 'memory'; readonly records: readonly StoredRecord[] }
  | SqlConfig
  | LdapConfig
  | RedisConfig
  | HttpConfig
  | ({ readonly driver: 'sqlite'; readonly path: string; readonly queries: Queries } & Content);

export interface SqlConfig {
  readonly driver: 'postgresql' | 'mysql';
  readonly urls: readonly string[];
  readonly passwordFile: string | null;
  readonly tls: TlsOptions | null;
  readonly queries: Queries;
  readonly guards: Guards;
}

export interface LdapConfig {
  readonly driver: 'ldap';
  readonly urls: readonly string[];
  /** Servers whose absences do not count, since they may lag behind. */
  readonly replicas: readonly string[];
  readonly startTls: boolean;
  readonly tls: TlsOptions | null;
  readonly bind:
    | { readonly kind: 'anonymous' | 'external' }
    | { readonly kind: 'simple'; readonly dn: string; readonly passwordFile: string };
  readonly base: string;
  readonly searches: LdapSearches;
  readonly guards: Guards;
}

export interface RedisConfig extends Pick<RedisOptions, 'servers' | 'username' | 'tls' | 'database' | 'layouts'> {
  readonly driver: 'redis';
  readonly passwordFile: string | null;
  readonly guards: Guards;
}

export interface HttpConfig extends Pick<HttpOptions, 'requests' | 'headers' | 'absent' | 'tls'> {
  readonly driver: 'http';
  readonly tokenFile: string | null;
  readonly guards: Guards;
}

/** What guards a store that others fill. */
export interface Content {
  /** By what they are about, and `key TABLE` for tables. */
  readonly canaries: ReadonlyMap<string, Canary>;
}

/** What guards a store that is a server, or several of the same data. */
export interface Guards extends Content {
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

/** What a map does, by its kind. */
export type MapKind =
  | { readonly kind: 'mailbox'; readonly options: MailboxOptions }
  | { readonly kind: 'alias'; readonly options: AliasOptions }
  | { readonly kind: 'domain'; readonly options: DomainOptions }
  | { readonly kind: 'table'; readonly options: TableOptions };

/** Its stores are asked in this order, each for what it can answer. */
export type MapConfig = { readonly stores: readonly string[] } & MapKind;

/** A configuration that cannot be used. It names every mistake, since nobody wants to find them one start at a time. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    super(mistakes.map(({ key, reason, remedy }) => `${file}: ${key}: ${reason}; ${remedy}`).join('\n'));
    this.mistakes = mistakes;
  }
}
