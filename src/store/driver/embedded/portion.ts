import type { Entry } from './derived.ts';
import { compareKeys } from './merge.ts';
import { createOrder, keyEndOf, keyStartOf, type Memory, TOUCHED_WORD, WORD_BYTES } from './order.ts';

/** Entries of the data file in memory, to be sorted. */
export interface Portion {
  /** False if there is no room for an entry: take what is there first. */
  add(key: string, text: string): boolean;
  /** All entries in the order of their keys, equal keys in the order of `add`. Then the portion is empty. */
  take(): Generator<Entry>;
  /** The same, as bytes: `passed` is called with each entry. */
  takeBytes(passed: (slices: Slices) => void): void;
}

/** Where an entry stands in bytes. It is valid until the next one. */
export interface Slices {
  readonly bytes: Buffer;
  keyStart: number;
  keyEnd: number;
  textStart: number;
  textEnd: number;
  /** Whether its text is that of the entry before. */
  isSame: boolean;
}

/** How much a portion can hold. */
export interface PortionSize {
  readonly entries: number;
  readonly bytes: number; // below 2^26
}

const USUAL: PortionSize = { entries: 2 ** 20, bytes: 3 * 2 ** 24 };
const TEXT_AT = 1; // words; before it stands its length in bytes
const MOST_BESIDE = 20; // bytes that an entry needs beside its key and its text

/**
 * An empty portion. It holds bytes and no objects: a million entries need 56 MB at most, and no work of the garbage
 * collector. Memory that is not used is not touched.
 */
export function createPortion(size = USUAL): Portion {
  const most = Math.floor(size.bytes / WORD_BYTES);
  const words = new Uint32Array(most + TOUCHED_WORD);
  const bytes = Buffer.from(words.buffer);
  const memory: Memory = { words, bytes };
  const order = createOrder(memory, size.entries);
  let count = 0;
  let used = 0; // words
  let lastKey = '';
  let lastText = '';
  let lastTextPlace = 0;
  let isSorted = true;

  const textStart = (textPlace: number): number => (textPlace + TEXT_AT) * WORD_BYTES;
  const textEnd = (textPlace: number): number => textStart(textPlace) + (words[textPlace] as number);
  const wordsOf = (length: number): number => Math.ceil(length / WORD_BYTES);

  function* places(): Generator<number> {
    yield* isSorted ? order.unsorted() : order.sorted();
    count = 0;
    used = 0;
    isSorted = true;
  }

  return {
    add(key, text) {
      const longest = (key.length + text.length) * 3 + MOST_BESIDE;
      if (count === size.entries || longest > (most - used) * WORD_BYTES) return false;
      if (count === 0 || text !== lastText) {
        lastTextPlace = used; // most mailboxes have the same text
        const length = bytes.write(text, textStart(used));
        words[used] = length;
        used += TEXT_AT + wordsOf(length);
      }
      const start = keyStartOf(used);
      const length = bytes.write(key, start);
      words[used] = lastTextPlace;
      words[used + 1] = length;
      order.add(used);
      used = wordsOf(start + length);
      isSorted &&= count === 0 || compareKeys(lastKey, key) <= 0;
      count++;
      lastKey = key;
      lastText = text;
      return true;
    },
    *take() {
      let textPlace = -1;
      let text = '';
      for (const place of places()) {
        if (words[place] !== textPlace) {
          textPlace = words[place] as number;
          text = bytes.toString('utf8', textStart(textPlace), textEnd(textPlace));
        }
        yield { key: bytes.toString('utf8', keyStartOf(place), keyEndOf(memory, place)), text };
      }
    },
    takeBytes(passed) {
      const slices: Slices = { bytes, keyStart: 0, keyEnd: 0, textStart: 0, textEnd: 0, isSame: false };
      let textPlace = -1;
      for (const place of places()) {
        slices.isSame = words[place] === textPlace;
        textPlace = words[place] as number;
        slices.keyStart = keyStartOf(place);
        slices.keyEnd = keyEndOf(memory, place);
        slices.textStart = textStart(textPlace);
        slices.textEnd = textEnd(textPlace);
        passed(slices);
      }
    },
  };
}
