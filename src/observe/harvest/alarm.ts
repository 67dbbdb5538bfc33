import { type Distinct, createDistinct, estimateOf, mergeInto } from './distinct.ts';

/** Requests for addresses that are absent. */
export interface Misses {
  misses: number;
  readonly names: Distinct;
}

/** None yet. */
export function noMisses(): Misses {
  return { misses: 0, names: createDistinct() };
}

/** Adds other misses. */
export function addMisses(sum: Misses, { misses, names }: Misses): void {
  sum.misses += misses;
  mergeInto(sum.names, names);
}

/** An alarm that lasts, and its misses since it began. */
export interface Lasting extends Misses {
  /** As performance.now() counts. */
  readonly startedAt: number;
}

/** Somebody seems to guess the addresses of a domain. The numbers are those of the windows that are over. */
export interface HarvestAlarm {
  readonly map: string;
  readonly listener: string;
  /** Null: addresses of more domains than are watched one by one. */
  readonly domain: string | null;
  /** Requests for addresses that are absent. */
  readonly misses: number;
  /** How many different addresses these were, estimated. */
  readonly names: number;
  /** Since when, as Date.now() counts. */
  readonly sinceMs: number;
  /** How long it has lasted. */
  readonly forMs: number;
}

/** An alarm as it is now. */
export function alarmOf(
  map: string,
  listener: string,
  domain: string | null,
  { misses, names, startedAt }: Lasting,
): HarvestAlarm {
  const forMs = Math.round(performance.now() - startedAt);
  return { map, listener, domain, misses, names: estimateOf(names), sinceMs: Date.now() - forMs, forMs };
}
