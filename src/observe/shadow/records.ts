import type { Reason, Result } from '../counts.ts';
import type { Keys } from '../keys.ts';
import { appendLines, compact } from './file.ts';
import { createLedger } from './ledger.ts';
import { HOUR_MS, isRole } from './record.ts';

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

/** Keeps what maps in shadow would have said, over restarts. Nothing of it waits, and nothing of it throws. */
export interface ShadowRecords {
  /** These maps are in shadow. It shows in the file since when. */
  watch(maps: readonly string[]): void;
  add(shadowed: Shadowed): void;
  /** Writes what is waiting. Takes two seconds at most: a disk that hangs must not keep the process from ending. */
  close(): Promise<void>;
}

export interface RecordsOptions {
  readonly file: string;
  readonly pid: number;
  /** How keys are shown at the moment (log.keys). */
  readonly keys: () => Keys;
  /** The file cannot be written. Called once, until it could be written again. */
  readonly failed: (file: string, cause: unknown) => void;
}

const EACH_MS = 2_000;
const CLOSE_MS = 2_000;
const MOST_WAITING = 5_000; // records between two writes
const MOST_KEY_CHARS = 254; // the longest address (RFC 5321)
const MOST_REMEMBERED = 50_000; // keys, twice
const SMALLEST_COMPACTED = 4 * 1024 * 1024; // bytes
const GROWTH = 1.5;

/** Writes the records to a file, in the background and every two seconds. Makes no file before there is something to write. */
export function createRecords({ file, pid, keys, failed }: RecordsOptions): ShadowRecords {
  const accepted = createMemory();
  let waiting = createLedger(MOST_WAITING);
  let unkept = 0;
  let compactAt = SMALLEST_COMPACTED;
  let isFailing = false;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  const hourOf = (map: string, asked: number) => {
    const now = Date.now();
    return { map, hour: now - (now % HOUR_MS), asked, unkept: 0 };
  };
  const fail = (cause: unknown): void => {
    if (!isFailing) failed(file, cause);
    isFailing = true;
  };
  const write = async (): Promise<void> => {
    const ledger = waiting;
    if (ledger.isEmpty) return;
    waiting = createLedger(MOST_WAITING);
    unkept += ledger.unkept;
    const [first] = ledger.hours;
    if (first !== undefined && unkept > 0) ledger.add({ ...first, asked: 0, unkept });
    let size: number;
    try {
      size = await appendLines(file, ledger.lines());
    } catch (cause) {
      for (const _ of ledger.records) unkept++; // a part may have been written, so it is not written again
      return fail(cause);
    }
    unkept = 0;
    if (size > compactAt) {
      compactAt = GROWTH * size;
      try {
        compactAt = Math.max(SMALLEST_COMPACTED, GROWTH * (await compact(file, pid)));
      } catch (cause) {
        return fail(cause);
      }
    }
    isFailing = false;
  };
  const writeSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = null;
      writing = writing.then(write);
    }, EACH_MS).unref();
  };
  return {
    watch(maps) {
      for (const map of maps) waiting.add(hourOf(map, 0));
      if (maps.length > 0) writeSoon();
    },
    add({ map, key, isDomain, would, reason, reply, isSame }) {
      waiting.add(hourOf(map, 1));
      const name = `${map} ${key?.toLowerCase()}`;
      if (would === 'OK') accepted.add(name);
      if (!isSame) {
        const shown = keys().key(cut(key), isDomain);
        const now = Date.now();
        const known = would !== 'OK' && accepted.has(name);
        const role = key !== null && isRole(key);
        waiting.add({ map, key: shown, would, reason, reply, count: 1, first: now, last: now, known, role });
      }
      writeSoon();
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      writing = writing.then(write);
      const patience = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      return Promise.race([writing, patience]);
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
