import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReopening } from '../../src/store/guard/reopen.ts';
import { LostError, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const question: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};
const entry: Answer = { value: '', state: 'active' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A place with a store that can disappear. `said` has the events. */
function place() {
  const said: string[] = [];
  let there = false;
  let opens = 0;
  let closes = 0;
  let generation = 0;
  const open = (): Store => {
    opens++;
    if (!there) throw new StoreError('not there');
    const mine = generation;
    return storeOf(
      () => {
        if (mine !== generation) throw new LostError('replaced');
        return entry;
      },
      () => {
        closes++;
      },
    );
  };
  const store = createReopening(open, {
    opened: () => said.push('opened'),
    unavailable: () => said.push('unavailable'),
  });
  return {
    store,
    said,
    opens: () => opens,
    closes: () => closes,
    set: (value: boolean) => (there = value),
    replace: () => generation++,
  };
}

describe('a reopening store', () => {
  it('fails with the cause while the store is absent, and tries to open it ten times a second', () => {
    const { store, said, opens } = place();
    for (let at = 0; at < 100; at++) expect(() => store.lookup(question)).toThrow('not there');
    expect(opens()).toBe(1);
    vi.advanceTimersByTime(100);
    for (let at = 0; at < 100; at++) expect(() => store.lookup(question)).toThrow('not there');
    expect(opens()).toBe(2);
    expect(said).toEqual(['unavailable']); // once, not at each try
  });

  it('answers as soon as the store exists', () => {
    const { store, said, set } = place();
    set(true);
    vi.advanceTimersByTime(100);
    expect(store.lookup(question)).toEqual(entry);
    expect(said).toEqual(['unavailable', 'opened']);
  });

  it('opens a lost store again at once, and reports the next outage', () => {
    const { store, said, set, replace, opens, closes } = place();
    set(true);
    vi.advanceTimersByTime(100);
    expect(store.lookup(question)).toEqual(entry);
    replace();
    expect(store.lookup(question)).toEqual(entry);
    expect([opens(), closes()]).toEqual([3, 1]);
    set(false);
    replace();
    expect(() => store.lookup(question)).toThrow('not there');
    expect(said).toEqual(['unavailable', 'opened', 'opened', 'unavailable']);
  });
});
