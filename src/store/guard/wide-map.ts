const PART_ENTRIES = 2_048; // on average at most

/**
 * A Map by text for millions of entries. V8 makes room in a Map by copying all of it at once, which holds the event loop for
 * 100 ms at a million entries. Here it starts as one Map. Whenever it has too many entries for its parts, one part is split
 * into two, each in its turn, so that a `set` never moves more than some thousands (a linear hash table, W. Litwin, 1980).
 */
export class WideMap<T> {
  #parts = [new Map<string, T>()];
  #round = 1; // how many parts there were when this round of splits began
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    return this.#partOf(key).get(key);
  }

  set(key: string, value: T): void {
    const part = this.#partOf(key);
    const before = part.size;
    part.set(key, value);
    this.#size += part.size - before;
    if (this.#size > this.#parts.length * PART_ENTRIES) this.#split();
  }

  delete(key: string): boolean {
    const isGone = this.#partOf(key).delete(key);
    if (isGone) this.#size--;
    return isGone;
  }

  clear(): void {
    this.#parts = [new Map()];
    this.#round = 1;
    this.#size = 0;
  }

  /** Visits every entry, in no order. What is set meanwhile may be left out, or moved to where it is visited again. */
  *[Symbol.iterator](): Generator<[string, T]> {
    for (const part of this.#parts) yield* part;
  }

  #partOf(key: string): Map<string, T> {
    const parts = this.#parts;
    if (parts.length === 1) return parts[0] as Map<string, T>;
    const hash = hashOf(key);
    const number = hash & (2 * this.#round - 1);
    return parts[number < parts.length ? number : hash & (this.#round - 1)] as Map<string, T>;
  }

  #split(): void {
    const full = this.#parts[this.#parts.length - this.#round] as Map<string, T>;
    this.#parts.push(new Map());
    for (const [key, value] of full) {
      const part = this.#partOf(key);
      if (part === full) continue;
      part.set(key, value);
      full.delete(key);
    }
    if (this.#parts.length === 2 * this.#round) this.#round *= 2;
  }
}

/** FNV-1a, whose high bits are folded into the low ones, since only those choose a part. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
