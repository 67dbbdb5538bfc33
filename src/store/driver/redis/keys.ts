import { parseHostPort, withoutBrackets } from '../../../endpoint.ts';
import {
  type Context,
  complain,
  type Mistake,
  oneOf,
  optional,
  parsedBy,
  type Read,
  section,
  text,
  z,
} from '../../../toml/type.ts';
import { forEachQuery, QUERIES, type QueryName, queryNameOf } from '../../asked.ts';
import type { CacheConfig, Driver } from '../../driver.ts';
import { watchedKeys } from '../../guard/keys.ts';
import { secretFile, secretFiles, secretIn, tls, url, type UrlFlaw } from '../../server.ts';
import { advice } from './advice.ts';
import { type Layout, type WrittenLayout, parseLayout } from './layout.ts';
import type { Host, RedisServers } from './link.ts';
import type { Layouts } from './plan.ts';

/** The keys of a Redis store: its servers, and the layouts of its data. */

const host = parsedBy('a host and a port, such as "redis1.example.org:6379"', (raw): Host => parseHostPort(raw));
const NAME = 'a name with parameters, such as "mailbox:{address}"';
const layout = optional(
  z.union([
    z.strictObject({ set: text(NAME), member: text(NAME) }),
    z.strictObject({ hash: text(NAME), field: text(NAME) }),
    z.strictObject({ key: text(NAME), as: oneOf(['string', 'hash'], 'string') }),
  ]),
).describe('{ set = "mailboxes", member = "{address}" }, { hash = ..., field = ... } or { key = ..., as = "string" }');

const keys = section({
  url: optional(url(parseRedisUrl, 'redis://127.0.0.1:6379', ' or "unix:///run/redis/redis.sock"')),
  sentinels: optional(z.array(host).min(1).describe('hosts and ports of the Sentinels, in a list')),
  master: optional(text('the name of the master that the Sentinels watch')),
  cluster: optional(z.array(host).min(1).describe('hosts and ports of some nodes of the cluster, in a list')),
  username: optional(text('the name of a user')),
  password_file: secretFile,
  tls,
  database: z.int().min(0).max(1_000_000).default(0).describe('the number of a database'),
  ...forEachQuery(layout),
  ...watchedKeys,
}).transform((raw, context) => {
  const servers = serversOf(raw, context);
  const layouts = layoutsOf(raw, context);
  return { ...raw, servers, layouts };
});

/** The configuration of a Redis store. */
export type RedisConfig = Read<typeof keys>;

/** The driver for Redis and Valkey. */
export const redis: Driver<RedisConfig> = {
  package: 'ioredis',
  keys,
  answers: ({ layouts }, question) => layouts[queryNameOf(question)] !== undefined,
  // A set or hash exists as long as it has a member. With a key for each entry, only a canary shows that all are lost.
  canary: ({ layouts }, question) => (layouts[queryNameOf(question)]?.kind === 'key' ? 'needed' : 'not needed'),
  lacksValue: ({ layouts }, question) => layouts[queryNameOf(question)]?.kind === 'set',
  secretsInClear: ({ servers, passwordFile, tls: secure }) => ({
    hosts: passwordFile !== null && secure === null ? machinesOf(servers) : [],
    remedy: 'rediss://, or tls = {}',
  }),
  files: ({ passwordFile }) => secretFiles('password_file', passwordFile),
  advice,
  load: () => import('./driver.ts'),
  async open(config) {
    const { createRedis, watchRedis } = await import('./driver.ts');
    const options = { ...config, password: secretIn(config.passwordFile) };
    return {
      servers: [{ name: 'redis', bulk: createRedis(options) }],
      guards: config,
      watch: (_, changed) => watchRedis(options, changed),
    };
  },
};

function machinesOf(servers: RedisServers): readonly string[] {
  if (servers.kind === 'cluster') return servers.nodes.map((node) => node.host);
  if (servers.kind === 'sentinel') return servers.sentinels.map((sentinel) => sentinel.host);
  const { protocol, hostname } = new URL(servers.url);
  return protocol === 'redis:' ? [withoutBrackets(hostname)] : [];
}

interface ServerKeys {
  readonly url: string | null;
  readonly sentinels: readonly Host[] | null;
  readonly master: string | null;
  readonly cluster: readonly Host[] | null;
  readonly database: number;
  readonly cache: CacheConfig | null;
}

function serversOf(raw: ServerKeys, context: Context): RedisServers {
  const { sentinels, master, cluster, database, cache } = raw;
  const events = cache?.events ?? null;
  const given = (['url', 'sentinels', 'cluster'] as const).filter((key) => raw[key] !== null);
  const mistakes: Mistake[] = [];
  if (given.length !== 1) {
    const reason = given.length === 0 ? 'has no server' : `has ${given.join(' and ')}`;
    mistakes.push({ key: '', reason, remedy: 'give exactly one of url, sentinels, cluster' });
  }
  if ((sentinels === null) !== (master === null)) {
    const remedy = 'give both sentinels and master, the name of the master that they watch';
    const key = master === null ? 'master' : 'sentinels';
    mistakes.push({ key, reason: 'is missing', remedy });
  }
  if (cluster !== null && database !== 0) {
    mistakes.push({ key: 'database', reason: `is ${database}, but a cluster has only 0`, remedy: 'remove it' });
  }
  if (events !== null && (cluster !== null || events !== 'keyspace')) {
    const remedy = cluster === null ? 'give "keyspace", or remove it' : 'remove it: a cluster reports no changes';
    mistakes.push({ key: 'cache.events', reason: `is "${events}"`, remedy });
  }
  complain(context, mistakes);
  if (sentinels !== null) return { kind: 'sentinel', sentinels, name: master ?? '' };
  return cluster === null ? { kind: 'single', url: raw.url ?? '' } : { kind: 'cluster', nodes: cluster };
}

/** A layout for each kind of question. */
const EXAMPLES: Readonly<Record<QueryName, string>> = {
  mailbox: '{ set = "mailboxes", member = "{address}" }',
  folder: '{ set = "folders:{address}", member = "{detail}" }',
  alias: '{ hash = "aliases", field = "{address}" }',
  domain: '{ hash = "domains", field = "{domain}" }',
  key: '{ hash = "table:{table}", field = "{key}" }',
};

function layoutsOf(raw: { readonly [name in QueryName]: WrittenLayout | null }, context: Context): Layouts {
  const mistakes: Mistake[] = [];
  const layouts = new Map<QueryName, Layout>();
  for (const name of QUERIES) {
    const written = raw[name];
    if (written === null) continue;
    const read = parseLayout(name, written);
    if ('flaw' in read) {
      mistakes.push({ key: name, reason: read.flaw, remedy: `give a layout such as ${EXAMPLES[name]}` });
    } else {
      layouts.set(name, read);
    }
  }
  if (mistakes.length === 0 && layouts.size === 0) {
    mistakes.push({ key: '', reason: 'has no layout', remedy: `give at least one of ${QUERIES.join(', ')}` });
  }
  complain(context, mistakes);
  return Object.fromEntries(layouts);
}

/** Checks a URL. It must not contain a user or a password, which have their own keys. */
function parseRedisUrl(raw: string): UrlFlaw | object {
  const flaw = { flaw: 'is not of the form redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH' };
  if (!URL.canParse(raw)) return flaw;
  const { protocol, hostname, pathname, username, password, search } = new URL(raw);
  if (username !== '' || password !== '')
    return { flaw: 'has a user or a password', remedy: 'use the keys username and password_file' };
  if (protocol === 'unix:') return hostname === '' && pathname.length > 1 && search === '' ? {} : flaw;
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^\/?$/.test(pathname) && search === '' ? {} : flaw;
}
