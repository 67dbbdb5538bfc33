import { describe, expect, it } from 'vitest';
import { createMeter } from '../../src/store/guard/meter.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const QUESTION: Question = { about: 'domain', domain: 'example.org' };
const ENTRY: Answer = { value: '', state: 'active' };

describe('a meter', () => {
  it('counts found, absent and failed questions, at once and later, and measures the time of later ones', async () => {
    const says: (() => Maybe<Answer>)[] = [
      () => ENTRY,
      () => null,
      () => {
        throw new Error('now');
      },
      () => new Promise((resolve) => setTimeout(() => resolve(ENTRY), 30)),
      () => Promise.resolve(null),
      () => Promise.reject(new Error('later')),
    ];
    const meter = createMeter(storeOf(() => (says.shift() as () => Maybe<Answer>)()));
    expect(meter.lookup(QUESTION)).toBe(ENTRY);
    expect(meter.lookup(QUESTION)).toBeNull();
    expect(() => meter.lookup(QUESTION)).toThrow('now');
    expect(await meter.lookup(QUESTION)).toBe(ENTRY);
    expect(await meter.lookup(QUESTION)).toBeNull();
    await expect(meter.lookup(QUESTION)).rejects.toThrow('later');
    const { slowestMs, meanMs, answeredAt, failing, ...counted } = meter.counts();
    expect(counted).toEqual({ asked: 6, found: 2, absent: 2, failed: 2 });
    expect(failing?.cause).toBe('later');
    expect(Date.parse(failing?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(answeredAt ?? ''));
    expect(slowestMs).toBeGreaterThan(25);
    expect(meanMs).toBeGreaterThan(slowestMs / 2 - 1);
    expect(meanMs).toBeLessThan(slowestMs);
  });
});
