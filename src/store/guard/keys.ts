import type { Canary } from './canary.ts';
import type { Question } from '../../vocabulary.ts';
import type { CacheConfig, Guards } from '../../config/config.ts';
import { type Context, complain, parsedBy, text, wholeNumber, yesOrNo, z } from '../../toml/type.ts';
import * as value from '../../toml/value.ts';

/** What keeps an outage of a store from becoming a refusal, and the keys that set it. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ADDRESS = 'an address, such as "postmaster@example.org"';

const canary = z
  .strictObject({
    mailbox: parsedBy(ADDRESS, value.addressOf).optional(),
    alias: parsedBy(ADDRESS, value.addressOf).optional(),
    domain: parsedBy('a domain, such as "example.org"', value.domain).optional(),
    tables: z.record(z.string(), text('a key of it')).default({}).describe('{ access = "example.com" }'),
  })
  .default({ tables: {} })
  .describe('{ mailbox = "postmaster@example.org" }')
  .transform((raw): ReadonlyMap<string, Canary> => {
    const { mailbox, alias, domain } = raw;
    const canaries = new Map<string, Canary>();
    if (mailbox !== undefined) {
      const ask = (local: string): Question => ({ about: 'mailbox', ...EXACTLY, local, domain: mailbox.domain });
      canaries.set('mailbox', { present: ask(mailbox.local), absent: ask(NOBODY_HAS) });
    }
    if (alias !== undefined) {
      const ask = (local: string): Question => ({ about: 'alias', exact: false, local, domain: alias.domain });
      canaries.set('alias', { present: ask(alias.local), absent: ask(NOBODY_HAS) });
    }
    if (domain !== undefined) {
      const ask = (name: string): Question => ({ about: 'domain', domain: name });
      canaries.set('domain', { present: ask(domain), absent: ask(`${NOBODY_HAS}.invalid`) });
    }
    for (const [table, key] of Object.entries(raw.tables)) {
      const ask = (asked: string): Question => ({ about: 'key', table, key: asked, exact: false });
      canaries.set(`key ${table}`, { present: ask(key), absent: ask(NOBODY_HAS) });
    }
    return canaries;
  });

const EXACTLY = { exact: false, folder: null, anyCase: false } as const;
const NOBODY_HAS = 'smmap-canary-that-is-not'; // what has to be absent

const cache = z
  .strictObject({
    positive_ms: wholeNumber(1, 30 * DAY_MS, 300_000, 'milliseconds'),
    negative_ms: wholeNumber(1, HOUR_MS, 10_000, 'milliseconds'),
    failure_ms: wholeNumber(0, 60_000, 1_000, 'milliseconds'),
    stale_ms: wholeNumber(0, 30 * DAY_MS, DAY_MS, 'milliseconds'),
    entries: wholeNumber(100, 10_000_000, 100_000, 'entries'),
    events: text('a channel of PostgreSQL, or "keyspace" for Redis').optional(),
  })
  .transform((raw): CacheConfig => ({
    positiveMs: raw.positive_ms,
    negativeMs: raw.negative_ms,
    failureMs: raw.failure_ms,
    staleMs: raw.stale_ms,
    entries: raw.entries,
    events: raw.events ?? null,
  }))
  .optional()
  .describe('{ positive_ms = 300_000 }, or {} for its defaults');

/** For every store that others fill. */
export const contentKeys = { canary };

/** For every store that is a server. */
export const serverKeys = {
  ...contentKeys,
  cache,
  timeout_ms: wholeNumber(10, 60_000, 1_500, 'milliseconds'),
  batch: wholeNumber(1, 1_000, 100, 'questions'),
  connections: wholeNumber(1, 100, 2, 'connections'),
};

export interface ServerKeys {
  readonly canary: ReadonlyMap<string, Canary>;
  readonly cache?: CacheConfig | undefined;
  readonly timeout_ms: number;
  readonly batch: number;
  readonly connections: number;
}

/** What a driver takes for `events`: any name, its one word, or nothing. */
type Events = 'a channel' | 'keyspace' | 'nothing';

export function guardsOf(raw: ServerKeys, takes: Events, context: Context): Guards {
  const { canary: canaries, cache: caching = null, timeout_ms: timeoutMs, batch, connections } = raw;
  const events = caching?.events ?? null;
  if (events !== null && takes !== 'a channel' && events !== takes) {
    const remedy = takes === 'nothing' ? 'remove it: this driver tells of no changes' : `give "${takes}", or remove it`;
    complain(context, [{ key: 'cache.events', reason: `is "${events}"`, remedy }]);
  }
  return { canaries, cache: caching, timeoutMs, batch, connections };
}

/** How the connection to a server is protected; the files are read now, so that a reload sees new ones. */
export const tls = z
  .strictObject({
    ca: parsedBy('the path of a file in PEM', value.pem).optional(),
    cert: parsedBy('the path of a file in PEM', value.pem).optional(),
    key: parsedBy('the path of a file in PEM', value.pem).optional(),
    server_name: text('the name that its certificate has').optional(),
    verify: yesOrNo(true),
  })
  .transform((raw) => ({
    ca: raw.ca ?? null,
    cert: raw.cert ?? null,
    key: raw.key ?? null,
    serverName: raw.server_name ?? null,
    verify: raw.verify,
  }))
  .optional()
  .describe('{ ca = "/etc/ssl/certs/ca-certificates.crt" }, or {} for the authorities that Node trusts');

/** One URL, or several of the same data in the order in which they are asked; each as its driver reads it. */
export function urls(parse: (text: string) => object, example: string) {
  const url = parsedBy(`a URL, such as "${example}"`, (raw) => value.url(raw, parse));
  return z
    .union([url.transform((one) => [one]), z.array(url).min(1)])
    .describe(`a URL, or several in a list, such as "${example}"`);
}

export const passwordFile = parsedBy('the absolute path of a file', value.absolutePath).optional();
