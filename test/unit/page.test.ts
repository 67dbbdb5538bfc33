import { describe, expect, it } from 'vitest';
import { createHistory } from '../../src/daemon/page/history.ts';
import { MOST_BYTES, writePage } from '../../src/daemon/page/page.ts';
import type { Seen } from '../../src/daemon/page/seen.ts';
import { createCounts } from '../../src/observe/counts.ts';
import { DOMAINS, type Keys, PLAIN } from '../../src/observe/keys.ts';
import { NO_MAP } from '../../src/observe/log.ts';
import { createNewest } from '../../src/observe/newest.ts';
import type { OpenStore } from '../../src/store/open.ts';
import { StoreError } from '../../src/store/store.ts';

const SINCE = '2026-11-26T11:00:00.000Z';
const NOW = Date.parse(SINCE) + 3_600_000;

/** A store with two servers, of which one is down after every second minute. */
function storeOf(failed: number): OpenStore {
  const counts = {
    asked: 1_234,
    found: 1_000,
    absent: 234,
    failed,
    meanMs: 1,
    slowestMs: 2,
    answeredAt: SINCE,
    failing: null,
  };
  const server = { trouble: null, since: SINCE, isUp: true, isTrusted: true, outages: failed, canaryFailures: 0 };
  const servers = [
    { ...server, name: 'db1.example.org' },
    { ...server, name: 'db2.example.org', isUp: failed % 2 === 0 },
  ];
  const stats = {
    entries: 1,
    found: 1,
    absent: 0,
    failures: 0,
    hits: 99_999,
    misses: 9,
    joined: 0,
    staleServed: 0,
    failuresServed: 0,
    underWay: 0,
  };
  return {
    status: () => ({ driver: 'postgresql', servers, counts }),
    cache: { stats: () => stats },
    records: () => null,
  } as unknown as OpenStore;
}

/** A daemon with as many stores and maps, and with full rings. `key` is that of each request. */
function seenOf(many: number, key: string, keys: Keys = PLAIN): Seen {
  const [history, counts, newest] = [createHistory(), createCounts(), createNewest(() => keys)];
  newest.isWatched = true;
  const names = Array.from({ length: many }, (_, at) => `name-${at}`);
  for (let minute = 0; minute < 100; minute++) {
    for (const name of names) counts.replied(name, 'mta', 'OK', null, minute);
    history.sample(minute * 60_000, counts, new Map(names.map((name) => [name, storeOf(minute)])));
  }
  for (let at = 0; at < 100; at++) {
    const why = { cause: new StoreError(`no answer for "${key}"`), asked: undefined };
    newest.declined('refused', 'absent', key, NO_MAP, { ...why, cause: null });
    newest.declined('deferred', 'store_failed', key, NO_MAP, why);
    newest.changed(`store name-${at} at db2.example.org is unavailable`);
    newest.troubled(`name-${at}`, 'db2.example.org', why.cause);
  }
  return {
    version: '1.2.3',
    node: '20.0.0',
    counts,
    connections: 12_345,
    listeners: [{ name: 'mta', servedBy: 'maps', hasPath: true }],
    stores: new Map(names.map((name) => [name, storeOf(99)])),
    config: {
      maps: new Map(names.map((name) => [name, { kind: 'mailbox', options: {}, stores: names.slice(0, 3) }])),
      log: { level: 'info', keys: 'plain' },
    },
    harvest: { active: () => [], counts: () => [] },
    health: { unhealthy: [], unready: [] },
    history,
    newest,
    now: NOW,
    explaining: { key, map: 'name-0', explanation: null, mistake: null },
  };
}

describe('the status page', () => {
  it('has what an administrator looks for', () => {
    const text = writePage(seenOf(2, 'fred@example.org'));
    for (const said of [
      '2 things need attention',
      'store name-0: 1 of 2 answer',
      'db2.example.org unavailable',
      '(60 min)',
      '12,345',
    ]) {
      expect(text).toContain(said);
    }
    expect(text).toMatch(/<bdi class="key">\s*fred@example\.org\s*<\/bdi>/);
    expect(text).toContain('store failed');
  });

  it('lets no key become an element, wherever it is shown', () => {
    const text = writePage(seenOf(1, '"><script>alert(1)</script>@example.org'));
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;@example.org');
  });

  it('shows of an address only what log.keys shows', () => {
    const seen = { ...seenOf(1, 'fred@example.org', DOMAINS), explaining: null };
    const text = writePage(seen);
    expect(text).toContain('*@example.org');
    expect(text).not.toContain('fred');
  });

  it('says that somebody guesses addresses, and not of which domain', () => {
    const alarm = { map: 'mailbox', listener: 'mta', domain: 'guessed.example', misses: 1_200, names: 900 };
    const active = () => [{ ...alarm, sinceMs: NOW - 60_000, forMs: 60_000 }];
    const text = writePage({ ...seenOf(1, ''), harvest: { active, counts: () => [] } });
    expect(text).toContain(
      'listener mta: somebody seems to guess addresses of [map.mailbox], 1,200 requests for about 900 absent addresses',
    );
    expect(text).not.toContain('guessed.example');
  });

  it('says which maps are in shadow', () => {
    const maps = new Map([['mailbox', { kind: 'mailbox', options: {}, stores: [], shadow: 'accept' }]]);
    const seen = seenOf(1, '');
    expect(writePage({ ...seen, config: { ...seen.config, maps } })).toContain('mailbox, in shadow');
    expect(writePage(seen)).not.toContain('in shadow');
  });

  it('has no form where addresses are not explained', () => {
    expect(writePage({ ...seenOf(1, ''), explaining: null })).not.toContain('<form');
  });

  it.each([
    [20, 'fred.flintstone@example.org'],
    [300, `${'<'.repeat(300)}@example.org`],
  ])('takes at most 60 kB with %s stores and maps and full lists', (many, key) => {
    const text = writePage(seenOf(many, key));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MOST_BYTES);
    if (many === 20) expect(text.match(/<article/g)).toHaveLength(20);
    else expect(text).toContain('more are not shown');
  });
});
