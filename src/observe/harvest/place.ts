import { type HarvestAlarm, type Lasting, type Misses, addMisses, alarmOf, noMisses } from './alarm.ts';
import { addTo, estimateOf } from './distinct.ts';
import { createUsual } from './usual.ts';

/** When a domain is an alarm. */
export interface HarvestSettings {
  /** So many different addresses of one domain have to be absent within one window. 0: never. */
  readonly names: number;
  readonly windowS: number;
}

/** Who is told of alarms. */
export interface HarvestEvents {
  readonly started: (alarm: HarvestAlarm) => void;
  readonly ended: (alarm: HarvestAlarm) => void;
}

/** What was counted for a map and a listener. */
export interface HarvestCounts {
  readonly map: string;
  readonly listener: string;
  readonly alarms: number;
  /** The misses of all alarms, since the start. */
  readonly misses: number;
  /** The different names of the newest window that is over; of the domain that had most. */
  readonly names: number;
}

/** The misses of one map and one listener. */
export interface Place {
  /** Counts a miss. `domain` is null if it is not known. */
  missed(domain: string | null, fingerprint: number): void;
  /** Ends a window, and begins the next one. `found` is how many requests were found since the start. */
  endWindow(found: number): void;
  /** Drops what the window has counted so far. */
  restart(found: number): void;
  endAlarms(): void;
  active(): readonly HarvestAlarm[];
  counts(): HarvestCounts;
}

export const MOST_DOMAINS = 256; // in one window; 1 kB each
export const MOST_ALARMS = 10; // at a time, so that nobody floods the log by many domains

const OTHERS = null; // all further domains together

/**
 * Counts misses in windows of a fixed length, for each domain. At the end of a window, a domain with `names` different names
 * is an alarm, but names that the usual hits could be, which did not come, do not count: their addresses may be gone from
 * the stores. They may have gone at the end of the window, so the alarm waits for the hits of the next one, if it can be that.
 * An alarm ends with the first window that has less than half of `names`.
 */
export function createPlace(
  [map, listener]: readonly [map: string, listener: string],
  settings: () => HarvestSettings,
  { started, ended }: HarvestEvents,
  foundBefore: number,
): Place {
  const alarms = new Map<string | null, Lasting>();
  let windows = new Map<string | null, Misses>();
  let held = new Map<string | null, Misses>(); // alarms that wait for the next window
  let usual = createUsual(foundBefore);
  let [missesOfAlarms, names] = [0, 0];

  const shown = (domain: string | null, lasting: Lasting): HarvestAlarm => alarmOf(map, listener, domain, lasting);
  const end = (domain: string | null, alarm: Lasting): void => {
    alarms.delete(domain);
    ended(shown(domain, alarm));
  };
  const start = (domain: string | null, { misses, names: different }: Misses, windowsAgo: number): void => {
    const startedAt = performance.now() - windowsAgo * settings().windowS * 1_000;
    const alarm = { misses, names: different, startedAt };
    alarms.set(domain, alarm);
    missesOfAlarms += misses;
    started(shown(domain, alarm));
  };
  const judge = (domain: string | null, window: Misses, estimate: number, gone: number): void => {
    const most = settings().names;
    const known = alarms.get(domain);
    if (known !== undefined) {
      addMisses(known, window);
      missesOfAlarms += window.misses;
      if (estimate < most / 2) end(domain, known);
    } else if (estimate - gone >= most) {
      if (usual.isEnough(most)) held.set(domain, window);
      else start(domain, window, 1);
    }
  };
  return {
    missed(domain, fingerprint) {
      let window = windows.get(domain);
      if (window === undefined) {
        const key = windows.size < MOST_DOMAINS || alarms.has(domain) ? domain : OTHERS;
        window = windows.get(key) ?? noMisses();
        windows.set(key, window);
      }
      window.misses++;
      addTo(window.names, fingerprint);
    },
    endWindow(found) {
      const gone = usual.missing(found, settings().names);
      const confirmed = gone < Infinity ? held : [];
      held = new Map();
      for (const [domain, window] of confirmed) start(domain, window, 2);
      const others = windows.get(OTHERS) ?? noMisses();
      windows.delete(OTHERS);
      const closed = Array.from(windows, ([domain, window]) => ({
        domain,
        window,
        estimate: estimateOf(window.names),
      }));
      closed.sort((a, b) => b.estimate - a.estimate);
      names = closed[0]?.estimate ?? 0;
      for (const [domain, alarm] of alarms) if (domain !== OTHERS && !windows.has(domain)) end(domain, alarm);
      for (const { domain, window, estimate } of closed) {
        const hasRoom = alarms.size + held.size < MOST_ALARMS || alarms.has(domain) || estimate < settings().names;
        if (hasRoom) judge(domain, window, estimate, gone);
        else addMisses(others, window);
      }
      const estimate = estimateOf(others.names);
      names = Math.max(names, estimate);
      judge(OTHERS, others, estimate, gone);
      if (gone < Infinity || names < settings().names) usual.keep(); // a long outage does not become usual
      windows = new Map();
    },
    restart(found) {
      windows = new Map();
      held = new Map();
      usual = createUsual(found);
    },
    endAlarms() {
      for (const [domain, alarm] of alarms) end(domain, alarm);
    },
    active: () => Array.from(alarms, ([domain, alarm]) => shown(domain, alarm)),
    counts: () => ({ map, listener, alarms: alarms.size, misses: missesOfAlarms, names }),
  };
}
