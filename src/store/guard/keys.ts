import { type Context, complain, optional, parsedBy, section, text, wholeNumber, z } from '../../toml/type.ts';
import * as value from '../../toml/value.ts';
import type { Question } from '../../vocabulary.ts';
import type { CacheConfig } from '../driver.ts';
import type { Canary } from './canary.ts';

/** The keys of the guards, which keep an outage of a store from becoming a refusal. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ADDRESS = 'an address, such as "postmaster@example.org"';

const canary = z
  .strictObject({
    mailbox: parsedBy(ADDRESS, value.addressOf).optional(),
    alias: parsedBy(ADDRESS, value.addressOf).optional(),
    domain: parsedBy('a domain, such as "example.org"', value.domain).optional(),
    tables: z.record(z.string(), text('a key of that table')).default({}).describe('{ access = "example.com" }'),
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
const NOBODY_HAS = 'smmap-canary-that-is-not'; // must be absent

const cache = optional(
  section({
    positive_ms: wholeNumber(1, 30 * DAY_MS, 300_000, 'milliseconds'),
    negative_ms: wholeNumber(1, HOUR_MS, 10_000, 'milliseconds'),
    failure_ms: wholeNumber(0, 60_000, 1_000, 'milliseconds'),
    stale_ms: wholeNumber(0, 30 * DAY_MS, DAY_MS, 'milliseconds'),
    entries: wholeNumber(100, 10_000_000, 100_000, 'entries'),
    events: optional(text('a channel of PostgreSQL, or "keyspace" for Redis')),
  }),
).describe('{ positive_ms = 300_000 }, or {} for its defaults');

/** The keys of every store. */
export const storeKeys = { driver: z.string() };

/** The keys of every store that others fill. */
export const contentKeys = { ...storeKeys, canary };

/** The keys of every store that is a server. */
export const serverKeys = {
  ...contentKeys,
  cache,
  timeout_ms: wholeNumber(10, 60_000, 1_500, 'milliseconds'),
  batch: wholeNumber(1, 1_000, 100, 'questions'),
  connections: wholeNumber(1, 100, 2, 'connections'),
};

/** What a driver accepts as `events`: any name, this one word, or nothing. */
type Events = 'a channel' | 'keyspace' | 'nothing';

/** Adds a mistake if the driver cannot report its changes as `cache.events` says. */
export function checkEvents(caching: CacheConfig | null, takes: Events, context: Context): void {
  const events = caching?.events ?? null;
  if (events === null || takes === 'a channel' || events === takes) return;
  const remedy = takes === 'nothing' ? 'remove it: this driver reports no changes' : `give "${takes}", or remove it`;
  complain(context, [{ key: 'cache.events', reason: `is "${events}"`, remedy }]);
}
