import { isIP } from 'node:net';
import { isLoopback } from '../socket/listener.ts';
import { parseLdapUrl } from '../store/driver/ldap/connection.ts';
import { parseUrl as parseMysqlUrl } from '../store/driver/mysql/statement.ts';
import { parseUrl as parsePostgresqlUrl } from '../store/driver/postgresql/statement.ts';
import type { StoreConfig } from './config.ts';

/** A store that sends a password or a token over a network without TLS. */
export interface Clear {
  readonly hosts: readonly string[];
  /** How it is encrypted, as the end of a sentence that begins with "use". */
  readonly remedy: string;
}

/** Other machines to which a store sends a secret in clear, or by a connection that anybody on the way can take over; null: none. */
export function sentInClear(store: StoreConfig): Clear | null {
  const [hosts, remedy] = hostsOf(store);
  const others = [...new Set(hosts.filter(isElsewhere))];
  return others.length === 0 ? null : { hosts: others, remedy };
}

/** The hosts that are told a secret without TLS. */
function hostsOf(store: StoreConfig): readonly [readonly string[], string] {
  switch (store.driver) {
    case 'postgresql':
    case 'mysql': {
      const isSecret = store.passwordFile !== null && store.tls === null;
      return [isSecret ? store.urls.map(store.driver === 'mysql' ? mysqlHost : postgresqlHost) : [], 'tls = {}'];
    }
    case 'ldap': {
      const isSecret = store.bind.kind === 'simple' && !store.startTls;
      return [isSecret ? [...store.urls, ...store.replicas].map(ldapHost) : [], 'ldaps://, or start_tls = true'];
    }
    case 'redis': {
      const isSecret = store.passwordFile !== null && store.tls === null;
      return [isSecret ? redisHosts(store.servers) : [], 'rediss://, or tls = {}'];
    }
    case 'http': {
      const isSecret = store.tokenFile !== null || Object.keys(store.headers).some((name) => SECRET.test(name));
      const urls = Object.values(store.requests).map(({ url }) => url);
      const plain = urls.filter(({ secure, socket }) => !secure && socket === null);
      return [isSecret ? plain.map(({ host }) => host) : [], 'https://'];
    }
    case 'embedded':
    case 'memory':
    case 'sqlite':
      return [[], ''];
  }
}

const SECRET = /authorization|cookie|token|key|secret|password/i; // names of header fields that have one

function postgresqlHost(url: string): string {
  const read = parsePostgresqlUrl(url);
  return 'flaw' in read ? '' : read.host;
}

function mysqlHost(url: string): string {
  const read = parseMysqlUrl(url);
  return 'flaw' in read || read.path !== null ? '' : read.host;
}

function ldapHost(url: string): string {
  const read = parseLdapUrl(url);
  return 'flaw' in read || read.secure || read.path !== null ? '' : read.host;
}

function redisHosts(servers: Extract<StoreConfig, { driver: 'redis' }>['servers']): readonly string[] {
  if (servers.kind === 'cluster') return servers.nodes.map(({ host }) => host);
  if (servers.kind === 'sentinel') return servers.sentinels.map(({ host }) => host);
  const { protocol, hostname } = new URL(servers.url);
  return protocol === 'redis:' ? [hostname.replace(/^\[(.*)\]$/, '$1')] : [];
}

/** Whether a host is another machine; a Unix socket, which is a path or nothing, is on this one. */
function isElsewhere(host: string): boolean {
  if (host === '' || host.startsWith('/') || host.toLowerCase() === 'localhost') return false;
  return isIP(host) === 0 || !isLoopback(host);
}
