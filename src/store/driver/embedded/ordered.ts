import { saySame } from '../../layout.ts';
import type { Listed } from './list.ts';
import type { Db } from './lmdb.ts';
import { compareKeys } from './merge.ts';
import type { Range } from './range.ts';

/** What the data file had under keys that are asked for in their order, before the list was written. */
export interface Before {
  /** Undefined if it had nothing. */
  textOf(key: string): string | undefined;
  /** Whether it had nothing behind the key that was asked for last, as far as is known. */
  isAtEnd(): boolean;
}

/** What became of a record of a list. `twice`: the one before it, which says something else, stays. */
export type Became = 'added' | 'changed' | 'same' | 'twice';

/**
 * Puts records in the order of their keys. Of a record that comes twice, the first one stays. `told` is told what became of
 * each. `put` gets each record once, if it was not there or is another now, and whether nothing was behind it.
 */
export function putInOrder(
  list: Iterable<Listed>,
  before: Before,
  put: (record: Listed, isNew: boolean, isAtEnd: boolean) => void,
  told: (record: Listed, became: Became) => void,
): void {
  let last: Listed | null = null;
  let old: string | undefined; // what there was instead of the last one
  const write = (): void => {
    if (last !== null && last.text !== old) put(last, old === undefined, before.isAtEnd());
  };
  for (const record of list) {
    if (last !== null && last.key === record.key) {
      told(record, saySame(record.about, record.text, last.text) ? 'same' : 'twice');
      continue;
    }
    write();
    old = before.textOf(record.key);
    told(record, old === undefined ? 'added' : record.text === old ? 'same' : 'changed');
    last = record;
  }
  write();
}

const MOST_MISSES = 64;

/**
 * Looks each key up. After many keys that were not there, it looks where the next one is, and so it looks no key up in
 * a part of the file that is empty.
 */
export function lookedUp(db: Db): Before {
  let misses = MOST_MISSES;
  let free: string | null = ''; // nothing is between the key that was asked for last and this one; null: nothing behind it
  return {
    textOf(key) {
      if (free === null || compareKeys(key, free) < 0) return undefined;
      const text = db.get(key);
      misses = text === undefined ? misses + 1 : 0;
      if (misses < MOST_MISSES) return text;
      misses = 0;
      free = null;
      for (const next of db.getKeys({ start: key, limit: 1 })) free = next;
      return text;
    },
    isAtEnd: () => free === null,
  };
}

const CHUNK = 1_000; // entries that are read at a time, because what is read must not be written meanwhile

/**
 * Walks through a range of the data file beside the keys that are asked for. `passed` is called with each key of the
 * range: whether somebody asked for it. Keys outside the range are looked up. Call `finish` at the end.
 */
export function walked(
  db: Db,
  range: Range,
  passed: (key: string, wasAsked: boolean) => void,
): Before & { finish(): void } {
  let chunk: readonly { readonly key: string; readonly value: string }[] = [];
  let at = 0;
  let isLast = false;
  const isWithin = (key: string): boolean =>
    compareKeys(key, range.start) >= 0 && (range.end === undefined || compareKeys(key, range.end) < 0);
  /** The entry at which the walk stands; undefined at the end. */
  const here = (): (typeof chunk)[number] | undefined => {
    if (at === chunk.length && !isLast) {
      const last = chunk.at(-1)?.key;
      const from = last === undefined ? {} : { start: last, exclusiveStart: true };
      chunk = [...db.getRange({ ...range, ...from, limit: CHUNK })];
      isLast = chunk.length < CHUNK;
      at = 0;
    }
    return chunk[at];
  };
  return {
    textOf(key) {
      if (!isWithin(key)) return db.get(key);
      for (let entry = here(); entry !== undefined; entry = here()) {
        const order = compareKeys(entry.key, key);
        if (order > 0) return undefined;
        at++;
        passed(entry.key, order === 0);
        if (order === 0) return entry.value;
      }
      return undefined;
    },
    isAtEnd: () => range.end === undefined && isLast && at === chunk.length,
    finish() {
      for (let entry = here(); entry !== undefined; entry = here()) {
        at++;
        passed(entry.key, false);
      }
    },
  };
}
