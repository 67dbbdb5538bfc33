import { BOUNDS_MS, type Durations } from '../../histogram.ts';
import { type EventFamily, REASONS, RESULTS, type Totals } from '../../observe/counts.ts';
import type { Harvest } from '../../observe/harvest/harvest.ts';
import type { Newest } from '../../observe/newest.ts';
import type { CachedStore } from '../../store/guard/cache.ts';
import type { OpenStore } from '../../store/open.ts';
import type { ListenerState } from '../listeners.ts';
import { FAMILIES, type MetricName, type Sample, type Snapshot } from './families.ts';
import { samplesOfStore } from './of-store.ts';

/** A store as the metrics and the status page see it. */
export interface ObservedStore extends Pick<OpenStore, 'status' | 'durations' | 'lacks' | 'records'> {
  readonly cache: Pick<CachedStore, 'stats'> | null;
}

/** What a daemon knows about itself. */
export interface Observed {
  readonly version: string;
  readonly node: string;
  readonly counts: Totals;
  readonly harvest: Pick<Harvest, 'active' | 'counts'>;
  readonly loopDelays: Durations;
  readonly connections: number;
  readonly listeners: readonly ListenerState[];
  readonly stores: ReadonlyMap<string, ObservedStore>;
}

/** The same without what only the process of the metrics knows, and with what the workers know. */
export interface Served extends Omit<Observed, 'loopDelays'> {
  /** Of the event loops of the workers. */
  readonly loops?: readonly Durations[];
  /** What all processes have told the log last. Without it, there is one process. */
  readonly newest?: Pick<Newest, 'refusals' | 'deferrals' | 'changes' | 'troubleOf'>;
}

/** Adds a number to a metric; its labels have the order of FAMILIES. */
export type Put = (name: MetricName, value: number, ...labels: readonly string[]) => void;

/** Adds durations to a histogram. */
export type PutDurations = (name: MetricName, durations: Durations, ...labels: readonly string[]) => void;

/** Reads all numbers now. Only a store that was never filled is asked whether that is still so. */
export async function collect(observed: Observed): Promise<Snapshot> {
  const samples = Object.fromEntries(Object.keys(FAMILIES).map((name) => [name, []])) as unknown as Record<
    MetricName,
    Sample[]
  >;
  const put: Put = (name, value, ...labels) => samples[name].push({ labels: labelsOf(name, labels), value });
  const putDurations: PutDurations = (name, durations, ...values) => {
    const labels = labelsOf(name, values);
    samples[name].push(...samplesOfDurations(durations, labels));
  };
  const { version, node, counts, harvest, loopDelays, connections, listeners, stores } = observed;
  put('smmap_build_info', 1, version, node);
  put('smmap_start_time_seconds', performance.timeOrigin / 1_000);
  putReplies(counts, put, putDurations);
  for (const { map, listener, alarms, misses, names } of harvest.counts()) {
    put('smmap_harvest_alarms', alarms, map, listener);
    put('smmap_harvest_misses_total', misses, map, listener);
    put('smmap_harvest_names', names, map, listener);
  }
  put('smmap_connections', connections);
  const known: Partial<Record<EventFamily, Iterable<string>>> = {
    socketsLost: listeners.map(({ name }) => name),
    acceptFailures: listeners.map(({ name }) => name),
    shrinks: stores.keys(),
  };
  for (const [family, name] of Object.entries(EVENTS) as [EventFamily, MetricName][]) {
    const isPlain = FAMILIES[name].labels.length === 0;
    for (const label of new Set([...(known[family] ?? []), ...counts.events[family].keys()])) {
      put(name, counts.events[family].get(label) ?? 0, ...(isPlain ? [] : [label]));
    }
  }
  for (const { name, servedBy, hasPath } of listeners) put('smmap_listener_up', Number(hasPath), name, servedBy);
  for (const [name, store] of stores) samplesOfStore(name, store, put, putDurations);
  const askLacks = async ([name, store]: readonly [string, ObservedStore]): Promise<void> =>
    put('smmap_store_never_filled', (await store.lacks()).length, name);
  await Promise.all(Array.from(stores, askLacks));
  put('smmap_config_accepted', Number(counts.configuration.accepted));
  put('smmap_config_read_timestamp_seconds', counts.configuration.readAt / 1_000);
  putDurations('smmap_event_loop_delay_seconds', loopDelays);
  return samples;
}

/** The metrics of events that are counted as they happen. What never happened is 0, so that an increase from zero is seen. */
const EVENTS = {
  reloads: 'smmap_reloads_total',
  ended: 'smmap_connections_ended_total',
  turnedAway: 'smmap_connections_turned_away_total',
  acceptFailures: 'smmap_accept_failures_total',
  socketsLost: 'smmap_listener_lost_total',
  stalls: 'smmap_stalls_total',
  shrinks: 'smmap_store_shrank_total',
} as const satisfies Readonly<Record<keyof Totals['events'], MetricName>>;

/** Every reason is there from the first reply of a map on, so that an increase from zero is seen. */
function putReplies({ maps, shadows }: Totals, put: Put, putDurations: PutDurations): void {
  for (const [map, { replies, refusals, deferrals, took }] of maps) {
    for (const [listener, results] of replies) {
      for (const result of RESULTS) put('smmap_replies_total', results[result], map, listener, result);
    }
    for (const reason of REASONS) {
      put('smmap_refusals_total', refusals[reason], map, reason);
      put('smmap_deferrals_total', deferrals[reason], map, reason);
    }
    putDurations('smmap_reply_seconds', took, map);
  }
  for (const [map, results] of shadows) {
    for (const result of RESULTS) put('smmap_shadow_replies_total', results[result], map, result);
  }
}

function labelsOf(name: MetricName, values: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(FAMILIES[name].labels.map((label, at) => [label, values[at] ?? '']));
}

/** The buckets of a histogram count everything up to their bound. */
function samplesOfDurations({ counts, sumMs }: Durations, labels: Sample['labels']): Sample[] {
  let below = 0;
  const buckets = counts.map((count, at): Sample => {
    below += count;
    const bound = BOUNDS_MS[at];
    const le = bound === undefined ? '+Inf' : String(bound / 1_000);
    return { part: '_bucket', labels: { le, ...labels }, value: below };
  });
  return [...buckets, { part: '_sum', labels, value: sumMs / 1_000 }, { part: '_count', labels, value: below }];
}
