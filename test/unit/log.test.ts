import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Log, createLog } from '../../src/observe/log.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';

const firstSteps = {
  add: 'npx smmap mailbox add fred@example.org',
  ask: 'npx smmap probe fred@example.org',
};

/** A log at a level, and what it wrote. */
function logAt(level: string): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>) };
  const formatters = { level: (label: string) => ({ level: label }) };
  return { log: createLog(pino({ level, base: null, timestamp: false, formatters }, stream), firstSteps), lines };
}

const request: Request = { map: 'cyrus', key: 'fred@example.org' };
const ok: Reply = { kind: 'OK', value: 'fred@example.org' };
const notFound: Reply = { kind: 'NOTFOUND' };
const temp: Reply = { kind: 'TEMP', reason: 'lookup failed' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the log', () => {
  it('has a line for each refusal at info, for each answer at debug, and for each deferral with its cause at warn', () => {
    const told = (level: string): unknown[] => {
      const { log, lines } = logAt(level);
      log.answered(request, ok, null, true);
      log.answered(request, notFound, null, true);
      log.answered(request, temp, new StoreError('the disk is gone'), true);
      log.answered(request, { kind: 'TEMP', reason: 'unknown map' }, null, true);
      log.answered(request, notFound, null, false);
      return lines;
    };
    const accepted = {
      level: 'debug',
      event: 'accepted',
      map: 'cyrus',
      key: 'fred@example.org',
      reply: 'OK',
      msg: 'accepted',
    };
    const refused = {
      level: 'info',
      event: 'refused',
      map: 'cyrus',
      key: 'fred@example.org',
      reply: 'NOTFOUND',
      msg: 'refused',
    };
    const deferred = (cause: string) => ({
      level: 'warn',
      event: 'deferred',
      map: 'cyrus',
      key: 'fred@example.org',
      reply: 'TEMP',
      cause,
      msg: `deferred: ${cause}`,
    });
    const deferrals = [deferred('the disk is gone'), deferred('unknown map')];
    const notThere = { ...accepted, event: 'not_found', reply: 'NOTFOUND', msg: 'not found' };
    expect(told('debug')).toEqual([accepted, refused, ...deferrals, notThere]);
    expect(told('info')).toEqual([refused, ...deferrals]);
    expect(told('warn')).toEqual(deferrals);
    expect(told('error')).toEqual([]);
  });

  it('tells how to fill an empty store, as its user has to type it', () => {
    const { log, lines } = logAt('info');
    log.storeEmpty('local', 'mailbox', new Error('no mailbox was ever written'));
    expect(lines[0]).toMatchObject({ level: 'warn', event: 'store_empty', store: 'local', about: 'mailbox' });
    expect(lines[0]?.['msg']).toContain('npx smmap mailbox add fred@example.org');
    expect(lines[0]?.['msg']).toContain('npx smmap probe fred@example.org');
    log.storeEmpty('local', 'alias', new Error('no alias was ever written'));
    expect(lines[1]).toMatchObject({ about: 'alias', msg: 'store local answers TEMP: no alias was ever written' });
  });

  it('counts refused connections, and writes a line a second at most', () => {
    const { log, lines } = logAt('info');
    for (let at = 0; at < 100; at++) log.connectionRefused(16_000);
    vi.advanceTimersByTime(1_000);
    log.connectionRefused(16_000);
    expect(lines.map(({ refused }) => refused)).toEqual([1, 100]);
  });

  it('cannot be broken into by a key', () => {
    const written: string[] = [];
    const log = createLog(pino({}, { write: (text: string) => written.push(text) }), firstSteps);
    log.answered({ map: 'm', key: 'a"}\n{"event":"accepted' }, notFound, null, true);
    expect(written.join('').trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(written.join(''))).toMatchObject({ event: 'refused', key: 'a"}\n{"event":"accepted' });
  });
});
