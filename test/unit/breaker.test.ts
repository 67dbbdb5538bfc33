import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { EmptyStoreError, QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const PROBE: Question = { about: 'domain', domain: 'probe.example' };
const ASKED: Question = { about: 'domain', domain: 'asked.example' };
const PROBE_MS = 500;

/** A breaker over a store that the test controls. */
function setUp(says: () => Promise<Answer> = async () => null) {
  const asked: string[] = [];
  const told: string[] = [];
  const store = storeOf(
    (question) => {
      if (question.about === 'domain') asked.push(question.domain);
      return says();
    },
    () => void told.push('closed'),
  );
  const breaker = createBreaker(
    store,
    { failures: 3, probeMs: PROBE_MS, probe: PROBE },
    {
      opened: () => void told.push('opened'),
      unavailable: (cause) => void told.push(`unavailable: ${(cause as Error).message}`),
    },
  );
  return {
    breaker,
    asked,
    told,
    say: (next: () => Promise<Answer>): void => void (says = next),
    ask: async (): Promise<string> => {
      try {
        return (await breaker.lookup(ASKED)) === null ? 'null' : 'found';
      } catch (error) {
        return (error as Error).message;
      }
    },
  };
}

const failing = async (): Promise<Answer> => {
  throw new StoreError('gone');
};
const settle = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a breaker', () => {
  it('sends a probe at once, and reports that the store is open', async () => {
    const { asked, told } = setUp();
    await settle();
    expect([asked, told]).toEqual([['probe.example'], ['opened']]);
  });

  it('treats a store that never answered as unavailable after one failure', async () => {
    const { told, ask } = setUp(failing);
    await settle();
    expect(told).toEqual(['unavailable: gone']);
    expect(await ask()).toContain('not asked');
  });

  it('asks until three questions in a row failed, and then fails without asking', async () => {
    const { say, ask, asked, told } = setUp();
    await settle();
    say(failing);
    expect([await ask(), await ask()]).toEqual(['gone', 'gone']);
    say(async () => null);
    expect(await ask()).toBe('null');
    say(failing);
    expect([await ask(), await ask(), await ask()]).toEqual(['gone', 'gone', 'gone']);
    asked.length = 0;
    expect(await ask()).toBe('not asked, because it failed: gone');
    expect(asked).toEqual([]);
    expect(told).toEqual(['opened', 'unavailable: gone']);
  });

  it('opens again at once if the server stumbles only over what was asked', async () => {
    const { breaker, told, ask, say } = setUp();
    await settle();
    const stumbles = async (): Promise<Answer> => {
      throw new StoreError('500');
    };
    let questions = 0;
    say(() => (++questions <= 3 ? stumbles() : Promise.resolve(null)));
    expect([await ask(), await ask(), await ask()]).toEqual(['500', '500', '500']);
    await settle();
    expect(told).toEqual(['opened', 'unavailable: 500', 'opened']);
    expect(await breaker.lookup(ASKED)).toBeNull();
  });

  it('sends only one probe at a time during an outage, and answers again after the first successful probe', async () => {
    const { say, ask, asked, told } = setUp();
    await settle();
    say(failing);
    await Promise.all([ask(), ask(), ask(), ask()]);
    asked.length = 0;
    await vi.advanceTimersByTimeAsync(3 * PROBE_MS);
    expect(asked).toEqual(['probe.example', 'probe.example', 'probe.example']);
    say(() => new Promise(() => {}));
    await vi.advanceTimersByTimeAsync(10 * PROBE_MS);
    expect(asked).toHaveLength(4);
    expect(told).toEqual(['opened', 'unavailable: gone']);
  });

  it('sends only one probe at a time also if the first one of all fails, and the next one hangs', async () => {
    const { say, asked } = setUp(failing);
    say(() => new Promise(() => {}));
    await settle();
    await vi.advanceTimersByTimeAsync(10 * PROBE_MS);
    expect(asked).toHaveLength(2);
  });

  it('reports each new cause of an outage once', async () => {
    const { say, ask, told } = setUp(() => Promise.reject(new StoreError('no password file')));
    await settle();
    await vi.advanceTimersByTimeAsync(4 * PROBE_MS);
    say(() => Promise.reject(new StoreError('wrong password')));
    await vi.advanceTimersByTimeAsync(4 * PROBE_MS);
    expect(await ask()).toBe('not asked, because it failed: wrong password');
    expect(told).toEqual(['unavailable: no password file', 'unavailable: wrong password']);
    say(async () => null);
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    expect(await ask()).toBe('null');
    expect(told.at(-1)).toBe('opened');
  });

  it('also guards questions that are asked at once', async () => {
    const { say, breaker, told } = setUp();
    await settle();
    say(failing);
    const ask = async () => await breaker.lookupAtOnce([PROBE, PROBE]);
    for (let times = 0; times < 3; times++) await expect(ask()).rejects.toThrow('gone');
    await expect(ask()).rejects.toThrow('not asked, because it failed: gone');
    expect(told).toEqual(['opened', 'unavailable: gone']);
  });

  it('answers again after a successful probe', async () => {
    const { say, ask, told } = setUp();
    await settle();
    say(failing);
    await Promise.all([ask(), ask(), ask()]);
    say(async () => null);
    expect(await ask()).toContain('not asked');
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    expect(await ask()).toBe('null');
    expect(told).toEqual(['opened', 'unavailable: gone', 'opened']);
  });

  it('does not recover from an answer to an earlier question', async () => {
    const { say, ask } = setUp();
    await settle();
    let answer: (value: Answer) => void = () => {};
    say(() => new Promise((resolve) => (answer = resolve)));
    const early = ask();
    say(failing);
    await Promise.all([ask(), ask(), ask()]);
    answer(null);
    expect(await early).toBe('null');
    expect(await ask()).toContain('not asked');
  });

  it.each([
    ['a question that the store refuses', new QuestionError('odd')],
    ['a table that was never written', new EmptyStoreError('empty')],
  ])('does not count %s', async (_, error) => {
    const { say, ask, told } = setUp();
    await settle();
    say(async () => {
      throw error;
    });
    for (let times = 0; times < 10; times++) expect(await ask()).toBe(error.message);
    expect(told).toEqual(['opened']);
  });

  it('sends no probe after it is closed, and fails', async () => {
    const { breaker, say, ask, asked, told } = setUp();
    await settle();
    say(failing);
    await Promise.all([ask(), ask(), ask()]);
    await breaker.close();
    asked.length = 0;
    await vi.advanceTimersByTimeAsync(10 * PROBE_MS);
    expect(asked).toEqual([]);
    expect(await ask()).toBe('the store is closed');
    expect(told).toEqual(['opened', 'unavailable: gone', 'closed']);
  });
});
