import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCache } from '../../src/store/guard/cache.ts';
import { type Listed, createWarm } from '../../src/store/guard/warm.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const OPTIONS = { entries: 800, positiveMs: 100_000, negativeMs: 10, failureMs: 5, staleMs: 500_000 };
const EVERY_MS = 50_000;
const FOUND: Answer = { value: '', state: 'active' };

const mailbox = (local: string, more: Partial<Extract<Question, { about: 'mailbox' }>> = {}): Question => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false, ...more };
};

/** A cache over a store that lists what the test says. The list has portions of two names. */
function world(names: readonly string[], holding = false) {
  const state = {
    names: [...names],
    says: null as Answer | Error,
    fails: null as Error | null,
    asked: [] as string[],
    lists: 0,
    closed: 0,
    events: [] as string[],
  };
  const held: (() => void)[] = [];
  const store = storeOf((question): Maybe<Answer> => {
    state.asked.push('local' in question ? question.local : question.about);
    if (state.says instanceof Error) throw state.says;
    return state.says;
  });
  const warm = createWarm(
    {
      async read(after): Promise<Listed> {
        if (after === null) state.lists++;
        const { fails } = state;
        const from = Number(after ?? 0);
        const found = state.names.slice(from, from + 2).map((local) => ({ local, domain: 'example.org' }));
        const next = from + 2 < state.names.length ? String(from + 2) : null;
        if (holding) await new Promise<void>((resolve) => held.push(resolve));
        if (fails !== null) throw fails;
        return { names: found, next };
      },
      close: () => void state.closed++,
    },
    { entries: OPTIONS.entries, warmEveryMs: EVERY_MS },
    {
      warmed: (entries, isLonger) => state.events.push(`${entries}${isLonger ? ' and more' : ''}`),
      notWarmed: (cause) => state.events.push((cause as Error).message),
    },
    () => Date.now(),
  );
  const cache = createCache(store, OPTIONS, () => Date.now(), warm);
  return {
    cache,
    state,
    hold: (): void => void (holding = true),
    release(): void {
      holding = false;
      for (const answer of held.splice(0)) answer();
    },
  };
}

/** What the cache says, and whether it asked the store. */
async function ask({ cache, state }: ReturnType<typeof world>, question: Question): Promise<unknown> {
  const before = state.asked.length;
  let said: unknown;
  try {
    said = await cache.lookup(question);
  } catch (cause) {
    said = (cause as Error).message;
  }
  return [said, state.asked.length > before ? 'asked' : 'not asked'];
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

describe('a warm cache', () => {
  it('answers who is listed without asking the store, also for the first time', async () => {
    const w = world(['fred', 'joe', 'sue']);
    await pass(10);
    expect(await ask(w, mailbox('sue'))).toEqual([FOUND, 'not asked']);
    expect(await ask(w, mailbox('sue', { exact: true, anyCase: true }))).toEqual([FOUND, 'not asked']);
    expect(w.cache.stats()).toMatchObject({ entries: 3, found: 3, hits: 2, misses: 0, warm: { entries: 3, hits: 2 } });
  });

  it.each([
    ['who is not in the list', mailbox('ann')],
    ['a folder', mailbox('fred', { folder: 'news' })],
    ['an alias', { about: 'alias', local: 'fred', domain: 'example.org', exact: false } as const],
    ['a domain', { about: 'domain', domain: 'example.org' } as const],
    ['another spelling that must be exact', mailbox('Fred', { exact: true })],
    ['another domain', mailbox('fred', { domain: 'example.net' })],
  ])('asks the store for %s', async (_, question) => {
    const w = world(['fred']);
    await pass(10);
    expect(await ask(w, question)).toEqual([null, 'asked']);
  });

  it('asks the store before it has a list', async () => {
    const w = world(['fred'], true);
    await pass(10);
    expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
  });

  it('never answers several questions at once from a list, because its portions are of different moments', async () => {
    const w = world(['fred', 'joe']);
    await pass(10);
    expect(await w.cache.lookupAtOnce([mailbox('fred'), mailbox('joe')])).toEqual([null, null]);
  });

  it('lists again, so nobody who stays grows too old', async () => {
    const w = world(['fred']);
    for (let n = 0; n < 10; n++) {
      await pass(EVERY_MS);
      expect(await ask(w, mailbox('fred'))).toEqual([FOUND, 'not asked']);
    }
    expect(w.state.lists).toBe(11);
  });

  it('counts the age from before the store was asked for the list, however late it came', async () => {
    const w = world(['fred'], true);
    await pass(OPTIONS.positiveMs - 1);
    w.release();
    await pass(0);
    expect(await ask(w, mailbox('fred'))).toEqual([FOUND, 'not asked']);
    await pass(1);
    expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
  });

  it('does not answer from a list that is older than positive_ms, because the store lists no more', async () => {
    const w = world(['fred']);
    await pass(10);
    w.state.fails = new StoreError('down');
    await pass(OPTIONS.positiveMs - 11);
    expect(await ask(w, mailbox('fred'))).toEqual([FOUND, 'not asked']);
    await pass(1);
    expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
  });

  it('repeats an older list if the store fails, up to stale_ms', async () => {
    const w = world(['fred']);
    await pass(10);
    w.state.says = w.state.fails = new StoreError('down');
    await pass(OPTIONS.staleMs - 20);
    expect(await ask(w, mailbox('fred'))).toEqual([FOUND, 'asked']);
    expect(await ask(w, mailbox('joe'))).toEqual(['down', 'asked']);
    await pass(20);
    expect(await ask(w, mailbox('fred'))).toEqual(['down', 'asked']);
  });

  it('drops who is not in the next list', async () => {
    const w = world(['fred', 'joe']);
    await pass(10);
    w.state.names = ['joe'];
    await pass(EVERY_MS);
    expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
    expect(await ask(w, mailbox('joe'))).toEqual([FOUND, 'not asked']);
  });

  it.each(['fred@example.org', '@example.org', null])(
    'forgets %s at once, also while a list is under way',
    async (what) => {
      const w = world(['fred', 'joe']);
      await pass(10);
      w.hold();
      await pass(EVERY_MS); // this list is asked for before somebody forgets
      expect(w.state.lists).toBe(2);
      expect(w.cache.forget(what)).toBe(what === 'fred@example.org' ? 1 : 2);
      expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
      w.release();
      await pass(20);
      expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
    },
  );

  it('lists again soon after a domain was forgotten, and once for many', async () => {
    const w = world(['fred']);
    await pass(10_000);
    for (let n = 0; n < 100; n++) w.cache.forget('@example.org');
    await pass(2_000);
    expect(w.state.lists).toBe(2);
    expect(await ask(w, mailbox('fred'))).toEqual([FOUND, 'not asked']);
  });

  it('does not list all the time if everything is forgotten all the time', async () => {
    const w = world(['fred']);
    for (let n = 0; n < 1_000; n++) {
      w.cache.forget(null);
      await pass(10);
    }
    expect(w.state.lists).toBeLessThanOrEqual(11);
  });

  it('does not list again because one address was forgotten', async () => {
    const w = world(['fred']);
    await pass(10_000);
    w.cache.forget('fred@example.org');
    await pass(10_000);
    expect(w.state.lists).toBe(1);
  });

  it.each([
    ['absent', null],
    ['disabled', { value: '', state: 'disabled' } as const],
  ])('believes the store, and not the list, after a second look found somebody %s', async (_, says) => {
    const w = world(['fred', 'joe']);
    await pass(10);
    w.state.says = says;
    await w.cache.lookupAtOnce([mailbox('fred'), mailbox('ann')]);
    expect((await w.cache.lookup(mailbox('fred'))) as unknown).toEqual(says);
  });

  it('believes an answer that came while an older portion is under way', async () => {
    const w = world(['fred'], true);
    await pass(10);
    expect(await w.cache.lookup(mailbox('fred'))).toBeNull();
    w.release();
    await pass(OPTIONS.negativeMs);
    expect(await ask(w, mailbox('fred'))).toEqual([null, 'asked']);
  });

  it('keeps as many mailboxes as it may, and says once that the list is longer', async () => {
    const w = world(Array.from({ length: 900 }, (_, n) => `u${n}`));
    await pass(1_000);
    expect(w.cache.stats().warm).toMatchObject({ entries: 800, isLonger: true });
    expect(await ask(w, mailbox('u799'))).toEqual([FOUND, 'not asked']);
    expect(await ask(w, mailbox('u850'))).toEqual([null, 'asked']);
    await pass(EVERY_MS);
    expect(w.state.events).toEqual(['800 and more']);
    w.state.names.length = 600;
    await pass(EVERY_MS);
    expect(w.state.events).toEqual(['800 and more', '600']);
    expect(w.cache.stats().warm).toMatchObject({ entries: 600, isLonger: false });
  });

  it('says once that the store cannot list, why, and that it lists again', async () => {
    const w = world(['fred']);
    w.state.fails = new StoreError('down');
    await pass(EVERY_MS);
    w.state.fails = new StoreError('still down');
    await pass(EVERY_MS);
    expect(w.state.events).toEqual(['1', 'down']);
    expect(w.cache.stats().warm).toMatchObject({ entries: 1, failure: 'still down' });
    w.state.fails = null;
    await pass(EVERY_MS);
    expect(w.state.events).toEqual(['1', 'down', '1']);
    expect(w.cache.stats().warm).toMatchObject({ entries: 1, failure: null });
  });

  it('shows what is listed, and how long it counts', async () => {
    const w = world(['fred', 'joe', 'sue']);
    await pass(10_000);
    const { kept, leftOut } = w.cache.show(null, 2);
    expect(kept.map(({ question }) => (question as { local: string }).local)).toEqual(['fred', 'joe']);
    expect(kept[0]).toMatchObject({ answer: FOUND, ageMs: 10_000, leftMs: 90_000, staleLeftMs: 490_000 });
    expect(leftOut).toBe(1);
    expect(w.cache.show('sue@example.org', 2).kept).toHaveLength(1);
  });

  it.each(['during its first list', 'while it rests'])(
    'closes the list %s, and asks for none after that',
    async (when) => {
      const w = world(['fred'], when === 'during its first list');
      await pass(10_000);
      const closing = w.cache.close();
      w.release();
      await closing;
      await pass(10 * EVERY_MS);
      expect([w.state.closed, w.state.lists]).toEqual([1, 1]);
      expect(await ask(w, mailbox('fred'))).toEqual(['the store is closed', 'not asked']);
    },
  );
});
