/** Entries of the data file that wait to be written in the order of their keys. */
export interface Portion {
  /** False if there is no room for an entry: take what is there first. */
  add(key: string, text: string): boolean;
  /** Calls `each` in the order of the keys, equal keys in the order of `add`. Then the portion is empty. */
  take(each: (key: string, text: string) => void): void;
}

const MOST_ENTRIES = 2 ** 21; // then the number of an entry and four bytes of its key fit into a double
const MOST_BYTES = 2 ** 26;

/**
 * An empty portion. It holds bytes and no objects: two million entries need 120 MB at most, and no work of the garbage
 * collector. Memory that is not used is not touched.
 */
export function createPortion(mostEntries = MOST_ENTRIES, mostBytes = MOST_BYTES): Portion {
  const bytes = Buffer.allocUnsafeSlow(mostBytes);
  const keys = createSlices(mostEntries);
  const texts = createSlices(mostEntries);
  const order = new Float64Array(mostEntries); // the numbers of the entries
  let count = 0;
  let used = 0;
  let lastText = '';

  /** How many bytes the keys of a part of the order have in common; `known` are known. */
  const commonBytes = (from: number, to: number, known: number): number => {
    const first = order[from] as number;
    const start = keys.starts[first] as number;
    let common = (keys.ends[first] as number) - start;
    for (let at = from + 1; at < to && common > known; at++) {
      const other = order[at] as number;
      const otherStart = keys.starts[other] as number;
      const most = Math.min(common, (keys.ends[other] as number) - otherStart);
      for (common = known; common < most && bytes[start + common] === bytes[otherStart + common];) common++;
    }
    return Math.max(common, known); // some keys may end before
  };

  /**
   * Sorts a part of the order, whose keys have so many bytes in common. The next four bytes of each key are put before
   * its number, so that numbers are sorted: this takes a fifth of the time of comparing texts.
   */
  const sort = (from: number, to: number, known: number): void => {
    const common = commonBytes(from, to, known);
    let isEnd = true;
    for (let at = from; at < to; at++) {
      const entry = order[at] as number;
      const end = keys.ends[entry] as number;
      const start = (keys.starts[entry] as number) + common;
      if (start < end) isEnd = false;
      let four = 0;
      for (let byte = start; byte < start + 4; byte++) four = four * 256 + (byte < end ? (bytes[byte] as number) : 0);
      order[at] = four * MOST_ENTRIES + entry;
    }
    order.subarray(from, to).sort();
    for (let first = from, next = from; first < to; first = next) {
      const four = Math.floor((order[first] as number) / MOST_ENTRIES);
      for (; next < to && Math.floor((order[next] as number) / MOST_ENTRIES) === four; next++) {
        (order[next] as number) %= MOST_ENTRIES;
      }
      if (next - first > 1 && !isEnd) sort(first, next, common + 4);
    }
  };

  const write = (text: string, { starts, ends }: Slices): void => {
    starts[count] = used;
    used += bytes.write(text, used);
    ends[count] = used;
  };
  const read = (entry: number, { starts, ends }: Slices): string => bytes.toString('utf8', starts[entry], ends[entry]);

  return {
    add(key, text) {
      if (count === mostEntries || (key.length + text.length) * 3 > mostBytes - used) return false;
      order[count] = count;
      write(key, keys);
      if (text === lastText && count > 0) {
        texts.starts[count] = texts.starts[count - 1] as number; // most mailboxes have the same text
        texts.ends[count] = texts.ends[count - 1] as number;
      } else {
        write(text, texts);
      }
      lastText = text;
      count++;
      return true;
    },
    take(each) {
      sort(0, count, 0);
      let text = '';
      let before = -1;
      for (const entry of order.subarray(0, count)) {
        const isSame = texts.starts[entry] === texts.starts[before] && texts.ends[entry] === texts.ends[before];
        if (!isSame) text = read(entry, texts);
        before = entry;
        each(read(entry, keys), text);
      }
      count = 0;
      used = 0;
    },
  };
}

/** Where the keys, or the texts, of the entries are in the bytes. */
interface Slices {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

function createSlices(most: number): Slices {
  return { starts: new Uint32Array(most), ends: new Uint32Array(most) };
}
