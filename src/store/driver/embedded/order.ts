/**
 * Entries in memory, which consists of words. An entry is at a place, the number of its first word: the place of its
 * text, the length of its key in bytes, and then the key.
 */
export interface Memory {
  readonly words: Uint32Array;
  /** The same memory. */
  readonly bytes: Buffer;
}

export const WORD_BYTES = 4;
const PLACE_BITS = 24;
const PLACE = 2 ** PLACE_BITS - 1;
const KEY_AT = 2; // words

/** Where the key of an entry starts in the bytes. */
export function keyStartOf(place: number): number {
  return (place + KEY_AT) * WORD_BYTES;
}

/** Where it ends. */
export function keyEndOf({ words }: Memory, place: number): number {
  return keyStartOf(place) + (words[place + 1] as number);
}

/** The order of entries. */
export interface Order {
  /** At most as many as was said. */
  add(place: number): void;
  /** The places in the order of the bytes of their keys, equal keys in the order of their places. Then there are none. */
  sorted(): Generator<number>;
  /** The same in the order of `add`. */
  unsorted(): Generator<number>;
}

const FEW = 16; // entries, which are sorted one by one
const TOUCHED = 32; // entries whose memory is asked for at once

/** Of each entry, this word and the first ones are asked for: mostly all of it. There must be so many words behind the last entry. */
export const TOUCHED_WORD = 7;

/** An order is numbers of 64 bits: a code of 40 bits for some bytes of a key, and the place. */
const CODES = 2 ** 40;
const CODES_BESIDE_PLACE = 2 ** 8;
const [LOW, HIGH] = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? ([0, 1] as const) : ([1, 0] as const);

/**
 * An order of at most so many entries. It sorts numbers and not texts, in a third of the time. What takes time here is
 * memory: an entry is anywhere in it, so it is looked at as seldom as possible, and with others at once.
 */
export function createOrder(memory: Memory, most: number): Order {
  const { words, bytes } = memory;
  const order = new BigUint64Array(most);
  const halves = new Uint32Array(order.buffer);
  const ranks = new Uint8Array(256); // of the bytes that the keys have: 1 for the lowest. 0 is the end of a key
  let base = 1; // how many ranks there are. No more than 244, because not every byte is in UTF-8
  let span = 1; // of how many bytes a code is made
  let count = 0;
  const touched = new Uint32Array(1);

  const placeAt = (at: number): number => (halves[2 * at + LOW] as number) & PLACE;
  const codeAt = (at: number): number =>
    (halves[2 * at + HIGH] as number) * CODES_BESIDE_PLACE + ((halves[2 * at + LOW] as number) >>> PLACE_BITS);

  /** Ranks the bytes that keys have: fewer numbers than bytes, so that a code can stand for more of them. */
  const rankBytes = (): void => {
    ranks.fill(0);
    for (let at = 0; at < count; at++) {
      const place = placeAt(at);
      const end = keyEndOf(memory, place);
      for (let byte = keyStartOf(place); byte < end; byte++) ranks[bytes[byte] as number] = 1;
    }
    base = 1;
    for (const [byte, isThere] of ranks.entries()) if (isThere === 1) ranks[byte] = base++;
    span = Math.floor(Math.log(CODES) / Math.log(base + 1));
  };

  /** Reads a little of some entries, without using it, so that the processor waits for all of them at once. */
  const touch = (from: number, to: number): void => {
    let sum = 0;
    for (let at = from; at < to; at++) {
      const place = placeAt(at);
      sum += (words[place + 1] as number) + (words[place + TOUCHED_WORD] as number);
    }
    touched[0] = sum;
  };

  /** How many bytes the keys of a part of the order have in common; `known` are known. */
  const commonBytes = (from: number, to: number, known: number): number => {
    const first = placeAt(from);
    const start = keyStartOf(first);
    let common = keyEndOf(memory, first) - start;
    for (let at = from + 1; at < to && common > known; at++) {
      const other = placeAt(at);
      const otherStart = keyStartOf(other);
      const longest = Math.min(common, keyEndOf(memory, other) - otherStart);
      for (common = known; common < longest && bytes[start + common] === bytes[otherStart + common];) common++;
    }
    return common;
  };

  /** Whether an entry comes behind another one, which was added later. They have `known` bytes in common. */
  const isBehind = (place: number, later: number, known: number): boolean => {
    const end = keyEndOf(memory, place);
    const laterEnd = keyEndOf(memory, later);
    let at = keyStartOf(place) + known;
    let laterAt = keyStartOf(later) + known;
    for (; at < end && laterAt < laterEnd; at++, laterAt++) {
      const difference = (bytes[at] as number) - (bytes[laterAt] as number);
      if (difference !== 0) return difference > 0;
    }
    return at < end;
  };

  /** Sorts few entries, each of which goes in front of those that are behind it. */
  const sortFew = (from: number, to: number, known: number): void => {
    for (let next = from + 1; next < to; next++) {
      const place = placeAt(next);
      let at = next;
      for (; at > from && isBehind(placeAt(at - 1), place, known); at--) halves[2 * at + LOW] = placeAt(at - 1);
      halves[2 * at + LOW] = place;
    }
  };

  /** Sorts a part of the order by the next bytes of its keys, which have `known` in common. Returns how far it looked. */
  const sortByCode = (from: number, to: number, known: number): number => {
    const common = commonBytes(from, to, known);
    for (let at = from; at < to; at++) {
      if ((at - from) % TOUCHED === 0) touch(at, Math.min(to, at + TOUCHED));
      const place = placeAt(at);
      const end = keyEndOf(memory, place);
      const start = keyStartOf(place) + common;
      let code = 0;
      for (let byte = start; byte < start + span; byte++) {
        code = code * base + (byte < end ? (ranks[bytes[byte] as number] as number) : 0);
      }
      const high = Math.floor(code / CODES_BESIDE_PLACE);
      halves[2 * at + HIGH] = high;
      halves[2 * at + LOW] = ((code - high * CODES_BESIDE_PLACE) << PLACE_BITS) | place;
    }
    order.subarray(from, to).sort();
    return common + span;
  };

  /** Where the entries end that have the code of the first one. */
  const endOfGroup = (first: number, to: number): number => {
    const code = codeAt(first);
    let next = first + 1;
    while (next < to && codeAt(next) === code) next++;
    return next;
  };

  /** Sorts entries of one code. If the code has the end of a key, the keys are equal, and in order by their places. */
  const sortGroup = (from: number, to: number, known: number): void => {
    if (to - from < 2 || codeAt(from) % base === 0) return;
    if (to - from <= FEW) return sortFew(from, to, known);
    const looked = sortByCode(from, to, known);
    for (let first = from, next = from; first < to; first = next) {
      next = endOfGroup(first, to);
      sortGroup(first, next, looked);
    }
  };

  function* placesOf(from: number, to: number): Generator<number> {
    for (let at = from; at < to; at++) {
      if ((at - from) % TOUCHED === 0) touch(at, Math.min(to, at + TOUCHED));
      yield placeAt(at);
    }
  }

  return {
    add(place) {
      halves[2 * count + LOW] = place;
      count++;
    },
    *sorted() {
      rankBytes();
      const looked = sortByCode(0, count, 0);
      for (let first = 0, next = 0; first < count; first = next) {
        next = endOfGroup(first, count);
        sortGroup(first, next, looked); // just before it is needed, so it is still in the cache
        yield* placesOf(first, next);
      }
      count = 0;
    },
    *unsorted() {
      yield* placesOf(0, count);
      count = 0;
    },
  };
}
