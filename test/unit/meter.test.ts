import { describe, expect, it } from 'vitest';
import { countOf } from '../../src/histogram.ts';
import { createMeter } from '../../src/store/guard/meter.ts';
import { createStatus } from '../../src/store/status.ts';
import { EmptyStoreError, StoreError } from '../../src/store/store.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const QUESTION: Question = { about: 'domain', domain: 'example.org' };
const MAILBOX = {
  about: 'mailbox',
  local: '',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
} as const;
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
    expect(countOf(meter.durations())).toBe(2);
    expect(meter.durations().sumMs).toBeCloseTo(meanMs * 2, 5);
  });

  it('knows which kinds a store was never filled with, and asks whether that is still so', async () => {
    let filled = false;
    const meter = createMeter(
      storeOf(({ about }) => {
        if (about === 'domain' && !filled) throw new EmptyStoreError('never');
        if (about === 'mailbox') throw new StoreError('gone', { cause: new EmptyStoreError('never') });
        return null;
      }),
    );
    expect(await meter.lacks()).toEqual([]);
    expect(() => meter.lookup(QUESTION)).toThrow('never');
    expect(() => meter.lookup({ ...MAILBOX, local: 'a' })).toThrow('gone');
    expect(await meter.lacks()).toEqual(['domain', 'mailbox']);
    const { asked } = meter.counts();
    filled = true;
    expect(await meter.lacks()).toEqual(['mailbox']);
    expect(meter.counts().asked).toBe(asked);
  });
});

it('a meter waits a second at most to learn whether a store was filled meanwhile', async () => {
  let hangs = false;
  const meter = createMeter(
    storeOf(() => {
      if (hangs) return new Promise(() => {});
      throw new EmptyStoreError('never');
    }),
  );
  expect(() => meter.lookup(QUESTION)).toThrow('never');
  hangs = true;
  const since = performance.now();
  expect(await meter.lacks()).toEqual([]); // nobody knows, and an outage is not a lack
  expect(performance.now() - since).toBeLessThan(2_000);
});

describe('the status of a server', () => {
  const events = { opened() {}, unavailable() {}, recovered() {}, failed() {} };

  it('is not trusted until each of its canaries has recovered', () => {
    const status = createStatus('sqlite');
    const server = status.watch(null, events);
    const trusted = (): boolean | undefined =>
      status.now(createMeter(storeOf(() => null)).counts()).servers[0]?.isTrusted;
    server.failed(new Error('mailboxes'));
    server.failed(new Error('aliases'));
    server.recovered();
    expect(trusted()).toBe(false);
    server.recovered();
    expect(trusted()).toBe(true);
  });

  it('counts an outage once, also if its cause changes', () => {
    const status = createStatus('sqlite');
    const server = status.watch(null, events);
    server.unavailable(new Error('refused'));
    server.unavailable(new Error('unreachable'));
    server.opened();
    server.unavailable(new Error('refused'));
    const [{ outages, isUp } = { outages: 0, isUp: true }] = status.now(
      createMeter(storeOf(() => null)).counts(),
    ).servers;
    expect([outages, isUp]).toEqual([2, false]);
  });
});
