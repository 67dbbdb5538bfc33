/** Values by their keys, in a bounded number; each key has an owner, and an owner may have many keys. */
export interface Shelf<T> {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
  remove(key: string): boolean;
  size(): number;
  /** All keys, or those of an owner. */
  keys(owner: string | null): string[];
  each(visit: (key: string, value: T) => void): void;
  clear(): void;
}

interface Half<T> {
  readonly values: Map<string, T>;
  readonly owned: Map<string, string | Set<string>>; // most owners have one key, and a Set takes 200 bytes
}

/**
 * Keeps at most so many, and what was used last for longest: where the young half is full, it becomes the old one, and what nobody
 * used of that goes. Taking the oldest out of one Map instead costs 7 us, since it steps over those taken out before.
 */
export function createShelf<T>(most: number, ownerOf: (key: string) => string): Shelf<T> {
  const mostYoung = most >> 1;
  const createHalf = (): Half<T> => ({ values: new Map(), owned: new Map() });
  let young = createHalf();
  let old = createHalf();

  const put = (key: string, value: T): void => {
    if (mostYoung === 0) return;
    if (!young.values.has(key)) {
      take(old, key);
      own(young, key);
    }
    young.values.set(key, value);
    if (young.values.size < mostYoung) return;
    old = young;
    young = createHalf();
  };
  const own = ({ owned }: Half<T>, key: string): void => {
    const owner = ownerOf(key);
    const keys = owned.get(owner);
    if (keys === undefined) owned.set(owner, key);
    else if (typeof keys === 'string') owned.set(owner, new Set([keys, key]));
    else keys.add(key);
  };
  const take = ({ values, owned }: Half<T>, key: string): boolean => {
    if (!values.delete(key)) return false;
    const owner = ownerOf(key);
    const keys = owned.get(owner);
    if (typeof keys === 'object') keys.delete(key);
    if (typeof keys !== 'object' || keys.size === 0) owned.delete(owner);
    return true;
  };

  return {
    get(key) {
      const value = young.values.get(key);
      if (value !== undefined) return value;
      const aged = old.values.get(key);
      if (aged !== undefined) put(key, aged);
      return aged;
    },
    put,
    remove: (key) => take(young, key) || take(old, key),
    size: () => young.values.size + old.values.size,
    keys(owner) {
      const halves = [young, old];
      if (owner === null) return halves.flatMap(({ values }) => Array.from(values.keys()));
      return halves.flatMap(({ owned }) => {
        const keys = owned.get(owner) ?? [];
        return typeof keys === 'string' ? keys : Array.from(keys);
      });
    },
    each(visit) {
      for (const { values } of [young, old]) values.forEach((value, key) => visit(key, value));
    },
    clear() {
      young = createHalf();
      old = createHalf();
    },
  };
}
