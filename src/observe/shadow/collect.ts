import type { Reason, Result } from '../counts.ts';
import type { Keys } from '../keys.ts';
import { type Ledger, createLedger } from './ledger.ts';
import { HOUR_MS, type ShadowHour, type ShadowRecord, isRole } from './record.ts';

/** What a map in shadow was asked, what it said, and what the client got. */
export interface Shadowed {
  readonly map: string;
  readonly key: string | null;
  /** Whether the keys of the map are domains. */
  readonly isDomain: boolean;
  readonly would: Result;
  /** Null for an OK. */
  readonly reason: Reason | null;
  readonly reply: Result;
  /** Whether a mail server would do the same for both. */
  readonly isSame: boolean;
}

/** What maps in shadow say, added up until somebody takes it. Each process that asks maps collects by itself. */
export interface Collection {
  readonly isEmpty: boolean;
  /** These maps are in shadow. */
  watch(maps: readonly string[]): void;
  add(shadowed: Shadowed): void;
  /** Adds what another process has collected. */
  join(items: Iterable<ShadowRecord | ShadowHour>): void;
  /** All of it since the last call. It says how many records had no room, with these that were lost before. */
  take(lost: number): Ledger;
}

const MOST_WAITING = 5_000; // records
const MOST_KEY_CHARS = 254; // the longest address (RFC 5321)
const MOST_REMEMBERED = 50_000; // keys, twice

/** An empty collection. `keys` says how keys are shown at the moment (log.keys). */
export function createCollection(keys: () => Keys): Collection {
  const accepted = createMemory();
  let waiting = createLedger(MOST_WAITING);
  const hourOf = (map: string, asked: number): ShadowHour => {
    const now = Date.now();
    return { map, hour: now - (now % HOUR_MS), asked, unkept: 0 };
  };
  return {
    get isEmpty() {
      return waiting.isEmpty;
    },
    watch(maps) {
      for (const map of maps) waiting.add(hourOf(map, 0));
    },
    add({ map, key, isDomain, would, reason, reply, isSame }) {
      waiting.add(hourOf(map, 1));
      const name = `${map} ${key?.toLowerCase()}`;
      if (would === 'OK') accepted.add(name);
      if (isSame) return;
      const shown = keys().key(cut(key), isDomain);
      const now = Date.now();
      const known = would !== 'OK' && accepted.has(name);
      const role = key !== null && isRole(key);
      waiting.add({ map, key: shown, would, reason, reply, count: 1, first: now, last: now, known, role });
    },
    join(items) {
      for (const item of items) waiting.add(item);
    },
    take(lost) {
      const ledger = waiting;
      waiting = createLedger(MOST_WAITING);
      const unkept = lost + ledger.unkept;
      const [first] = ledger.hours;
      if (first !== undefined && unkept > 0) ledger.add({ ...first, asked: 0, unkept });
      return ledger;
    },
  };
}

function cut(key: string | null): string | null {
  return key !== null && key.length > MOST_KEY_CHARS ? `${key.slice(0, MOST_KEY_CHARS)}...` : key;
}

/** Remembers the last names, at least 50,000. */
function createMemory(): { add(name: string): void; has(name: string): boolean } {
  let young = new Set<string>();
  let old = new Set<string>();
  return {
    add(name) {
      if (name.length > 2 * MOST_KEY_CHARS) return;
      young.add(name);
      if (young.size < MOST_REMEMBERED) return;
      old = young;
      young = new Set();
    },
    has: (name) => young.has(name) || old.has(name),
  };
}
