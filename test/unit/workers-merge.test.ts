import { describe, expect, it } from 'vitest';
import { merge, pastOf } from '../../src/daemon/workers/merge.ts';
import { type StoreReport, type WorkerReport, reportOf } from '../../src/daemon/workers/report.ts';
import { createHistogram } from '../../src/histogram.ts';
import { createCounts } from '../../src/observe/counts.ts';
import { PLAIN } from '../../src/observe/keys.ts';
import { NO_MAP } from '../../src/observe/log.ts';
import { createNewest } from '../../src/observe/newest.ts';
import type { OpenStore } from '../../src/store/open.ts';

const UP = { name: 'db', trouble: null, since: '2026-11-26T11:00:00.000Z', isUp: true, isTrusted: true };
const WELL = { ...UP, outages: 0, canaryFailures: 0 };
const STATS = { entries: 3, found: 2, absent: 1, failures: 0, hits: 5, misses: 4, joined: 0 };

/** A store that was asked 10 times, and still owes one answer. `ms`: how long three of its answers took each. */
function storeOf(ms: number, more: Partial<StoreReport> = {}, server: object = {}): OpenStore {
  const durations = createHistogram();
  for (let at = 0; at < 3; at++) durations.add(ms);
  const answers = { asked: 10, found: 6, absent: 2, failed: 1, meanMs: ms, slowestMs: ms };
  const counts = { ...answers, answeredAt: `2026-11-26T11:00:0${ms}.000Z`, failing: null };
  const { lacks = [], cache = { ...STATS, staleServed: 0, failuresServed: 0, underWay: 1 }, held = [] } = more;
  return {
    status: () => ({ driver: 'postgresql', servers: [{ ...WELL, ...server }], counts }),
    durations: () => durations,
    lacks: async () => lacks,
    records: () => new Map([['mailbox', 7]]),
    cache: { stats: () => cache },
    brake: { held: () => held },
  } as unknown as OpenStore;
}

async function report(store: OpenStore, trouble = false): Promise<WorkerReport> {
  const [counts, newest] = [createCounts(), createNewest(() => PLAIN)];
  newest.isWatched = true;
  counts.replied('m', 'mta', 'OK', null, 1);
  counts.replied('m', 'mta', 'NOTFOUND', 'absent', 300);
  counts.happened('ended', 'idle');
  counts.happened('shrinks', 's');
  newest.declined('refused', 'absent', 'fred@example.org', NO_MAP, { cause: null, asked: undefined });
  newest.changed('store s is available');
  if (trouble) newest.troubled('s', null, new Error('no route'));
  const loop = createHistogram();
  loop.add(2);
  return reportOf(counts, 4, loop, new Map([['s', store]]), newest);
}

describe('the reports of two workers', () => {
  it('are plain data that another process can read', async () => {
    const plain = await report(storeOf(1));
    expect(structuredClone(plain)).toEqual(plain);
  });

  it('add what was counted', async () => {
    const both = merge(await report(storeOf(1)), await report(storeOf(3)));
    expect(both.connections).toBe(8);
    expect(both.loop.sumMs).toBe(4);
    const map = both.maps.get('m');
    expect(map?.replies.get('mta')).toEqual({ OK: 2, NOTFOUND: 2, TEMP: 0, PERM: 0 });
    expect([map?.refusals.absent, map?.deferrals.absent, map?.took.sumMs]).toEqual([2, 0, 602]);
    expect(both.events.ended.get('idle')).toBe(2);
    expect(both.events.shrinks).toEqual(new Map([['s', 2]]));
    const store = both.stores.get('s') as StoreReport;
    const counted = { asked: 20, found: 12, absent: 4, failed: 2, meanMs: 2, slowestMs: 3 };
    expect(store.status.counts).toMatchObject({ ...counted, answeredAt: '2026-11-26T11:00:03.000Z' });
    expect([store.durations.sumMs, store.cache?.entries, store.cache?.hits]).toEqual([12, 6, 10]);
    expect(store.records).toEqual(new Map([['mailbox', 7]]));
    expect(both.newest.refusals.map(({ key }) => key)).toEqual(['fred@example.org']);
    expect(both.newest.changes).toMatchObject([{ text: 'store s is available', count: 2 }]);
  });

  it.each<[string, object, object]>([
    [
      'a server that is down for one of them is down',
      { isUp: false, trouble: 'refused' },
      { isUp: false, isTrusted: true, trouble: 'refused' },
    ],
    [
      'a canary that fails for one of them fails',
      { isTrusted: false, trouble: 'canary' },
      { isUp: true, isTrusted: false, trouble: 'canary' },
    ],
    ['outages are added', { outages: 2 }, { isUp: true, outages: 2, trouble: null }],
  ])('%s', async (_, server, expected) => {
    const [well, bad] = [await report(storeOf(1)), await report(storeOf(1, {}, server))];
    for (const both of [merge(well, bad), merge(bad, well)]) {
      expect(both.stores.get('s')?.status.servers).toMatchObject([expected]);
    }
  });

  it('keep what one of them lacks, holds back or has trouble with', async () => {
    const loss = { kind: 'mailbox', before: 9, after: 1, gone: 8, examples: [] };
    const bad = await report(storeOf(1, { lacks: ['mailbox'], held: [loss] }), true);
    const both = merge(await report(storeOf(1)), bad);
    expect(both.stores.get('s')).toMatchObject({ lacks: ['mailbox'], held: [loss] });
    expect(both.newest.troubles).toEqual([['s', null, 'no route']]);
  });

  it('keep what a worker counted that has ended, but not its clients, its states and what it waited for', async () => {
    const bad = await report(storeOf(1, { lacks: ['mailbox'] }, { isUp: false, outages: 1 }), true);
    const both = merge(pastOf(bad), await report(storeOf(1)));
    expect([both.connections, both.maps.get('m')?.took.counts.reduce((a, b) => a + b), both.newest.troubles]).toEqual([
      4,
      4,
      [],
    ]);
    const store = both.stores.get('s') as StoreReport;
    expect([store.status.counts.asked, store.cache?.entries, store.cache?.hits, store.lacks]).toEqual([19, 3, 10, []]);
    expect(store.status.servers).toMatchObject([{ ...WELL, outages: 1 }]);
  });
});
