import type { Asked } from '../vocabulary.ts';
import type { Reason } from './counts.ts';
import type { Keys } from './keys.ts';
import type { MapFacts } from './log.ts';

/** A reply that is not OK, as it may be shown to others. */
export interface Declined {
  /** As Date.now() counts. */
  readonly at: number;
  readonly map: string;
  readonly listener: string;
  /** As `log.keys` shows it. Null: the request had none. */
  readonly key: string | null;
  readonly reason: Reason;
  /** What went wrong, as `log.keys` shows it. Null: nothing did. */
  readonly cause: string | null;
}

/** Something that happened to the daemon, and how often. */
export interface Change {
  readonly at: number;
  readonly text: string;
  readonly count: number;
}

/** The newest events, for the status page. They take the same memory, however many there are. */
export interface Newest {
  /** Refusals and deferrals are kept only while somebody may look at them. */
  isWatched: boolean;
  declined(kind: 'refused' | 'deferred', reason: Reason, key: string | null, map: MapFacts, why: Why): void;
  /** A later event with the same `name` takes the place of this one. */
  changed(name: string, text?: string): void;
  /** A store, or one of its servers, fails. Null: it does not any more. */
  troubled(store: string, server: string | null, cause: unknown): void;
  /** The newest first. */
  refusals(): readonly Declined[];
  deferrals(): readonly Declined[];
  changes(): readonly Change[];
  /** Why a store, or one of its servers, failed last, as `log.keys` shows it. Null: it does not. */
  troubleOf(store: string, server: string | null): string | null;
}

/** The failure behind a reply, and where its request came in. */
interface Why {
  readonly cause: unknown;
  readonly asked: Asked | undefined;
}

const MOST_DECLINED = 12; // refusals, and as many deferrals: more would push all else off the page
const MOST_CHANGES = 25;
const MOST_KEY_CHARS = 1_000; // an address has at most 320

/** Starts with none. `keys` is asked for each look, so what is kept is shown by the setting of that time. */
export function createNewest(keys: () => Keys): Newest {
  const kept = { refused: createRing(), deferred: createRing() };
  const changes = new Map<string, Change>();
  const troubles = new Map<string, unknown>();
  const shown = ({ at, map, key, reason, cause, listener }: Slot): Declined => ({
    at,
    map: map.name,
    listener,
    key: key !== null && key.length > MOST_KEY_CHARS ? `(${key.length} characters)` : keys().key(key, map.isDomain),
    reason,
    cause: cause === null ? null : keys().cause(cause, key),
  });
  const newest: Newest = {
    isWatched: false,
    declined(kind, reason, key, map, { cause, asked }) {
      if (!newest.isWatched) return;
      kept[kind].add({ at: Date.now(), map, key, reason, cause, listener: asked?.listener ?? '' });
    },
    changed(name, text = name) {
      const count = (changes.get(name)?.count ?? 0) + 1;
      changes.delete(name);
      changes.set(name, { at: Date.now(), text, count });
      const [oldest] = changes.keys();
      if (changes.size > MOST_CHANGES && oldest !== undefined) changes.delete(oldest);
    },
    troubled(store, server, cause) {
      if (cause === null) troubles.delete(idOf(store, server));
      else troubles.set(idOf(store, server), cause);
    },
    refusals: () => kept.refused.newestFirst().map(shown),
    deferrals: () => kept.deferred.newestFirst().map(shown),
    changes: () => [...changes.values()].toReversed(),
    troubleOf(store, server) {
      const cause = troubles.get(idOf(store, server));
      return cause === undefined ? null : keys().cause(cause);
    },
  };
  return newest;
}

function idOf(store: string, server: string | null): string {
  return JSON.stringify([store, server]);
}

interface Slot {
  readonly at: number;
  readonly map: MapFacts;
  readonly key: string | null;
  readonly reason: Reason;
  readonly cause: unknown;
  readonly listener: string;
}

function createRing() {
  const slots: Slot[] = [];
  let next = 0;
  return {
    add(slot: Slot): void {
      slots[next] = slot;
      next = (next + 1) % MOST_DECLINED;
    },
    newestFirst: (): Slot[] => [...slots.slice(next), ...slots.slice(0, next)].toReversed(),
  };
}
