import { complain, oneOf, optional, parsedBy, section, text, wholeNumber, z } from '../toml/type.ts';
import { LOG_KEYS, LOG_LEVELS } from './config.ts';

/**
 * The sections of the TOML file: each key with its type, its default, and a description that completes the sentence
 * "give ...". The keys are spelled as in the file. Each section is read as its part of Config.
 */

const HOUR_MS = 3_600_000;
const MOST_CONNECTIONS = 1_000_000;

const MOST_WORKERS = 64;

/** The keys that stand before all sections. */
export const process = section({
  workers: z
    .union([z.int().min(1).max(MOST_WORKERS), z.literal(['auto'])])
    .default(1)
    .describe(`a number of processes from 1 to ${MOST_WORKERS}, or "auto" for one on each core`),
});

export const log = z.strictObject({ level: oneOf(LOG_LEVELS, 'info'), keys: oneOf(LOG_KEYS, 'plain') });

export const limits = section(
  {
    request_bytes: wholeNumber(100, 1_000_000, 10_300, 'bytes'), // a key of 10,000, as Postfix sends it, and the map's name
    reply_bytes: wholeNumber(100, 1_000_000, 100_000, 'bytes'), // Postfix refuses a longer one (socketmap_table(5))
    deadline_ms: wholeNumber(1, HOUR_MS, 4_000, 'milliseconds'), // below the 5 s of Exim's readsocket
    unfinished_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    unread_ms: wholeNumber(1, HOUR_MS, 30_000, 'milliseconds'),
    idle_ms: wholeNumber(0, 24 * HOUR_MS, 0, 'milliseconds, or 0 for no limit'),
    stop_ms: wholeNumber(0, 24 * HOUR_MS, 2 * HOUR_MS, 'milliseconds'), // Sendmail ends an idle session after 1 h
    handover_ms: wholeNumber(0, 7 * 24 * HOUR_MS, 24 * HOUR_MS, 'milliseconds'),
    soft_connections: wholeNumber(1, MOST_CONNECTIONS, 12_000, 'connections'),
    hard_connections: wholeNumber(1, MOST_CONNECTIONS, 16_000, 'connections'),
  },
  (raw, context) => {
    if (raw.soft_connections <= raw.hard_connections) return;
    const remedy = 'give less, or raise hard_connections';
    complain(context, [{ key: 'soft_connections', reason: 'is over hard_connections', remedy }]);
  },
);

export const harvest = section({
  names: wholeNumber(0, 1_000_000, 100, 'a number of different names, or 0 for no watch'),
  window_s: wholeNumber(1, 3_600, 60, 'whole seconds'),
});

/**
 * The keys of every `[map.NAME]` of any kind: `kind`, `stores`, which may name some of these stores, and `shadow`: who
 * replies instead of the map. Null: the map itself.
 */
export function mapKeys(allStores: readonly string[]) {
  const names = allStores.join(', ');
  const storeName = parsedBy(`one of ${names}`, (name) => {
    if (!allStores.includes(name)) throw new Error(`there is no store "${name}"`);
    return name;
  });
  return section({
    kind: z.string().optional(),
    stores: optional(z.array(storeName).min(1)).describe(`names of stores: ${names}`),
    shadow: optional(text('"accept", or the name of another map of the same kind')),
  });
}
