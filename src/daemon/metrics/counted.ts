import type { Durations } from '../../histogram.ts';
import { type EventFamily, RESULTS, type Reason, type Result } from '../../observe/counts.ts';
import type { HarvestAlarm } from '../../observe/harvest/alarm.ts';
import { cut } from '../control.ts';
import type { Observed } from './collect.ts';

/** What was replied for one map since the start of the daemon. */
export interface MapCounted {
  readonly name: string;
  readonly replies: Readonly<Record<Result, number>>;
  /** Only reasons that there were. */
  readonly refusals: Readonly<Partial<Record<Reason, number>>>;
  readonly deferrals: Readonly<Partial<Record<Reason, number>>>;
  readonly took: Durations;
}

/** What the daemon has counted since its start, for `smmap top`. Its stores are not in it: see the command `stores`. */
export interface Counted {
  readonly version: string;
  /** As Date.now() counts; it tells one process from the next. */
  readonly startedAt: number;
  /** How long the process has run. */
  readonly upMs: number;
  readonly connections: number;
  readonly events: Readonly<Record<EventFamily, number>>;
  readonly loopDelays: Durations;
  /** The alarm of the harvest watch that has most misses, and how many there are. */
  readonly harvest: { readonly alarms: number; readonly worst: HarvestAlarm | null };
  readonly maps: readonly MapCounted[];
  /** How many maps do not fit into a reply. */
  readonly leftOut: number;
}

/** Reads the numbers now. Asks no store. */
export function countedOf({ version, counts, harvest, connections, loopDelays }: Observed): Counted {
  const maps = Array.from(counts.maps, ([name, { replies, refusals, deferrals, took }]): MapCounted => {
    const listeners = [...replies.values()];
    const sumOf = (result: Result): number => listeners.reduce((sum, results) => sum + results[result], 0);
    return {
      name,
      replies: Object.fromEntries(RESULTS.map((result) => [result, sumOf(result)])) as Record<Result, number>,
      refusals: withoutZeros(refusals),
      deferrals: withoutZeros(deferrals),
      took,
    };
  });
  const alarms = harvest.active();
  const events = Object.entries(counts.events).map(([family, labels]) => [
    family,
    [...labels.values()].reduce((sum, count) => sum + count, 0),
  ]);
  return {
    version,
    startedAt: performance.timeOrigin,
    upMs: performance.now(),
    connections,
    events: Object.fromEntries(events) as Record<EventFamily, number>,
    loopDelays,
    harvest: { alarms: alarms.length, worst: alarms[0] ?? null },
    ...cut('maps', maps, 0),
  };
}

function withoutZeros(counts: Readonly<Record<Reason, number>>): Partial<Record<Reason, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
