import { foldLocal } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import type { Selection } from './cache-key.ts';
import { WideMap } from './wide-map.ts';

/** A mailbox, as a question has it: its local part is case-folded and its domain canonical. */
export interface Name {
  readonly local: string;
  readonly domain: string;
}

/** The mailboxes that a store listed as taking mail. It lists them in portions, again and again. */
export interface WarmNames {
  /** When the store was asked for the portion that has this mailbox. Undefined: no list that counts has it. */
  dateOf(local: string, domain: string): number | undefined;
  size(): number;
  /** Begins a list. The names of the list before still count. */
  begin(): void;
  /** Call this before the store is asked for a portion: what is forgotten until `add` is not added. */
  ask(at: number): void;
  /**
   * Adds the portion that was asked for; an empty one if the store failed. A name in another spelling is left out,
   * because the store may not find it when it is asked. Returns how many names have no room.
   */
  add(names: readonly Name[]): number;
  /** Ends a list: what it did not have does not count any more. */
  end(): void;
  /** Frees the memory of what does not count. Pauses now and then, for others. */
  sweep(): Generator<undefined>;
  /** Forgets what is selected, and returns how many names that were. */
  forget(selection: Selection): number;
  drop(name: Name): void;
  /** Visits everything that is selected and counts. */
  each(selection: Selection, visit: (name: Name, at: number) => void): void;
}

/** A portion of a list. All its names share it: a name costs an entry of a Map and its local part. */
interface Portion {
  readonly at: number;
  readonly list: number;
}

const SWEPT_AT_ONCE = 5_000; // names, less than a millisecond
const MOST_FORGOTTEN = 10_000; // while one portion is asked for; beyond that, the portion is forgotten as a whole

/** Makes room for `most` names. */
export function createWarmNames(most: number): WarmNames {
  const domains = new WideMap<WideMap<Portion>>();
  let size = 0;
  let list = 0;
  let oldest = 0; // the oldest list that counts
  let portion: Portion = { at: 0, list };
  /** What was forgotten since a portion was asked for: owners as in a Selection, and domains with an @. */
  let forgotten: Set<string> | 'all' | null = null;

  const remove = (local: string, domain: string): number => {
    const locals = domains.get(domain);
    if (locals?.delete(local) !== true) return 0;
    if (locals.size === 0) domains.delete(domain);
    size--;
    return 1;
  };
  const removeDomain = (domain: string): number => {
    const gone = domains.get(domain)?.size ?? 0;
    domains.delete(domain);
    size -= gone;
    return gone;
  };
  const note = (what: string): void => {
    if (forgotten === null || forgotten === 'all') return;
    if (forgotten.size < MOST_FORGOTTEN) forgotten.add(what);
    else forgotten = 'all';
  };
  const forgetOwner = (owner: string): number => {
    note(owner);
    const blank = owner.indexOf(' ');
    return blank <= 0 ? 0 : remove(owner.slice(blank + 1), owner.slice(0, blank));
  };

  return {
    dateOf(local, domain) {
      const found = domains.get(domain)?.get(local);
      return found === undefined || found.list < oldest ? undefined : found.at;
    },
    size: () => size,
    begin() {
      list++;
    },
    ask(at) {
      portion = { at, list };
      forgotten = new Set();
    },
    add(names) {
      const gone = forgotten;
      forgotten = null;
      if (gone === null || gone === 'all') return 0;
      let left = 0;
      for (const { local, domain } of names) {
        if (gone.size > 0 && (gone.has(`@${domain}`) || gone.has(`${domain} ${local}`))) continue;
        let locals = domains.get(domain);
        if (local === '' || foldLocal(local) !== local) continue;
        if (locals === undefined && parseDomain(domain) !== domain) continue;
        const isNew = locals?.get(local) === undefined;
        if (isNew && size >= most) {
          left++;
          continue;
        }
        if (locals === undefined) domains.set(domain, (locals = new WideMap()));
        locals.set(local, portion);
        if (isNew) size++;
      }
      return left;
    },
    end() {
      oldest = list;
    },
    *sweep() {
      let seen = 0;
      for (const [domain, locals] of domains) {
        for (const [local, { list: of }] of locals) {
          if (of < oldest) remove(local, domain);
          if (++seen % SWEPT_AT_ONCE === 0) yield;
        }
      }
    },
    forget(selection) {
      if (selection === 'all') {
        const gone = size;
        domains.clear();
        size = 0;
        if (forgotten !== null) forgotten = 'all';
        return gone;
      }
      if ('domain' in selection) {
        note(`@${selection.domain}`);
        return removeDomain(selection.domain);
      }
      return selection.owners.reduce((sum, owner) => sum + forgetOwner(owner), 0);
    },
    drop({ local, domain }) {
      forgetOwner(`${domain} ${foldLocal(local)}`);
    },
    each(selection, visit) {
      const visitOne = (local: string, domain: string, found: Portion | undefined): void => {
        if (found !== undefined && found.list >= oldest) visit({ local, domain }, found.at);
      };
      const visitAll = (domain: string, locals: Iterable<[string, Portion]> = []): void => {
        for (const [local, found] of locals) visitOne(local, domain, found);
      };
      if (selection === 'all') {
        for (const [domain, locals] of domains) visitAll(domain, locals);
        return;
      }
      if ('domain' in selection) return visitAll(selection.domain, domains.get(selection.domain));
      for (const owner of selection.owners) {
        const blank = owner.indexOf(' ');
        const [domain, local] = [owner.slice(0, blank), owner.slice(blank + 1)];
        if (blank > 0) visitOne(local, domain, domains.get(domain)?.get(local));
      }
    },
  };
}
