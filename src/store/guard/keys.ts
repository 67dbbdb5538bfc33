import { type Context, complain, optional, parsedBy, section, text, wholeNumber, yesOrNo, z } from '../../toml/type.ts';
import * as value from '../../toml/value.ts';
import type { Question } from '../../vocabulary.ts';
import type { Canary } from './canary.ts';

/** The keys of the guards, which keep an outage of a store from becoming a refusal. */

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const ADDRESS = 'an address, such as "postmaster@example.org"';

const canary = z
  .strictObject({
    mailbox: oneOrMore(parsedBy(ADDRESS, value.addressOf)).optional(),
    alias: oneOrMore(parsedBy(ADDRESS, value.addressOf)).optional(),
    domain: oneOrMore(parsedBy('a domain, such as "example.org"', value.domain)).optional(),
    tables: z
      .record(oneOrMore(text('a key of that table')))
      .default({})
      .describe('{ access = "example.com" }'),
  })
  .default({ tables: {} })
  .describe('{ mailbox = "postmaster@example.org" }')
  .transform((raw): ReadonlyMap<string, readonly Canary[]> => {
    const canaries = new Map<string, readonly Canary[]>();
    const add = <T>(
      kind: string,
      present: readonly T[] | undefined,
      absentOf: (present: T) => T,
      ask: (what: T) => Question,
    ) => {
      if (present === undefined) return;
      canaries.set(
        kind,
        present.map((each) => ({ present: ask(each), absent: ask(absentOf(each)) })),
      );
    };
    const nobodyIn = ({ domain }: { readonly domain: string }) => ({ local: NOBODY_HAS, domain });
    add('mailbox', raw.mailbox, nobodyIn, (whose) => ({ about: 'mailbox', ...EXACTLY, ...whose }));
    add('alias', raw.alias, nobodyIn, (whose) => ({ about: 'alias', exact: false, ...whose }));
    add(
      'domain',
      raw.domain,
      () => `${NOBODY_HAS}.invalid`,
      (domain) => ({ about: 'domain', domain }),
    );
    for (const [table, keys] of Object.entries(raw.tables)) {
      add(
        `key ${table}`,
        keys,
        () => NOBODY_HAS,
        (key) => ({ about: 'key', table, key, exact: false }),
      );
    }
    return canaries;
  });

/** One value, or several in a list. */
function oneOrMore<Out, In>(one: z.Schema<Out, In>) {
  const description = one.description ?? '';
  return z.union([one.transform((each) => [each]), z.array(one).min(1)]).describe(description);
}

const EXACTLY = { exact: false, folder: null, anyCase: false } as const;
/** The local part of a mailbox or alias that must be absent. */
export const NOBODY_HAS = 'smmap-canary-that-is-not';

/** How long answers are kept by default. */
interface Lives {
  readonly positiveMs: number;
  readonly negativeMs: number;
  readonly staleMs: number;
}

/** The keys of a cache, with the defaults of a driver. An absence may be kept for an hour, or as long as by default. */
export function cacheKeys({ positiveMs, negativeMs, staleMs }: Lives) {
  return {
    positive_ms: wholeNumber(1, 31 * DAY_MS, positiveMs, 'milliseconds'),
    negative_ms: wholeNumber(1, Math.max(HOUR_MS, negativeMs), negativeMs, 'milliseconds'),
    failure_ms: wholeNumber(0, 60_000, 1_000, 'milliseconds'),
    stale_ms: wholeNumber(0, 31 * DAY_MS, staleMs, 'milliseconds'),
    entries: wholeNumber(100, 10_000_000, 100_000, 'entries'),
    events: optional(text('a channel of PostgreSQL, or "keyspace" for Redis')),
    warm: yesOrNo(false),
    warm_every_ms: optional(
      z
        .int()
        .min(1_000)
        .max(31 * DAY_MS),
    ).describe(`milliseconds, from 1000 to ${31 * DAY_MS}`),
  };
}

const USUAL_LIVES: Lives = { positiveMs: 300_000, negativeMs: 10_000, staleMs: DAY_MS };
const CACHE = '{ positive_ms = 300_000 }, or {} for its defaults';

/** The keys of every store. */
export const storeKeys = { driver: z.string() };

/** The keys of every store that others fill. */
export const contentKeys = { ...storeKeys, canary };

/** The keys of every store that is a server. It reports no changes. */
export const serverKeys = {
  ...contentKeys,
  cache: optional(section(cacheKeys(USUAL_LIVES), refuseEventsAndWarm)).describe(CACHE),
  timeout_ms: wholeNumber(10, 60_000, 1_500, 'milliseconds'),
  batch: wholeNumber(1, 1_000, 100, 'questions'),
  connections: wholeNumber(1, 100, 2, 'connections'),
};

/** The keys of a server that reports its changes, as `cache.events` says. */
export const watchedKeys = {
  ...serverKeys,
  cache: optional(section(cacheKeys(USUAL_LIVES), refuseWarm)).describe(CACHE),
};

/** The keys of a server that can list its mailboxes, as `cache.warm` says. */
export const listedKeys = {
  ...serverKeys,
  cache: optional(
    section(cacheKeys(USUAL_LIVES), (raw, context) => {
      refuseEvents(raw, context);
      checkWarm(raw, context);
    }),
  ).describe(CACHE),
};

/** The keys of a server that can do both. */
export const listedAndWatchedKeys = {
  ...serverKeys,
  cache: optional(section(cacheKeys(USUAL_LIVES), checkWarm)).describe(CACHE),
};

/** Adds a mistake for what `cache` of most servers cannot have. */
export function refuseEventsAndWarm(raw: { readonly events: string | null } & WarmKeys, context: Context): void {
  refuseEvents(raw, context);
  refuseWarm(raw, context);
}

interface WarmKeys {
  readonly warm: boolean;
  readonly warm_every_ms: number | null;
  readonly positive_ms: number;
}

function refuseWarm(raw: WarmKeys, context: Context): void {
  if (!raw.warm) return checkWarm(raw, context);
  complain(context, [{ key: 'warm', reason: 'is true, but this driver cannot list who exists', remedy: 'remove it' }]);
}

function checkWarm({ warm, warm_every_ms: everyMs, positive_ms: positiveMs }: WarmKeys, context: Context): void {
  if (everyMs === null) return;
  if (!warm) {
    const reason = `is ${everyMs}, but warm is not true`;
    complain(context, [{ key: 'warm_every_ms', reason, remedy: 'set warm = true, or remove it' }]);
  } else if (everyMs >= positiveMs) {
    const reason = `is ${everyMs}, so a list is older than positive_ms (${positiveMs}) when the next one begins`;
    complain(context, [{ key: 'warm_every_ms', reason, remedy: 'give less, or a longer positive_ms' }]);
  }
}

/** Adds a mistake for `cache.events` of a server that reports no changes. */
function refuseEvents({ events }: { readonly events: string | null }, context: Context): void {
  const remedy = 'remove it: this driver reports no changes';
  if (events !== null) complain(context, [{ key: 'events', reason: `is "${events}"`, remedy }]);
}
