import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const QUESTION: Question = { about: 'domain', domain: 'example.org' };
const after = (ms: number): Promise<Answer> => new Promise((resolve) => setTimeout(() => resolve(null), ms));
const under = (answer: () => Maybe<Answer>) => createDeadline(storeOf(answer), 1_000);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a deadline', () => {
  it('passes an answer on that is in time, and keeps no timer', async () => {
    const answer = under(() => after(999)).lookup(QUESTION);
    await vi.advanceTimersByTimeAsync(999);
    expect(await answer).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
    expect(under(() => null).lookup(QUESTION)).toBeNull();
  });

  it('fails when the time is over, whatever the store answers later', async () => {
    const answer = (under(() => after(1_001)).lookup(QUESTION) as Promise<Answer>).catch(
      (error: Error) => error.message,
    );
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await answer).toBe('no answer within 1000 ms');
  });

  it('passes a failure on', async () => {
    await expect(under(() => Promise.reject(new Error('gone'))).lookup(QUESTION)).rejects.toThrow('gone');
    expect(vi.getTimerCount()).toBe(0);
  });
});
