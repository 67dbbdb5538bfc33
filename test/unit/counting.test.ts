import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CONTROL_REPLY_BYTES } from '../../src/daemon/control.ts';
import { collect } from '../../src/daemon/metrics/collect.ts';
import { countedOf } from '../../src/daemon/metrics/counted.ts';
import { FAMILIES } from '../../src/daemon/metrics/families.ts';
import { pagesOf } from '../../src/daemon/metrics/metrics.ts';
import { writeText } from '../../src/daemon/metrics/text.ts';
import { reasonOf } from '../../src/daemon/reason.ts';
import { SuccessorError } from '../../src/daemon/successor.ts';
import { createHistogram } from '../../src/histogram.ts';
import { UncertainError, UnknownMapError } from '../../src/map/map.ts';
import { LoopError } from '../../src/map/search.ts';
import { saying } from '../../src/message.ts';
import { createCounting } from '../../src/observe/counting.ts';
import { type Counts, REASONS, type Reason, createCounts } from '../../src/observe/counts.ts';
import { PLAIN } from '../../src/observe/keys.ts';
import { type Log, NO_MAP, createLog } from '../../src/observe/log.ts';
import { createNewest } from '../../src/observe/newest.ts';
import { TimeoutError } from '../../src/socket/client.ts';
import { CanaryError } from '../../src/store/guard/canary.ts';
import { EmptyStoreError, QuestionError, ReplicaError, StoreError } from '../../src/store/store.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';
import { unknownIn } from '../support/promql.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TEMP: Exclude<Reply, { kind: 'OK' | 'NOTFOUND' }> = { kind: 'TEMP', reason: 'lookup failed' };
const MAILBOX = { name: 'mailbox', stores: 'local', refuses: true, isDomain: false };
const ALIAS = { ...MAILBOX, name: 'alias', refuses: false };

/** The anchor of a heading on GitHub. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const silent = (): Log => {
  const nothing = (): void => {};
  const logger = {
    isLevelEnabled: () => false,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
  };
  return createLog(logger, { add: '', ask: '' });
};

function counting(): { readonly log: Log; readonly counts: Counts; readonly missed: readonly (string | null)[] } {
  const counts = createCounts();
  const missed: (string | null)[] = [];
  const harvest = { missed: (_map: object, _listener: string, key: string | null) => missed.push(key) };
  return {
    log: createCounting(silent(), reasonOf, {
      counts,
      newest: createNewest(() => PLAIN),
      harvest,
      records: { add() {} },
    }),
    counts,
    missed,
  };
}

/** A watch with one alarm, as long as a client can make it. */
const ALARM = {
  map: 'mailbox',
  listener: 'mta',
  domain: `${'d'.repeat(63)}.`.repeat(4).slice(0, 255),
  misses: 1_200,
  names: 900,
  sinceMs: 1_700_000_000_000,
  forMs: 60_000,
};
const HARVEST = {
  active: () => [ALARM],
  counts: () => [{ map: 'mailbox', listener: 'mta', alarms: 1, misses: 1_200, names: 450 }],
};

const requestOf = (map = 'mailbox', ms = 0): Request => ({
  map,
  key: 'fred@example.org',
  asked: { listener: 'mta', arrived: performance.now() - ms },
});

/** The counts of a map that are not zero. */
const notZero = (counts: Readonly<Record<string, number>> | undefined): object =>
  Object.fromEntries(Object.entries(counts ?? {}).filter(([, count]) => count !== 0));

describe('the reason of a reply', () => {
  it.each<[string, Exclude<Reply, { kind: 'OK' }>, unknown, Reason]>([
    ['NOTFOUND', { kind: 'NOTFOUND' }, null, 'absent'],
    ['NOTFOUND for a key that is no address', { kind: 'NOTFOUND', why: 'no_address' }, null, 'no_address'],
    ['PERM by states.disabled', { kind: 'PERM', reason: 'x', why: 'disabled' }, null, 'disabled'],
    ['TEMP by states.overquota', { ...TEMP, why: 'overquota' }, null, 'overquota'],
    ['a reply that is too long', TEMP, null, 'reply_too_long'],
    ['a loop of aliases', TEMP, new LoopError(['a@example.org', 'b@example.org']), 'loop'],
    ['a doubt of a map', TEMP, new UncertainError(saying`a`), 'uncertain'],
    ['an unknown map', TEMP, new UnknownMapError(saying`a`), 'unknown_map'],
    ['a canary', TEMP, new CanaryError('a'), 'canary_failed'],
    ['a canary of a replica', TEMP, new StoreError('a; b', { cause: new CanaryError('a') }), 'canary_failed'],
    ['a store that was never filled', TEMP, new EmptyStoreError('a'), 'never_filled'],
    ['a replica that may lag', TEMP, new ReplicaError('a'), 'question_failed'],
    ['one question', TEMP, new QuestionError('a'), 'question_failed'],
    ['a store', TEMP, new StoreError('a'), 'store_failed'],
    ['a breaker that is open', TEMP, new StoreError('a', { cause: new Error('ECONNREFUSED') }), 'store_failed'],
    ['a daemon that took over and hangs', TEMP, new TimeoutError('a'), 'successor'],
    ['a daemon that took over and is unknown', TEMP, new SuccessorError('a'), 'successor'],
    ['an exception that nobody expected', TEMP, new TypeError('a'), 'bug'],
  ])('%s', (_, reply, cause, reason) => {
    expect(reasonOf(reply, cause)).toBe(reason);
  });
});

describe('a log that counts', () => {
  it('counts each reply by map, listener and result, and those that are not OK by reason', () => {
    const { log, counts } = counting();
    log.answered(requestOf(), { kind: 'OK', value: 'x' }, null, MAILBOX);
    log.answered(requestOf(), { kind: 'NOTFOUND' }, null, MAILBOX);
    log.answered(requestOf(), { kind: 'PERM', reason: 'x', why: 'disabled' }, null, MAILBOX);
    log.answered(requestOf(), TEMP, new StoreError('gone'), MAILBOX);
    log.refusedHere(null, 'framing error', { listener: 'tcp', arrived: performance.now() });
    const mailbox = counts.maps.get('mailbox');
    expect(mailbox?.replies.get('mta')).toEqual({ OK: 1, NOTFOUND: 1, TEMP: 1, PERM: 1 });
    expect(notZero(mailbox?.refusals)).toEqual({ absent: 1, disabled: 1 });
    expect(notZero(mailbox?.deferrals)).toEqual({ store_failed: 1 });
    expect(counts.maps.get('no map')?.replies.get('tcp')).toMatchObject({ TEMP: 1 });
    expect(notZero(counts.maps.get('no map')?.deferrals)).toEqual({ framing: 1 });
  });

  it('counts no refusal where NOTFOUND refuses no mail', () => {
    const { log, counts } = counting();
    log.answered(requestOf('alias'), { kind: 'NOTFOUND' }, null, ALIAS);
    expect(counts.maps.get('alias')?.replies.get('mta')).toMatchObject({ NOTFOUND: 1 });
    expect(notZero(counts.maps.get('alias')?.refusals)).toEqual({});
  });

  it('tells the harvest watch of refusals because an address is absent, and of nothing else', () => {
    const { log, missed } = counting();
    const asked = (key: string): Request => ({ ...requestOf(), key });
    log.answered(asked('found'), { kind: 'OK', value: 'x' }, null, MAILBOX);
    log.answered(asked('absent'), { kind: 'NOTFOUND' }, null, MAILBOX);
    log.answered(asked('no alias'), { kind: 'NOTFOUND' }, null, ALIAS);
    log.answered(asked('no address'), { kind: 'NOTFOUND', why: 'no_address' }, null, MAILBOX);
    log.answered(asked('disabled'), { kind: 'NOTFOUND', why: 'disabled' }, null, MAILBOX);
    log.answered(asked('denied'), { kind: 'PERM', reason: 'x', why: 'disabled' }, null, MAILBOX);
    log.answered(asked('deferred'), TEMP, new StoreError('gone'), MAILBOX);
    const late = asked('late');
    log.deadlinePassed(late, 4_000, MAILBOX);
    log.answered(late, { kind: 'NOTFOUND' }, null, MAILBOX);
    expect(missed).toEqual(['absent']);
  });

  it('counts a request whose answer came after the deadline once, as what the client got', () => {
    const { log, counts } = counting();
    const request = requestOf('mailbox', 4_000);
    log.deadlinePassed(request, 4_000, MAILBOX);
    log.answered(request, { kind: 'OK', value: 'x' }, null, MAILBOX);
    expect(counts.maps.get('mailbox')?.replies.get('mta')).toEqual({ OK: 0, NOTFOUND: 0, TEMP: 1, PERM: 0 });
    expect(notZero(counts.maps.get('mailbox')?.deferrals)).toEqual({ deadline: 1 });
  });

  it('has one label for all maps that the configuration does not have, whatever clients send', async () => {
    const { log, counts } = counting();
    for (let at = 0; at < 1_000; at++) {
      log.answered(requestOf(`map${at}`), TEMP, new UnknownMapError(saying`a`), NO_MAP);
      log.connectionForbidden('tcp', `192.0.2.${at}`);
    }
    expect([...counts.maps.keys()]).toEqual(['no map']);
    expect(Object.fromEntries(counts.events.turnedAway)).toEqual({ hard_connections: 0, allow: 1_000 });
    const snapshot = await collect({ ...OBSERVED, counts });
    expect(Object.values(snapshot).flat().length).toBeLessThan(100);
  });

  it('counts reloads by what came of them, and knows when the configuration in use was read', () => {
    const { log, counts } = counting();
    const first = counts.configuration.readAt;
    log.reloadRefused(new Error('x'), true);
    expect(counts.configuration).toEqual({ readAt: first, accepted: false });
    log.reloadRefused(new Error('x'), false);
    log.reloaded('file', [], []);
    expect(counts.configuration.accepted).toBe(true);
    expect(Object.fromEntries(counts.events.reloads)).toEqual({ accepted: 1, refused: 1, failed: 1 });
  });
});

const OBSERVED = {
  version: '1',
  node: '20',
  loopDelays: createHistogram(),
  harvest: HARVEST,
  connections: 3,
  listeners: [],
  stores: new Map(),
} as const;

describe('the counts for the control socket', () => {
  it('are those of the metrics, without reasons that there were not', () => {
    const { log, counts } = counting();
    log.answered(requestOf(), { kind: 'OK', value: 'x' }, null, MAILBOX);
    log.answered({ ...requestOf(), asked: { listener: 'tcp', arrived: performance.now() } }, TEMP, null, MAILBOX);
    log.answered(requestOf(), { kind: 'NOTFOUND' }, null, MAILBOX);
    log.connectionRefused(5);
    log.connectionForbidden('tcp', '192.0.2.1');
    const { maps, leftOut, events, connections } = countedOf({ ...OBSERVED, counts });
    expect([connections, events.turnedAway, events.stalls, leftOut]).toEqual([3, 2, 0, 0]);
    expect(maps).toMatchObject([{ name: 'mailbox', replies: { OK: 1, NOTFOUND: 1, TEMP: 1, PERM: 0 } }]);
    expect(maps[0]?.refusals).toEqual({ absent: 1 });
    expect(maps[0]?.deferrals).toEqual({ reply_too_long: 1 });
    expect(maps[0]?.took.counts.reduce((sum, count) => sum + count)).toBe(3);
  });

  it('have the worst alarm of the harvest watch', () => {
    const { counts } = counting();
    expect(countedOf({ ...OBSERVED, counts }).harvest).toEqual({ alarms: 1, worst: ALARM });
    const harvest = { ...HARVEST, active: () => [] };
    expect(countedOf({ ...OBSERVED, counts, harvest }).harvest).toEqual({ alarms: 0, worst: null });
  });

  it('fit into a reply of the control socket, and say how many maps they lack', () => {
    const { log, counts } = counting();
    for (let at = 0; at < 2_000; at++) {
      log.answered(requestOf(), { kind: 'NOTFOUND' }, null, { ...MAILBOX, name: `${'m'.repeat(100)}${at}` });
    }
    const counted = countedOf({ ...OBSERVED, counts });
    expect(JSON.stringify(counted).length).toBeLessThan(CONTROL_REPLY_BYTES);
    expect(counted.maps.length).toBeGreaterThan(100);
    expect(counted.maps.length + counted.leftOut).toBe(2_000);
  });
});

describe('the alert rules', () => {
  const text = readFileSync(`${ROOT}contrib/prometheus/smmap.rules.yml`, 'utf8');
  const rules = [...text.matchAll(/- alert: (\w+)\n(.*?)(?=\n {6}- alert|$(?![\s\S]))/gs)].map(
    ([, name = '', body = '']) => ({ name, body }),
  );

  it('name only metrics that the daemon has, with labels and reasons that it has', () => {
    expect(rules.length).toBeGreaterThan(15);
    expect(unknownIn(text)).toEqual([]);
  });

  it('name a section and a row of the documents', () => {
    for (const { name, body } of rules) {
      const [, file = '', anchor = ''] = /runbook: ([\w./-]+)#(\S+)\n/.exec(body) ?? [];
      const [, row = ''] = /row: (.*)/.exec(body) ?? [];
      const page = readFileSync(`${ROOT}${file}`, 'utf8');
      const section = page.split(/^## /m).find((each) => anchorOf(each.split('\n')[0] ?? '') === anchor) ?? '';
      const seen = section
        .split('\n')
        .filter((line) => line.startsWith('|') && (line.split('|')[1] ?? '').replaceAll('`', '').includes(row));
      expect(seen.length, `${name}: ${row}`).toBeGreaterThan(0);
    }
  });
});

describe('docs/metrics.md', () => {
  const page = readFileSync(`${ROOT}docs/metrics.md`, 'utf8');

  it('has a row for each metric, with its type and labels', () => {
    const rows = [...page.matchAll(/^\| `(smmap_\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
    const wanted = Object.entries(FAMILIES).map(([name, { type, labels, help }]) => [
      name,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      expect.stringContaining(help) as string,
    ]);
    expect(rows).toEqual(wanted);
  });

  it('has a row for each reason, and for each page', () => {
    const rows = [...page.matchAll(/^\| `([/\w.]+)` \| /gm)].map(([, name]) => name);
    expect(rows.filter((name) => !name?.startsWith('smmap_'))).toEqual([
      ...Object.keys(
        pagesOf(
          () => ({ ...OBSERVED, counts: createCounts() }),
          async () => ({ status: 200, type: '', text: '' }),
        ),
      ),
      ...REASONS,
    ]);
  });
});

describe('the text of the metrics', () => {
  const snapshotOf = async (replies: number): ReturnType<typeof collect> => {
    const { log, counts } = counting();
    for (let at = 0; at < replies; at++) log.answered(requestOf('mailbox', 20), { kind: 'NOTFOUND' }, null, MAILBOX);
    return collect({ ...OBSERVED, counts });
  };

  it('adds what several processes counted', async () => {
    const { text } = await writeText([await snapshotOf(2), await snapshotOf(3)], '');
    expect(text).toContain('smmap_replies_total{map="mailbox",listener="mta",result="NOTFOUND"} 5\n');
    expect(text).toContain('smmap_refusals_total{map="mailbox",reason="absent"} 5\n');
    expect(text).toContain('smmap_reply_seconds_bucket{le="5",map="mailbox"} 5\n');
    expect(text).toContain('smmap_reply_seconds_count{map="mailbox"} 5\n');
    expect(text).toContain('smmap_connections 6\n');
    expect(text).toContain('smmap_config_accepted 1\n');
  });

  it('has no domain of an alarm, and neither has /status.json', async () => {
    const { counts } = counting();
    const pages = pagesOf(
      () => ({ ...OBSERVED, counts }),
      async () => ({ status: 200, type: '', text: '' }),
    );
    const asked = { accept: '', host: 'localhost', isCrossSite: false, query: new URLSearchParams() };
    const metrics = (await pages['/metrics']?.(asked))?.text ?? '';
    const status = (await pages['/status.json']?.(asked))?.text ?? '';
    expect(metrics).toContain('smmap_harvest_alarms{map="mailbox",listener="mta"} 1\n');
    expect(metrics).toContain('smmap_harvest_misses_total{map="mailbox",listener="mta"} 1200\n');
    expect(metrics).toContain('smmap_harvest_names{map="mailbox",listener="mta"} 450\n');
    const since = '2023-11-14T22:13:20.000Z';
    expect(JSON.parse(status)).toMatchObject({
      harvest: [{ map: 'mailbox', listener: 'mta', misses: 1_200, names: 900, since }],
    });
    expect(metrics + status).not.toContain('ddd');
  });

  it('is OpenMetrics for a client that accepts it, and the text format 0.0.4 for any other', async () => {
    const snapshot = await snapshotOf(1);
    const plain = await writeText([snapshot], 'text/plain;q=0.5, */*');
    expect(plain.type).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(plain.text).toContain('# TYPE smmap_replies_total counter\n');
    const open = await writeText([snapshot], 'application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.3');
    expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.text).toContain('# TYPE smmap_replies counter\n');
    expect(open.text).toContain('smmap_replies_total{map="mailbox",listener="mta",result="NOTFOUND"} 1\n');
    expect(open.text.endsWith('# EOF\n')).toBe(true);
  });

  it('has every reason of a map from its first reply on, so that an increase from zero is seen', async () => {
    const { text } = await writeText([await snapshotOf(1)], '');
    for (const reason of REASONS) expect(text).toContain(`smmap_deferrals_total{map="mailbox",reason="${reason}"} 0\n`);
  });

  it('has names that say the unit', () => {
    for (const [name, { type }] of Object.entries(FAMILIES)) {
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });
});
