import type { Belongs, Selection } from './cache-key.ts';
import { WideMap } from './wide-map.ts';

/**
 * A limited number of values, by key. Each key has an owner in a domain; all values of either are forgotten at once.
 */
export interface Lru<T> {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
  remove(key: string): boolean;
  size(): number;
  /** Forgets what is selected and returns how many values that were. A domain of 100,000 takes no longer than one. */
  forget(selection: Selection): number;
  /** Visits everything that is selected. */
  each(selection: Selection, visit: (key: string, value: T) => void): void;
}

/** The values of an owner or a domain. A flag makes all of them forgotten, without a visit to each of them. */
interface Group {
  readonly name: string;
  readonly within: Group | null;
  count: number;
  forgotten: boolean;
}

interface Kept<T> {
  value: T;
  readonly owner: Group;
}

/** A forgotten value stays in `kept` until its key is put again or the half is dropped. */
interface Half<T> {
  readonly kept: WideMap<Kept<T>>;
  readonly owners: WideMap<Group>;
  readonly domains: WideMap<Group>;
  count: number;
}

/**
 * Keeps at most `most` values, and longest those that were used last. When the young half is full, it becomes the old
 * half, and what was not used of the previous old half is dropped. To remove the oldest from one Map instead costs 7
 * us, because the search steps over those that were removed before.
 */
export function createLru<T>(most: number, belongsTo: (key: string) => Belongs): Lru<T> {
  const mostYoung = most >> 1;
  let young = createHalf<T>();
  let old = createHalf<T>();

  const put = (key: string, value: T): void => {
    if (mostYoung === 0) return;
    const known = find(young, key);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    take(old, key);
    const belongs = belongsTo(key);
    const domain = groupIn(young.domains, belongs.domain, null);
    const owner = groupIn(young.owners, belongs.owner, domain);
    young.kept.set(key, { value, owner });
    young.count++;
    owner.count++;
    domain.count++;
    if (young.kept.size < mostYoung) return;
    old = young;
    young = createHalf();
  };

  return {
    get(key) {
      const known = find(young, key);
      if (known !== undefined) return known.value;
      const aged = find(old, key)?.value;
      if (aged !== undefined) put(key, aged);
      return aged;
    },
    put,
    remove: (key) => take(young, key) || take(old, key),
    size: () => young.count + old.count,
    forget(selection) {
      const before = young.count + old.count;
      if (selection === 'all') {
        young = createHalf();
        old = createHalf();
      } else {
        for (const half of [young, old]) {
          if ('domain' in selection) forgetGroup(half, half.domains, selection.domain);
          else for (const owner of selection.owners) forgetGroup(half, half.owners, owner);
        }
      }
      return before - young.count - old.count;
    },
    each(selection, visit) {
      for (const { kept } of [young, old]) {
        for (const [key, { value, owner }] of kept) {
          if (!isForgotten(owner) && isSelected(owner, selection)) visit(key, value);
        }
      }
    },
  };
}

function createHalf<T>(): Half<T> {
  return { kept: new WideMap(), owners: new WideMap(), domains: new WideMap(), count: 0 };
}

function find<T>({ kept }: Half<T>, key: string): Kept<T> | undefined {
  const found = kept.get(key);
  return found === undefined || isForgotten(found.owner) ? undefined : found;
}

function take<T>(half: Half<T>, key: string): boolean {
  const found = find(half, key);
  half.kept.delete(key);
  if (found === undefined) return false;
  const { owner } = found;
  leave(half.owners, owner, 1);
  if (owner.within !== null) leave(half.domains, owner.within, 1);
  half.count--;
  return true;
}

/** The group of that name; a new one if there is none, or if it was forgotten with its domain. */
function groupIn(groups: WideMap<Group>, name: string, within: Group | null): Group {
  const known = groups.get(name);
  if (known !== undefined && !isForgotten(known)) return known;
  const group = { name, within, count: 0, forgotten: false };
  groups.set(name, group);
  return group;
}

function forgetGroup<T>(half: Half<T>, groups: WideMap<Group>, name: string): void {
  const group = groups.get(name);
  if (group === undefined || isForgotten(group)) return;
  group.forgotten = true;
  groups.delete(name);
  half.count -= group.count;
  if (group.within !== null) leave(half.domains, group.within, group.count);
}

function leave(groups: WideMap<Group>, group: Group, count: number): void {
  group.count -= count;
  if (group.count === 0) groups.delete(group.name);
}

function isForgotten(group: Group): boolean {
  return group.forgotten || (group.within?.forgotten ?? false);
}

function isSelected({ name, within }: Group, selection: Selection): boolean {
  if (selection === 'all') return true;
  return 'domain' in selection ? selection.domain === within?.name : selection.owners.includes(name);
}
