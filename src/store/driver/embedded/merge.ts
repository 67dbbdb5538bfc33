/** Something that has the key of a record. */
interface Keyed {
  readonly key: string;
}

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;
const BEHIND_ALL_OTHERS = 0x1_0000;

/**
 * Compares two keys as LMDB does: by their bytes in UTF-8. The operator < compares units of UTF-16, in which a letter
 * of two units comes before some letters of one.
 */
export function compareKeys(one: string, other: string): number {
  const most = Math.min(one.length, other.length);
  for (let at = 0; at < most; at++) {
    const [unit, otherUnit] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (unit !== otherUnit) return rankOf(unit) - rankOf(otherUnit);
  }
  return one.length - other.length;
}

function rankOf(unit: number): number {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE ? unit + BEHIND_ALL_OTHERS : unit;
}

/** One sequence of several that are in the order of their keys. Equal keys come in the order of their sequences. */
export function* merge<T extends Keyed>(sequences: readonly Iterable<T>[]): Generator<T> {
  const iterators = sequences.map((sequence) => sequence[Symbol.iterator]());
  const firsts = new Map<number, T>(); // the next of each sequence that has not ended
  const heap: number[] = []; // their numbers; the smallest first, none greater than those at 2n + 1 and 2n + 2
  const isBefore = (one: number, other: number): boolean => {
    const order = compareKeys((firsts.get(one) as T).key, (firsts.get(other) as T).key);
    return order === 0 ? one < other : order < 0;
  };
  /** Moves what is at a place down to where it belongs. */
  const settle = (start: number): void => {
    const moved = heap[start] as number;
    let at = start;
    for (;;) {
      let next = 2 * at + 1;
      if (next >= heap.length) break;
      if (next + 1 < heap.length && isBefore(heap[next + 1] as number, heap[next] as number)) next++;
      if (!isBefore(heap[next] as number, moved)) break;
      heap[at] = heap[next] as number;
      at = next;
    }
    heap[at] = moved;
  };

  for (const [number, iterator] of iterators.entries()) {
    const { done, value } = iterator.next();
    if (done === true) continue;
    firsts.set(number, value);
    heap.push(number);
  }
  for (let at = heap.length - 1; at >= 0; at--) settle(at);
  while (heap.length > 0) {
    const number = heap[0] as number;
    yield firsts.get(number) as T;
    const { done, value } = (iterators[number] as Iterator<T>).next();
    if (done === true) {
      const last = heap.pop() as number;
      if (heap.length > 0) heap[0] = last;
    } else {
      firsts.set(number, value);
    }
    if (heap.length > 0) settle(0);
  }
}
