import { parseDomain } from '../../address/domain.ts';
import type { MapFacts } from '../log.ts';
import type { HarvestAlarm } from './alarm.ts';
import { createFingerprint } from './distinct.ts';
import { type HarvestCounts, type HarvestEvents, type HarvestSettings, type Place, createPlace } from './place.ts';

/** Watches for somebody who guesses addresses (a directory harvest). It only counts: no reply depends on it. */
export interface Harvest {
  /** Counts a refusal because the address is absent. Never throws. */
  missed(map: MapFacts, listener: string, key: string | null): void;
  /** The alarms that last, those with most misses first. */
  active(): readonly HarvestAlarm[];
  /** For each map and listener that refused somebody. */
  counts(): readonly HarvestCounts[];
  /** Changes to other settings. What the window has counted so far is dropped. */
  set(settings: HarvestSettings): void;
  /** Ends the watch, and the alarms that last. */
  close(): void;
}

/**
 * `found` says how many requests of a map and a listener were answered OK since the start. The time is that of a timer, so a
 * clock that is set changes nothing.
 */
export function createHarvest(
  first: HarvestSettings,
  found: (map: string, listener: string) => number,
  events: HarvestEvents,
): Harvest {
  const fingerprintOf = createFingerprint();
  const places = new Map<string, Map<string, Place>>(); // by listener and map: names of the configuration
  let settings: HarvestSettings = { names: 0, windowS: 0 };
  let timer: NodeJS.Timeout | null = null;

  const placeOf = (map: string, listener: string): Place => {
    let maps = places.get(listener);
    if (maps === undefined) places.set(listener, (maps = new Map()));
    let place = maps.get(map);
    if (place === undefined) {
      place = createPlace([map, listener], () => settings, events, found(map, listener));
      maps.set(map, place);
    }
    return place;
  };
  const each = (work: (place: Place, found: number) => void): void => {
    for (const [listener, maps] of places) for (const [map, place] of maps) work(place, found(map, listener));
  };
  const all = (): readonly Place[] => Array.from(places.values(), (maps) => [...maps.values()]).flat();
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  const set = (next: HarvestSettings): void => {
    if (next.names === settings.names && next.windowS === settings.windowS) return;
    settings = next;
    stop();
    each((place, now) => place.restart(now));
    if (settings.names === 0) return each((place) => place.endAlarms());
    timer = setInterval(() => each((place, now) => place.endWindow(now)), settings.windowS * 1_000).unref();
  };
  set(first);

  return {
    missed({ name, defaultDomain = null }, listener, key) {
      if (settings.names === 0 || key === null) return;
      placeOf(name, listener).missed(domainOf(key) ?? defaultDomain, fingerprintOf(key.toLowerCase()));
    },
    active: () =>
      all()
        .flatMap((place) => place.active())
        .toSorted((a, b) => b.misses - a.misses),
    counts: () => all().map((place) => place.counts()),
    set,
    close() {
      stop();
      each((place) => place.endAlarms());
    },
  };
}

/** The domain of an address. Null if it has none. */
function domainOf(key: string): string | null {
  const at = key.lastIndexOf('@');
  return at === -1 ? null : parseDomain(key.slice(at + 1));
}
