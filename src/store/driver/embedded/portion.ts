import type { Entry } from './derived.ts';
import { compareKeys } from './merge.ts';

/** Entries of the data file in memory, to be sorted. */
export interface Portion {
  /** False if there is no room for an entry: take what is there first. */
  add(key: string, text: string): boolean;
  /** All entries in the order of their keys, equal keys in the order of `add`. Then the portion is empty. */
  take(): Generator<Entry>;
  /** The same, as bytes that are valid until the next one. The text is null if it is that of the entry before. */
  takeBytes(): Generator<readonly [key: Buffer, text: Buffer | null]>;
}

/** How much a portion can hold. */
export interface PortionSize {
  readonly entries: number; // at most 2^21: the number of an entry and four bytes of its key must fit into a double
  readonly bytes: number;
}

const USUAL: PortionSize = { entries: 2 ** 20, bytes: 2 ** 25 };
const MOST_ENTRIES = 2 ** 21;
const FEW = 24; // entries, which are sorted one by one

/**
 * An empty portion. It holds bytes and no objects: a million entries need 56 MB at most, and no work of the garbage
 * collector. Memory that is not used is not touched.
 */
export function createPortion(size = USUAL): Portion {
  const bytes = Buffer.allocUnsafeSlow(size.bytes);
  const slices = new Uint32Array(4 * size.entries); // where each key and each text starts and ends in the bytes
  const order = new Float64Array(size.entries); // the numbers of the entries
  let count = 0;
  let used = 0;
  let lastKey = '';
  let lastText = '';
  let isSorted = true;

  const keyStart = (entry: number): number => slices[4 * entry] as number;
  const keyEnd = (entry: number): number => slices[4 * entry + 1] as number;
  const textStart = (entry: number): number => slices[4 * entry + 2] as number;
  const textEnd = (entry: number): number => slices[4 * entry + 3] as number;

  /** How many bytes the keys of a part of the order have in common; `known` are known. */
  const commonBytes = (from: number, to: number, known: number): number => {
    const first = order[from] as number;
    const start = keyStart(first);
    let common = keyEnd(first) - start;
    for (let at = from + 1; at < to && common > known; at++) {
      const other = order[at] as number;
      const otherStart = keyStart(other);
      const most = Math.min(common, keyEnd(other) - otherStart);
      for (common = known; common < most && bytes[start + common] === bytes[otherStart + common];) common++;
    }
    return Math.max(common, known); // some keys may end before
  };

  /** Whether an entry comes behind another one, which was added later. They have `known` bytes in common. */
  const isBehind = (entry: number, later: number, known: number): boolean => {
    const end = keyEnd(entry);
    const laterEnd = keyEnd(later);
    let at = keyStart(entry) + known;
    let laterAt = keyStart(later) + known;
    for (; at < end && laterAt < laterEnd; at++, laterAt++) {
      const difference = (bytes[at] as number) - (bytes[laterAt] as number);
      if (difference !== 0) return difference > 0;
    }
    return at < end;
  };

  /** Sorts few entries, each of which goes in front of those that are behind it. */
  const sortFew = (from: number, to: number, known: number): void => {
    for (let next = from + 1; next < to; next++) {
      const entry = order[next] as number;
      let at = next;
      for (; at > from && isBehind(order[at - 1] as number, entry, known); at--) order[at] = order[at - 1] as number;
      order[at] = entry;
    }
  };

  /**
   * Sorts a part of the order, whose keys have so many bytes in common. The next four bytes of each key are put before
   * its number, so that numbers are sorted: this takes a fifth of the time of comparing texts.
   */
  const sort = (from: number, to: number, known: number): void => {
    if (to - from <= FEW) return sortFew(from, to, known);
    const common = commonBytes(from, to, known);
    let isEnd = true;
    for (let at = from; at < to; at++) {
      const entry = order[at] as number;
      const end = keyEnd(entry);
      const start = keyStart(entry) + common;
      if (start < end) isEnd = false;
      let four = 0;
      for (let byte = start; byte < start + 4; byte++) four = four * 256 + (byte < end ? (bytes[byte] as number) : 0);
      order[at] = four * MOST_ENTRIES + entry;
    }
    order.subarray(from, to).sort();
    for (let first = from, next = from; first < to; first = next) {
      const four = Math.floor((order[first] as number) / MOST_ENTRIES);
      for (; next < to && Math.floor((order[next] as number) / MOST_ENTRIES) === four; next++) {
        (order[next] as number) -= four * MOST_ENTRIES;
      }
      if (next - first > 1 && !isEnd) sort(first, next, common + 4);
    }
  };

  /** The number of each entry, in order, and whether it has the text of the one before. Then the portion is empty. */
  function* numbers(): Generator<readonly [entry: number, isSame: boolean]> {
    if (!isSorted) sort(0, count, 0);
    let before = -1;
    for (let at = 0; at < count; at++) {
      const entry = order[at] as number;
      const isSame = before >= 0 && textStart(entry) === textStart(before) && textEnd(entry) === textEnd(before);
      yield [entry, isSame];
      before = entry;
    }
    count = 0;
    used = 0;
    isSorted = true;
  }

  return {
    add(key, text) {
      if (count === size.entries || (key.length + text.length) * 3 > size.bytes - used) return false;
      order[count] = count;
      isSorted &&= count === 0 || compareKeys(lastKey, key) <= 0;
      const first = 4 * count;
      slices[first] = used;
      slices[first + 1] = used += bytes.write(key, used);
      if (text === lastText && count > 0) {
        slices.copyWithin(first + 2, first - 2, first); // most mailboxes have the same text
      } else {
        slices[first + 2] = used;
        slices[first + 3] = used += bytes.write(text, used);
      }
      lastKey = key;
      lastText = text;
      count++;
      return true;
    },
    *take() {
      let text = '';
      for (const [entry, isSame] of numbers()) {
        if (!isSame) text = bytes.toString('utf8', textStart(entry), textEnd(entry));
        yield { key: bytes.toString('utf8', keyStart(entry), keyEnd(entry)), text };
      }
    },
    *takeBytes() {
      for (const [entry, isSame] of numbers()) {
        const text = isSame ? null : bytes.subarray(textStart(entry), textEnd(entry));
        yield [bytes.subarray(keyStart(entry), keyEnd(entry)), text];
      }
    },
  };
}
