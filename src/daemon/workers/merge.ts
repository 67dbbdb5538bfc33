import { countOf, sumOfDurations } from '../../histogram.ts';
import type { MapCounts } from '../../observe/counts.ts';
import type { Change, Declined } from '../../observe/newest.ts';
import type { ServerStatus, Status } from '../../store/status.ts';
import type { NewestReport, StoreReport, WorkerReport } from './report.ts';

/** What two workers tell, together: counters are added, and of two states the worse one counts. */
export function merge(one: WorkerReport, other: WorkerReport): WorkerReport {
  return {
    connections: one.connections + other.connections,
    loop: sumOfDurations(one.loop, other.loop),
    maps: mergeMaps(one.maps, other.maps, mergeCounts),
    shadows: mergeMaps(one.shadows, other.shadows, add),
    events: mergeRecords(one.events, other.events, (a, b) => mergeMaps(a, b, plus)) as WorkerReport['events'],
    stores: mergeMaps(one.stores, other.stores, mergeStores),
    newest: mergeNewest(one.newest, other.newest),
  };
}

/** What a worker that has ended counted: its counters stay, and the rest is not so any more. */
export function pastOf(report: WorkerReport): WorkerReport {
  const stores = Array.from(report.stores, ([name, store]) => [name, pastOfStore(store)] as const);
  return { ...report, connections: 0, stores: new Map(stores), newest: { ...report.newest, troubles: [] } };
}

function pastOfStore(store: StoreReport): StoreReport {
  const { driver, servers, counts } = store.status;
  const { found, absent, failed } = counts;
  const well = { trouble: null, since: '', isUp: true, isTrusted: true };
  const empty = { entries: 0, found: 0, absent: 0, failures: 0, underWay: 0 };
  return {
    ...store,
    status: {
      driver,
      servers: servers.map(({ name, outages, canaryFailures }) =>
        Object.assign({ name, outages, canaryFailures }, well),
      ),
      counts: { ...counts, asked: found + absent + failed, failing: null }, // what it waited for will not come
    },
    lacks: [],
    records: null,
    cache: store.cache === null ? null : { ...store.cache, ...empty },
    held: [],
  };
}

function mergeCounts(one: MapCounts, other: MapCounts): MapCounts {
  return {
    replies: mergeMaps(one.replies, other.replies, add),
    refusals: add(one.refusals, other.refusals),
    deferrals: add(one.deferrals, other.deferrals),
    took: { ...sumOfDurations(one.took, other.took) },
  };
}

function mergeStores(one: StoreReport, other: StoreReport): StoreReport {
  const durations = sumOfDurations(one.durations, other.durations);
  const status = mergeStatus(one.status, other.status);
  const timed = countOf(durations);
  return {
    status: { ...status, counts: { ...status.counts, meanMs: timed === 0 ? 0 : durations.sumMs / timed } },
    durations,
    lacks: [...new Set([...one.lacks, ...other.lacks])],
    records: one.records ?? other.records, // of the same data
    cache: one.cache === null || other.cache === null ? (one.cache ?? other.cache) : add(one.cache, other.cache),
    held: one.held.length >= other.held.length ? one.held : other.held, // the same list
  };
}

function mergeStatus(one: Status, other: Status): Status {
  const [a, b] = [one.counts, other.counts];
  const servers = new Map(one.servers.map((server) => [server.name, server]));
  for (const server of other.servers) {
    const known = servers.get(server.name);
    servers.set(server.name, known === undefined ? server : worse(known, server));
  }
  return {
    driver: one.driver,
    servers: [...servers.values()],
    counts: {
      asked: a.asked + b.asked,
      found: a.found + b.found,
      absent: a.absent + b.absent,
      failed: a.failed + b.failed,
      meanMs: 0, // see mergeStores
      slowestMs: Math.max(a.slowestMs, b.slowestMs),
      answeredAt: later(a.answeredAt, b.answeredAt),
      failing: (a.failing?.at ?? '') >= (b.failing?.at ?? '') ? a.failing : b.failing,
    },
  };
}

/** The state of the worse one. What happened to each is added: each worker asks the server by itself. */
function worse(one: ServerStatus, other: ServerStatus): ServerStatus {
  const rank = ({ isUp, isTrusted }: ServerStatus): number => (isUp ? (isTrusted ? 0 : 1) : 2);
  const isOlder = one.since > other.since;
  const state = rank(one) === rank(other) ? (isOlder ? one : other) : rank(one) > rank(other) ? one : other;
  return {
    ...state,
    isUp: one.isUp && other.isUp,
    isTrusted: one.isTrusted && other.isTrusted,
    outages: one.outages + other.outages,
    canaryFailures: one.canaryFailures + other.canaryFailures,
  };
}

function mergeNewest(one: NewestReport, other: NewestReport): NewestReport {
  return {
    refusals: newestOf(one.refusals, other.refusals),
    deferrals: newestOf(one.deferrals, other.deferrals),
    changes: mergeChanges(one.changes, other.changes),
    troubles: [...one.troubles, ...other.troubles],
  };
}

/** As many as one worker keeps. */
function newestOf<T extends Declined | Change>(one: readonly T[], other: readonly T[]): readonly T[] {
  const all = [...one, ...other].toSorted((a, b) => b.at - a.at);
  return all.slice(0, Math.max(one.length, other.length));
}

const MOST_CHANGES = 25; // more would push all else off the page

/** The same text of two workers is one change. */
function mergeChanges(one: readonly Change[], other: readonly Change[]): readonly Change[] {
  const byText = new Map(one.map((change) => [change.text, change]));
  for (const { at, text, count } of other) {
    const known = byText.get(text);
    byText.set(text, { at: Math.max(at, known?.at ?? 0), text, count: count + (known?.count ?? 0) });
  }
  return [...byText.values()].toSorted((a, b) => b.at - a.at).slice(0, MOST_CHANGES);
}

function later(one: string | null, other: string | null): string | null {
  return (one ?? '') >= (other ?? '') ? one : other;
}

function plus(one: number, other: number): number {
  return one + other;
}

/** Adds the numbers of two records with the same keys. */
function add<T extends object>(one: T, other: T): T {
  return mergeRecords(one as Record<string, number>, other as Record<string, number>, plus) as T;
}

function mergeRecords<T>(
  one: Readonly<Record<string, T>>,
  other: Readonly<Record<string, T>>,
  both: (a: T, b: T) => T,
): Record<string, T> {
  return Object.fromEntries(mergeMaps(new Map(Object.entries(one)), new Map(Object.entries(other)), both));
}

function mergeMaps<T>(
  one: ReadonlyMap<string, T>,
  other: ReadonlyMap<string, T>,
  both: (a: T, b: T) => T,
): Map<string, T> {
  const merged = new Map(one);
  for (const [name, value] of other) {
    const known = merged.get(name);
    merged.set(name, known === undefined ? value : both(known, value));
  }
  return merged;
}
