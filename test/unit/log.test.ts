import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Log, type MapFacts, NO_MAP, createLog } from '../../src/observe/log.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';

const firstSteps = {
  add: 'npx smmap mailbox add fred@example.org',
  ask: 'npx smmap probe fred@example.org',
};

/** A log at a level, and its lines. */
function logAt(level: string): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>) };
  const formatters = { level: (label: string) => ({ level: label }) };
  return { log: createLog(pino({ level, base: null, timestamp: false, formatters }, stream), firstSteps), lines };
}

const request: Request = { map: 'cyrus', key: 'fred@example.org' };
/** What the log knows of a map of kind mailbox. */
const mailboxes: MapFacts = { name: 'mailbox', stores: 'local, sql', refuses: true, isDomain: false };
const ok: Reply = { kind: 'OK', value: 'fred@example.org' };
const notFound: Reply = { kind: 'NOTFOUND' };
const temp: Reply = { kind: 'TEMP', reason: 'lookup failed' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the log', () => {
  it('has a line for each refusal at info, for each answer at debug, and for each deferral with its cause at warn', () => {
    const told = (level: string): unknown[] => {
      const { log, lines } = logAt(level);
      log.answered(request, ok, null, mailboxes);
      log.answered(request, notFound, null, mailboxes);
      log.answered(request, temp, new StoreError('the disk is gone'), mailboxes);
      log.answered(request, { kind: 'TEMP', reason: 'unknown map' }, null, mailboxes);
      log.answered(request, notFound, null, NO_MAP);
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
      count: 1,
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

  it('names the listener, the stores of the map, and the milliseconds since the request came', () => {
    const { log, lines } = logAt('debug');
    const from = { ...request, asked: { listener: 'mta', arrived: performance.now() - 250 } };
    log.answered(from, ok, null, mailboxes);
    log.answered(from, notFound, null, mailboxes);
    log.answered(from, temp, new StoreError('gone'), mailboxes);
    log.answered(from, temp, null, NO_MAP);
    log.deadlinePassed(from, 4_000, mailboxes);
    log.refusedHere(from, 'too many connections');
    log.refusedHere(null, 'framing error', from.asked);
    const stores = 'local, sql';
    const ms = expect.toSatisfy((value: number) => value >= 250 && value < 2_000) as number;
    const all = { listener: 'mta', stores, ms };
    expect(lines).toMatchObject([
      all,
      all,
      all,
      { listener: 'mta', ms },
      all,
      { listener: 'mta', ms },
      { listener: 'mta' },
    ]);
    expect(lines.map(({ event }) => event)).toEqual([
      'accepted',
      'refused',
      'deferred',
      'deferred',
      'deadline_passed',
      'deferred',
      'deferred',
    ]);
    expect(lines[3]).not.toHaveProperty('stores');
  });

  it('has one line when somebody seems to guess addresses, and one when nobody does any more', () => {
    const { log, lines } = logAt('info');
    const alarm = { map: 'mailbox', listener: 'mta', misses: 1_200, names: 900, sinceMs: 1, forMs: 60_000 };
    log.harvestStarted({ ...alarm, domain: 'example.org' });
    log.harvestEnded({ ...alarm, domain: null });
    const fields = { map: 'mailbox', listener: 'mta', misses: 1_200, names: 900, seconds: 60 };
    const figures = '1200 requests for about 900 absent addresses in 60 s';
    expect(lines).toEqual([
      {
        level: 'warn',
        event: 'harvest',
        ...fields,
        domain: 'example.org',
        msg: `somebody seems to guess addresses of example.org at listener mta: ${figures}`,
      },
      {
        level: 'info',
        event: 'harvest_ended',
        ...fields,
        domain: null,
        msg: `end of the alarm about addresses of many domains at listener mta: ${figures}`,
      },
    ]);
  });

  it('says how to fill an empty store, with the command to type', () => {
    const { log, lines } = logAt('info');
    log.storeEmpty('local', 'mailbox', new Error('no mailbox was ever written'));
    expect(lines[0]).toMatchObject({ level: 'warn', event: 'store_empty', store: 'local', about: 'mailbox' });
    expect(lines[0]?.['msg']).toContain('npx smmap mailbox add fred@example.org');
    expect(lines[0]?.['msg']).toContain('npx smmap probe fred@example.org');
    log.storeEmpty('local', 'alias', new Error('no alias was ever written'));
    expect(lines[1]).toMatchObject({ about: 'alias', msg: 'store local answers TEMP: no alias was ever written' });
  });

  describe('of frequent events', () => {
    const asked = (key: string): Request => ({ map: 'cyrus', key });

    it('has the first deferral at once, then one line for each cause and second, with the count and the first key', () => {
      const { log, lines } = logAt('info');
      for (let at = 0; at < 500; at++)
        log.answered(asked(`u${at}`), temp, new StoreError('connection refused'), mailboxes);
      log.refusedHere(asked('u500'), 'too many connections');
      log.refusedHere(null, 'malformed request');
      expect(lines).toMatchObject([
        { event: 'deferred', count: 1, map: 'cyrus', key: 'u0', reply: 'TEMP', cause: 'connection refused' },
        { event: 'deferred', count: 1, key: 'u500', cause: 'too many connections' },
        { event: 'deferred', count: 1, reply: 'TEMP', cause: 'malformed request' },
      ]);
      expect(lines[2]).not.toHaveProperty('key');
      lines.length = 0;
      vi.advanceTimersByTime(1_000);
      const msg = 'deferred 499 times: connection refused';
      expect(lines).toMatchObject([{ event: 'deferred', count: 499, key: 'u1', cause: 'connection refused', msg }]);
    });

    it('counts each deferral exactly once in an outage of ten seconds, and reports the next outage at once', () => {
      const { log, lines } = logAt('info');
      for (let at = 0; at < 1_000; at++) {
        log.answered(asked('fred'), temp, new StoreError('gone'), mailboxes);
        vi.advanceTimersByTime(10);
      }
      expect(lines.length).toBeLessThanOrEqual(12);
      log.flush();
      const sum = (): number => lines.reduce((total, { count }) => total + Number(count), 0);
      expect(sum()).toBe(1_000);
      vi.advanceTimersByTime(5_000);
      log.answered(asked('fred'), temp, new StoreError('gone'), mailboxes);
      expect(sum()).toBe(1_001);
    });

    it('has a limit if all causes are different, and still counts each of them', () => {
      const { log, lines } = logAt('info');
      for (let at = 0; at < 10_000; at++)
        log.answered(asked('x'), temp, new StoreError(`two rows for u${at}`), mailboxes);
      vi.advanceTimersByTime(1_000);
      expect(lines.length).toBeLessThanOrEqual(102);
      expect(lines.at(-1)).toMatchObject({ mixed: true, msg: expect.stringMatching(/, and other causes$/) as string });
      expect(lines.reduce((total, { count }) => total + Number(count), 0)).toBe(10_000);
    });

    it.each<[string, (log: Log, at: number) => void, object]>([
      ['refused connections', (log) => log.connectionRefused(16_000), { event: 'connection_refused', open: 16_000 }],
      [
        'clients of another network',
        (log, at) => log.connectionForbidden('mta', `10.0.0.${at}`),
        { event: 'connection_forbidden', listener: 'mta', address: '10.0.0.1' },
      ],
      ['ended connections', (log) => log.connectionEnded('idle'), { event: 'connection_ended', why: 'idle' }],
      [
        'clients that could not be accepted',
        (log) => log.acceptFailed('mta', new Error('EMFILE')),
        { event: 'accept_failed', listener: 'mta', cause: 'EMFILE' },
      ],
      [
        'deadlines',
        (log, at) => log.deadlinePassed(asked(`u${at}`), 4_000, mailboxes),
        { event: 'deadline_passed', map: 'cyrus', key: 'u1', deadlineMs: 4_000 },
      ],
    ])('counts %s', (_, tell, line) => {
      const { log, lines } = logAt('info');
      for (let at = 0; at < 100; at++) tell(log, at);
      log.flush();
      expect(lines).toMatchObject([{ count: 1 }, { ...line, count: 99 }]);
    });
  });

  it('has short lines, however long a key, the name of a map and a cause are', () => {
    const { log, lines } = logAt('info');
    const long: Request = { map: 'm'.repeat(1_000_000), key: 'k'.repeat(1_000_000) };
    log.answered(long, notFound, null, mailboxes);
    log.refusedHere(long, 'too many connections');
    log.answered(request, temp, new StoreError('x'.repeat(1_000_000)), mailboxes);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(JSON.stringify(line).length).toBeLessThan(25_000);
    expect(lines[0]).toMatchObject({ map: `${'m'.repeat(1_000)}...`, key: `${'k'.repeat(1_000)}...` });
  });

  it('cannot be forged by a key', () => {
    const written: string[] = [];
    const log = createLog(pino({}, { write: (text: string) => written.push(text) }), firstSteps);
    log.answered({ map: 'm', key: 'a"}\n{"event":"accepted' }, notFound, null, mailboxes);
    expect(written.join('').trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(written.join(''))).toMatchObject({ event: 'refused', key: 'a"}\n{"event":"accepted' });
  });
});
