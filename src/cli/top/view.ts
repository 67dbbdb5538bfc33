import type { Counted, MapCounted } from '../../daemon/metrics/counted.ts';
import { type Durations, countOf, durationsSince, quantileMs } from '../../histogram.ts';
import { type Reason, RESULTS, type Result } from '../../observe/counts.ts';
import type { Seen } from './seen.ts';
import { type StoreView, viewOfStore } from './store.ts';

/** How long answers took: the bounds of the classes that hold the quantiles. */
export interface Latency {
  readonly answers: number;
  /** Null: there were no answers. Infinity: longer than every bound. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface MapView {
  readonly name: string;
  readonly perSecond: Readonly<Record<Result, number>> | null;
  readonly sinceStart: Readonly<Record<Result, number>>;
  readonly latency: Latency;
}

export interface ReasonView {
  readonly map: string;
  readonly reply: 'refused' | 'deferred';
  readonly reason: Reason;
  readonly perSecond: number | null;
  readonly sinceStart: number;
}

/** What `smmap top` shows. Numbers per second are null if there is nothing to compare with. */
export interface View {
  readonly version: string;
  readonly upMs: number;
  readonly unhealthy: readonly string[];
  readonly unready: readonly string[];
  readonly connections: number;
  readonly connectionsTurnedAway: number;
  readonly connectionsEnded: number;
  /** Connections that processes still serve which this daemon replaced. */
  readonly connectionsAtReplaced: number;
  readonly stalls: number;
  readonly harvest: Counted['harvest'];
  readonly loopDelay: Latency;
  /** The time of all latencies; null: since the start. */
  readonly latencyOfMs: number | null;
  /** The busiest first. */
  readonly maps: readonly MapView[];
  /** The most frequent in the last second first. */
  readonly reasons: readonly ReasonView[];
  /** Those in trouble first. */
  readonly stores: readonly StoreView[];
  /** How many maps and stores do not fit into a reply of the daemon. */
  readonly leftOut: number;
}

/**
 * Compares what a daemon tells now with what it told `before`, for numbers per second, and with what it told `since`, for
 * latencies; null: since its start. Another process counts from zero, so what the one before it told is not compared.
 */
export function viewOf(now: Seen, before: Seen | null, since: Seen | null): View {
  const { counted, stores, health } = now;
  const isSame = (seen: Seen | null): seen is Seen => seen?.counted.startedAt === counted.startedAt;
  const [last, first] = [isSame(before) ? before : null, isSame(since) ? since : null];
  const rate: Rate = (count, old) => {
    if (last === null) return null;
    const grown = count >= old ? count - old : count; // a reload may start a store anew
    return (grown * 1_000) / Math.max(1, counted.upMs - last.counted.upMs);
  };
  const { events } = counted;
  const mapIn = (seen: Seen | null, name: string) => seen?.counted.maps.find((each) => each.name === name);
  const maps = counted.maps.map((map) => viewOfMap(map, mapIn(last, map.name), mapIn(first, map.name), rate));
  const reasons = counted.maps.flatMap((map) => reasonsOf(map, mapIn(last, map.name), rate));
  return {
    version: counted.version,
    upMs: counted.upMs,
    unhealthy: health.unhealthy,
    unready: health.unready,
    connections: counted.connections,
    connectionsTurnedAway: events.turnedAway,
    connectionsEnded: events.ended,
    connectionsAtReplaced: (stores.older ?? []).reduce((sum, { clients }) => sum + clients, 0),
    stalls: events.stalls,
    harvest: counted.harvest,
    loopDelay: latencyOf(counted.loopDelays, first?.counted.loopDelays),
    latencyOfMs: first === null ? null : counted.upMs - first.counted.upMs,
    maps: maps.toSorted((a, b) => sumOf(b.sinceStart) - sumOf(a.sinceStart)),
    reasons: reasons.toSorted((a, b) => (b.perSecond ?? 0) - (a.perSecond ?? 0) || b.sinceStart - a.sinceStart),
    stores: stores.stores
      .map((store) => {
        const old = last?.stores.stores.find(({ name }) => name === store.name);
        return viewOfStore(store, old, rate, now.at);
      })
      .toSorted((a, b) => Number(b.isTroubled) - Number(a.isTroubled)),
    leftOut: counted.leftOut + stores.leftOut,
  };
}

/** How much a number has grown, per second. */
export type Rate = (count: number, old: number) => number | null;

/** How many replies there were, of all results. */
export function sumOf(results: Readonly<Record<Result, number>>): number {
  return RESULTS.reduce((sum, result) => sum + results[result], 0);
}

function viewOfMap(map: MapCounted, last: MapCounted | undefined, first: MapCounted | undefined, rate: Rate): MapView {
  const rates = RESULTS.map((result) => [result, rate(map.replies[result], last?.replies[result] ?? 0)] as const);
  const isKnown = rates.every(([, each]) => each !== null);
  return {
    name: map.name,
    perSecond: isKnown ? (Object.fromEntries(rates) as Record<Result, number>) : null,
    sinceStart: map.replies,
    latency: latencyOf(map.took, first?.took),
  };
}

function reasonsOf(map: MapCounted, last: MapCounted | undefined, rate: Rate): readonly ReasonView[] {
  const both = [
    ['refused', map.refusals, last?.refusals],
    ['deferred', map.deferrals, last?.deferrals],
  ] as const;
  return both.flatMap(([reply, counts, old]) =>
    (Object.entries(counts) as [Reason, number][]).map(([reason, sinceStart]) => {
      return { map: map.name, reply, reason, perSecond: rate(sinceStart, old?.[reason] ?? 0), sinceStart };
    }),
  );
}

function latencyOf(durations: Durations, before: Durations | undefined): Latency {
  const since = before === undefined ? durations : durationsSince(before, durations);
  return { answers: countOf(since), p50Ms: quantileMs(since, 0.5), p99Ms: quantileMs(since, 0.99) };
}
