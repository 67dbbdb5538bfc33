import { type Layout, type WrittenLayout, parseLayout } from './layout.ts';
import { QUERIES, type QueryName } from '../../asked.ts';
import type { RedisConfig, StoreConfig } from '../../../config/config.ts';
import { type Context, complain, oneOf, parsedBy, text, z, type Mistake } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import { guardsOf, passwordFile, serverKeys, tls } from '../../guard/keys.ts';

/** Redis and Valkey: where they are, and where in them what is. */

const host = parsedBy('a host and a port, such as "redis1.example.org:6379"', value.hostPort);
const NAME = 'a name with parameters, such as "mailbox:{address}"';
const layout = z
  .union([
    z.strictObject({ set: text(NAME), member: text(NAME) }),
    z.strictObject({ hash: text(NAME), field: text(NAME) }),
    z.strictObject({ key: text(NAME), as: oneOf(['string', 'hash'], 'string') }),
  ])
  .optional()
  .describe('{ set = "mailboxes", member = "{address}" }, { hash = ..., field = ... } or { key = ..., as = "string" }');

export const redis = z
  .strictObject({
    driver: z.string(),
    url: parsedBy('a URL, such as "redis://127.0.0.1:6379" or "unix:///run/redis/redis.sock"', (raw) =>
      value.url(raw, parseRedisUrl),
    ).optional(),
    sentinels: z.array(host).min(1).optional().describe('hosts and ports of the Sentinels, in a list'),
    master: text('the name of the master that the Sentinels watch').optional(),
    cluster: z.array(host).min(1).optional().describe('hosts and ports of some nodes of the cluster, in a list'),
    username: text('the name of a user').optional(),
    password_file: passwordFile,
    tls,
    database: z.int().min(0).max(1_000_000).default(0).describe('the number of a database'),
    ...(Object.fromEntries(QUERIES.map((name) => [name, layout])) as Record<QueryName, typeof layout>),
    ...serverKeys,
  })
  .transform((raw, context): StoreConfig => ({
    driver: 'redis',
    servers: serversOf(raw, context),
    username: raw.username ?? null,
    passwordFile: raw.password_file ?? null,
    tls: raw.tls ?? null,
    database: raw.database,
    layouts: layoutsOf(raw, context),
    guards: guardsOf(raw, raw.cluster === undefined ? 'keyspace' : 'nothing', context),
  }));

interface ServerKeys {
  readonly url?: string | undefined;
  readonly sentinels?: readonly value.HostPort[] | undefined;
  readonly master?: string | undefined;
  readonly cluster?: readonly value.HostPort[] | undefined;
  readonly database: number;
}

function serversOf(raw: ServerKeys, context: Context): RedisConfig['servers'] {
  const { url = '', sentinels, master, cluster } = raw;
  const given = (['url', 'sentinels', 'cluster'] as const).filter((key) => raw[key] !== undefined);
  const mistakes: Mistake[] = [];
  if (given.length !== 1) {
    const reason = given.length === 0 ? 'has no server' : `has ${given.join(' and ')}`;
    mistakes.push({ key: '', reason, remedy: 'give one of url, sentinels and cluster' });
  }
  if ((sentinels === undefined) !== (master === undefined)) {
    const remedy = 'give both: the Sentinels, and the name of the master that they watch';
    const key = master === undefined ? 'master' : 'sentinels';
    mistakes.push({ key, reason: 'is missing', remedy });
  }
  if (cluster !== undefined && raw.database !== 0) {
    mistakes.push({ key: 'database', reason: `is ${raw.database}, and a cluster has only 0`, remedy: 'remove it' });
  }
  complain(context, mistakes);
  if (sentinels !== undefined) return { kind: 'sentinel', sentinels, name: master ?? '' };
  return cluster === undefined ? { kind: 'single', url } : { kind: 'cluster', nodes: cluster };
}

function layoutsOf(
  raw: { readonly [name in QueryName]?: WrittenLayout | undefined },
  context: Context,
): RedisConfig['layouts'] {
  const mistakes: Mistake[] = [];
  const layouts = new Map<QueryName, Layout>();
  for (const name of QUERIES) {
    const written = raw[name];
    if (written === undefined) continue;
    const read = parseLayout(name, written);
    if ('flaw' in read) {
      mistakes.push({ key: name, reason: read.flaw, remedy: 'see docs/stores.md for what it may be' });
    } else {
      layouts.set(name, read);
    }
  }
  if (mistakes.length === 0 && layouts.size === 0) {
    mistakes.push({ key: '', reason: 'has nothing to look up', remedy: `give it one of ${QUERIES.join(', ')}` });
  }
  complain(context, mistakes);
  return Object.fromEntries(layouts);
}

/** The user and the password have keys of their own. */
function parseRedisUrl(raw: string): { readonly flaw?: string } {
  const flaw = { flaw: 'is no redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH' };
  if (!URL.canParse(raw)) return flaw;
  const { protocol, hostname, pathname, username, password, search } = new URL(raw);
  if (username !== '' || password !== '') return { flaw: 'has a user or a password; give it by itself' };
  if (protocol === 'unix:') return hostname === '' && pathname.length > 1 && search === '' ? {} : flaw;
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^\/?$/.test(pathname) && search === '' ? {} : flaw;
}
