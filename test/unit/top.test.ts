import { describe, expect, it } from 'vitest';
import type { StoreLine } from '../../src/cli/stores.ts';
import { type Line, screenOf } from '../../src/cli/top/screen.ts';
import type { Seen } from '../../src/cli/top/seen.ts';
import { viewOf } from '../../src/cli/top/view.ts';
import type { MapCounted } from '../../src/daemon/metrics/counted.ts';
import { createHistogram } from '../../src/histogram.ts';
import type { ServerStatus } from '../../src/store/status.ts';

const NOW = Date.parse('2026-11-26T10:00:00.000Z');
const LONG = 'name-that-does-not-end-'.repeat(10);

function durationsOf(...ms: readonly number[]): MapCounted['took'] {
  const histogram = createHistogram();
  for (const each of ms) histogram.add(each);
  return histogram;
}

function mapOf(name: string, replies: Partial<MapCounted['replies']>, more: Partial<MapCounted> = {}): MapCounted {
  const zeros = { OK: 0, NOTFOUND: 0, TEMP: 0, PERM: 0 };
  return { name, replies: { ...zeros, ...replies }, refusals: {}, deferrals: {}, took: durationsOf(), ...more };
}

function serverOf(name: string, more: Partial<ServerStatus> = {}): ServerStatus {
  const since = '2026-11-26T09:59:00.000Z';
  return { name, trouble: null, since, isUp: true, isTrusted: true, outages: 0, canaryFailures: 0, ...more };
}

function storeOf(name: string, servers: readonly ServerStatus[], more: Partial<NonNullable<StoreLine['counts']>> = {}) {
  const times = { meanMs: 0, slowestMs: 0, answeredAt: '2026-11-26T09:59:59.000Z' };
  const counts = { asked: 0, found: 0, absent: 0, failed: 0, failing: null, ...times, ...more };
  return { name, driver: 'postgresql', servers, counts, cache: null };
}

function seenOf({
  upMs = 60_000,
  startedAt = 1,
  maps = [],
  stores = [],
  health = { unhealthy: [], unready: [] },
  harvest = { alarms: 0, worst: null },
}: {
  upMs?: number;
  startedAt?: number;
  maps?: readonly MapCounted[];
  stores?: readonly StoreLine[];
  health?: Seen['health'];
  harvest?: Seen['counted']['harvest'];
}): Seen {
  const events = { reloads: 0, ended: 4, turnedAway: 3, acceptFailures: 0, socketsLost: 0, stalls: 2, shrinks: 0 };
  const loopDelays = durationsOf(0.2, 0.2, 7);
  const counted = { version: '1.2.3', startedAt, upMs, connections: 12, events, loopDelays, harvest, maps, leftOut: 0 };
  return { at: NOW, counted, stores: { stores, leftOut: 0, older: [{ pid: 1, clients: 5 }] }, health };
}

const textOf = (lines: readonly Line[]): string => lines.map(({ text }) => `${text}\n`).join('');
const WHOLE = { columns: Infinity, rows: Infinity };
const SMALL = { columns: 80, rows: 24 };

describe('smmap top', () => {
  it('shows what happened in the last second, and since the start', () => {
    const before = seenOf({
      upMs: 58_000,
      maps: [mapOf('mailbox', { OK: 10, TEMP: 1 }, { deferrals: { deadline: 1 }, took: durationsOf(0.1) })],
      stores: [storeOf('people', [], { asked: 10 })],
    });
    const cache = {
      found: 0,
      absent: 0,
      failures: 0,
      joined: 0,
      staleServed: 0,
      failuresServed: 0,
      underWay: 0,
      warm: null,
    };
    const now = seenOf({
      maps: [
        mapOf('alias', { NOTFOUND: 1 }),
        mapOf(
          'mailbox',
          { OK: 15, NOTFOUND: 3, TEMP: 5 },
          { refusals: { absent: 3 }, deferrals: { deadline: 1, store_failed: 4 }, took: durationsOf(0.1, 3, 6_000) },
        ),
      ],
      stores: [
        {
          ...storeOf('people', [serverOf('db1')], { asked: 30 }),
          cache: { ...cache, entries: 7, hits: 3, misses: 1 },
        },
      ],
    });
    expect(textOf(screenOf(viewOf(now, before, before), WHOLE, 'q ends it')).split('\n')).toEqual([
      'smmap 1.2.3, up 1m00s: healthy, ready',
      'connections  12 now, 3 turned away, 4 ended by smmap, 5 at replaced daemons',
      'event loop   late by p50 - ms, p99 - ms; 2 stalls',
      'p50 and p99  of the last 2.0s',
      '',
      'answers per second   OK  NOTFOUND  TEMP  PERM  p50 ms  p99 ms  since start',
      'mailbox             2.5       1.5   2.0     0     <=5   >5000           23',
      'alias                 0       0.5     0     0       -       -            1',
      '',
      'refused or deferred  reply     reason        per second  since start',
      'mailbox              deferred  store_failed         2.0            4',
      'mailbox              refused   absent               1.5            3',
      'mailbox              deferred  deadline               0            1',
      '',
      'store   driver      asked/s  failed/s  cached  hits  state',
      'people  postgresql     10.0         0       7  75 %  answers',
      '',
      'q ends it',
      '',
    ]);
  });

  it.each([
    [1, 'example.org', 'harvest      1200 misses, ~900 names in 3m00s: example.org at mta'],
    [3, null, 'harvest      1200 misses, ~900 names in 3m00s; 2 more: many domains at mta'],
    [1, LONG, 'harvest      1200 misses, ~900 names in 3m00s: name-that-does-not-end-name-th...'],
  ])('names the worst of %i domains of which somebody guesses addresses, in red: %s', (alarms, domain, text) => {
    const worst = { map: 'mailbox', listener: 'mta', domain, misses: 1_200, names: 900, sinceMs: NOW, forMs: 180_000 };
    const harvest = { alarms, worst };
    const lines = screenOf(viewOf(seenOf({ harvest }), null, null), SMALL, null);
    expect(lines).toContainEqual({ text, tone: 'bad' });
  });

  it.each<[string, StoreLine, string]>([
    ['a store without servers', storeOf('a', []), 'answers'],
    ['a store that was never asked', storeOf('a', [], { answeredAt: null }), 'not asked yet'],
    ['a server that was never asked', storeOf('a', [serverOf('x', { isUp: false })]), 'not asked yet'],
    [
      'a store whose newest question failed',
      storeOf('a', [], { failing: { at: '2026-11-26T09:59:58.000Z', cause: 'disk I/O error' } }),
      'fails\n  failed 2.0s ago: disk I/O error',
    ],
    [
      'a server that does not answer',
      storeOf('a', [serverOf('x', { isUp: false, outages: 1, trouble: 'refused\x1b[2J' })]),
      String.raw`unavailable${'\n'}  x unavailable for 1m00s: refused\u001b[2J`,
    ],
    [
      'a canary that is not found',
      storeOf('a', [serverOf('x', { isTrusted: false, trouble: 'not trusted: gone' })]),
      'canary fails\n  x canary fails for 1m00s: not trusted: gone',
    ],
    [
      'one of two servers',
      storeOf('a', [serverOf('y'), serverOf('x', { isUp: false, outages: 1, trouble: 'refused' })]),
      '1 of 2 answer\n  x unavailable for 1m00s: refused\n  y answers for 1m00s',
    ],
  ])('says in words how it is: %s', (_, store, words) => {
    const text = textOf(screenOf(viewOf(seenOf({ stores: [store] }), null, null), WHOLE, null));
    expect(/^a +postgresql(?: +-)+ {2}([^]*)/m.exec(text)?.[1]).toBe(`${words}\n`);
  });

  it('says that the daemon is not healthy or not ready, and why', () => {
    const health = { unhealthy: ['listener mta: gone'], unready: ['store a: its canary fails'] };
    const lines = screenOf(viewOf(seenOf({ health }), null, null), SMALL, null);
    expect(lines.slice(0, 2)).toEqual([
      { text: 'smmap 1.2.3, up 1m00s: not healthy, not ready', tone: 'bad' },
      { text: '(1 of 2; smmap health prints all) listener mta: gone', tone: 'bad' },
    ]);
  });

  it('compares nothing with what another process counted, and counts a store from zero that a reload made anew', () => {
    const maps = [mapOf('mailbox', { OK: 5 })];
    const [old, anew] = [storeOf('a', [], { asked: 100 }), storeOf('a', [], { asked: 4 })];
    const before = seenOf({ upMs: 58_000, maps, stores: [old] });
    const other = viewOf(seenOf({ upMs: 300, startedAt: 2, maps }), before, before);
    expect([other.maps[0]?.perSecond, other.latencyOfMs]).toEqual([null, null]);
    const same = viewOf(seenOf({ maps, stores: [anew] }), before, before);
    expect([same.maps[0]?.perSecond?.OK, same.stores[0]?.askedPerSecond]).toEqual([0, 2]);
  });

  describe('with more and longer names than fit', () => {
    const many = Array.from({ length: 30 }, (_, at) => `${at}-${LONG}`);
    const atMoment = (by: number, upMs: number): Seen =>
      seenOf({
        upMs,
        maps: many.map((name, at) => {
          const replies = { OK: 12_345_678_901 + by, NOTFOUND: 99_999 * by, TEMP: by * at, PERM: 9_999 * by };
          const deferrals = { question_failed: 123_456_789_012 + by * at };
          return mapOf(name, replies, { deferrals, took: durationsOf(...(by === 0 ? [] : [6_000])) });
        }),
        stores: many.map((name, at) => {
          const server = serverOf(LONG, { isUp: at !== 20, outages: 1, trouble: at === 20 ? LONG : null });
          return storeOf(name, [server, server], { asked: 99_999 * by, failed: 99_999 * by });
        }),
        health: { unhealthy: [LONG, LONG], unready: [] },
        harvest: {
          alarms: 11,
          worst: { map: LONG, listener: LONG, domain: LONG, misses: 1e9, names: 1e9, sinceMs: 1, forMs: 1e10 },
        },
      });
    const before = atMoment(0, 59_000);
    const view = viewOf(atMoment(1, 60_000), before, before);
    const lines = screenOf(view, SMALL, `12:34:56, ${LONG}`);

    it('fits 80x24', () => {
      expect(lines.length).toBe(24);
      expect(lines.filter(({ text }) => text.length > 80)).toEqual([]);
    });

    it('keeps the columns of numbers, and a part of each list, the worst first', () => {
      const text = textOf(lines);
      expect(text).toMatch(/^29-\S+\.\.\. +1\.0 +99999 +29\.0 +9999 +>5000 +>5000 +\d+\.\dM$/m);
      expect(text).toMatch(/^29-\S+\.\.\. +deferred {2}question_failed +29\.0 +123456\.8M$/m);
      expect(text).toMatch(/^20-\S+\.\.\. +postgresql +99999 +99999 .* unavailable$/m);
      expect(text.match(/^\d+ lines more: smmap top --once$/gm)).toHaveLength(3);
      expect(lines.at(-1)?.text).toMatch(/^12:34:56/);
    });

    it.each([
      [20, 5],
      [1, 1],
      [200, 12],
      [40, 100],
    ])('fits %ix%i', (columns, rows) => {
      const small = screenOf(view, { columns, rows }, 'q ends it');
      expect(small.length).toBeLessThanOrEqual(rows);
      expect(small.filter(({ text }) => text.length > columns)).toEqual([]);
    });
  });
});
