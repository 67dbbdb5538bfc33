import { type Durations, BOUNDS_MS, durationsSince, sumOfDurations } from '../../histogram.ts';
import { type Counts, type MapCounts, RESULTS, type Result } from '../../observe/counts.ts';
import type { OpenStore } from '../../store/open.ts';
import { type State, STATES } from './sparkline.ts';
import { judgeStore } from './store-state.ts';

/** What was replied in some time. */
export interface Replied {
  readonly results: Readonly<Record<Result, number>>;
  readonly took: Durations;
}

/** The last hour of all replies, and the last 90 minutes of each store, by the minute. It needs the same memory at any time. */
export interface History {
  /** Looks at the counters and stores now. To be called several times a minute. `atMs` never goes back. */
  sample(atMs: number, counts: Pick<Counts, 'maps'>, stores: ReadonlyMap<string, Pick<OpenStore, 'status'>>): void;
  /** What was replied in each minute of the hour, the oldest first. The last one has not ended. Null: not known. */
  minutes(): readonly (Replied | null)[];
  /** What was replied for a map in the hour. */
  hourOf(map: string): Replied;
  /** The worst state of a store in each of the 90 minutes, the oldest first. The last one has not ended. */
  statesOf(store: string): readonly State[];
}

export const REPLY_MINUTES = 60;
export const STORE_MINUTES = 90;
const MINUTE_MS = 60_000;

/** A minute that was looked at: what was replied for each map. */
type Bucket = Map<string, Replied>;

interface StoreHistory {
  readonly states: Ring<State>;
  /** Failed questions, outages and failures of canaries up to the last look. */
  failures: number;
}

/** Starts with nothing known. */
export function createHistory(): History {
  const buckets = createRing<Bucket>(REPLY_MINUTES);
  const before = new Map<string, Replied>();
  const stores = new Map<string, StoreHistory>();
  let minute = -Infinity;

  const addReplies = (bucket: Bucket, maps: Counts['maps']): void => {
    for (const [name, counts] of maps) {
      const now = totalOf(counts);
      const since = sinceThen(before.get(name) ?? NOTHING, now);
      before.set(name, now);
      bucket.set(name, sum(bucket.get(name) ?? NOTHING, since));
    }
  };
  const addState = (name: string, { status }: Pick<OpenStore, 'status'>): void => {
    const known = stores.get(name);
    const now = status();
    const failures = now.servers.reduce((all, each) => all + each.outages + each.canaryFailures, now.counts.failed);
    const { states } = known ?? { states: createRing<State>(STORE_MINUTES) };
    const { state } = judgeStore(now);
    const failedMeanwhile = known !== undefined && failures > known.failures; // and recovered before this look
    states.put(minute, worse(states.at(minute), state === 'well' && failedMeanwhile ? 'partly' : state));
    stores.set(name, { states, failures });
  };
  return {
    sample(atMs, counts, open) {
      const first = minute === -Infinity;
      minute = Math.floor(atMs / MINUTE_MS);
      if (first) for (const [name, map] of counts.maps) before.set(name, totalOf(map)); // nobody knows when that was
      const bucket = buckets.at(minute) ?? new Map<string, Replied>();
      addReplies(bucket, counts.maps);
      buckets.put(minute, bucket);
      for (const name of stores.keys()) if (!open.has(name)) stores.delete(name);
      for (const [name, store] of open) addState(name, store);
    },
    minutes: () =>
      buckets.until(minute).map((bucket) => (bucket === null ? null : [...bucket.values()].reduce(sum, NOTHING))),
    hourOf: (map) => buckets.until(minute).reduce((all, bucket) => sum(all, bucket?.get(map) ?? NOTHING), NOTHING),
    statesOf: (store) =>
      stores
        .get(store)
        ?.states.until(minute)
        .map((state) => state ?? 'unknown') ?? [],
  };
}

/** A value for each of the last minutes. */
interface Ring<T> {
  put(minute: number, value: T): void;
  at(minute: number): T | null;
  /** All values up to a minute, the oldest first. Null: there is none. */
  until(minute: number): (T | null)[];
}

function createRing<T>(size: number): Ring<T> {
  const slots: { minute: number; value: T }[] = [];
  const at = (minute: number): T | null => {
    const slot = slots[minute % size];
    return slot?.minute === minute ? slot.value : null;
  };
  return {
    at,
    put: (minute, value) => void (slots[minute % size] = { minute, value }),
    until: (minute) =>
      Array.from({ length: size }, (_, back) => minute - size + 1 + back).map((each) => (each < 0 ? null : at(each))),
  };
}

const NOTHING: Replied = {
  results: { OK: 0, NOTFOUND: 0, TEMP: 0, PERM: 0 },
  took: { counts: Array.from({ length: BOUNDS_MS.length + 1 }, () => 0), sumMs: 0 },
};

function totalOf({ replies, took }: Pick<MapCounts, 'replies' | 'took'>): Replied {
  const all = [...replies.values()];
  const results = resultsOf((result) => all.reduce((total, each) => total + each[result], 0));
  return { results, took: { counts: [...took.counts], sumMs: took.sumMs } };
}

function sinceThen(then: Replied, now: Replied): Replied {
  const results = resultsOf((result) => now.results[result] - then.results[result]);
  return { results, took: durationsSince(then.took, now.took) };
}

function sum(one: Replied, other: Replied): Replied {
  const results = resultsOf((result) => one.results[result] + other.results[result]);
  return { results, took: sumOfDurations(one.took, other.took) };
}

function resultsOf(count: (result: Result) => number): Record<Result, number> {
  return Object.fromEntries(RESULTS.map((result) => [result, count(result)])) as Record<Result, number>;
}

/** The worse of two states. What is not known is no worse than anything. */
function worse(one: State | null, other: State): State {
  if (one === null || one === 'unknown') return other;
  if (other === 'unknown') return one;
  return STATES.indexOf(one) > STATES.indexOf(other) ? one : other;
}
