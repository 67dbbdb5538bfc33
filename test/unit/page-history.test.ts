import { describe, expect, it } from 'vitest';
import { createHistory } from '../../src/daemon/page/history.ts';
import type { State } from '../../src/daemon/page/sparkline.ts';
import { judgeStore } from '../../src/daemon/page/store-state.ts';
import { quantileMs } from '../../src/histogram.ts';
import { createCounts } from '../../src/observe/counts.ts';
import type { ServerStatus, Status } from '../../src/store/status.ts';

const MINUTE = 60_000;
const NONE: ReadonlyMap<string, { status: () => Status }> = new Map();

const SERVER: ServerStatus = {
  name: 'db1',
  trouble: null,
  since: '2026-11-26T11:00:00.000Z',
  isUp: true,
  isTrusted: true,
  outages: 0,
  canaryFailures: 0,
};
const COUNTS: Status['counts'] = {
  asked: 0,
  found: 0,
  absent: 0,
  failed: 0,
  meanMs: 0,
  slowestMs: 0,
  answeredAt: SERVER.since,
  failing: null,
};

const statusOf = (counts: Partial<Status['counts']>, ...servers: readonly Partial<ServerStatus>[]): Status => ({
  driver: 'x',
  servers: servers.map((server) => Object.assign({}, SERVER, server)),
  counts: { ...COUNTS, ...counts },
});
const DOWN = { isUp: false, outages: 1 };
const FAILING = { at: SERVER.since, cause: 'gone' };

describe('the state of a store', () => {
  it.each<[string, Status, State, string]>([
    ['whose servers answer', statusOf({}, {}, {}), 'well', 'answers'],
    ['of which one server is down', statusOf({}, {}, DOWN), 'partly', '1 of 2 answer'],
    ['whose servers are down', statusOf({}, DOWN, DOWN), 'failed', 'unavailable'],
    ['whose canary fails', statusOf({}, { isTrusted: false, canaryFailures: 1 }), 'failed', 'canary fails'],
    ['whose servers fail in several ways', statusOf({}, DOWN, { isTrusted: false }), 'failed', 'no server answers'],
    ['that was not asked', statusOf({}, { isUp: false }), 'unknown', 'not asked yet'],
    ['without servers that answers', statusOf({}), 'well', 'answers'],
    ['without servers whose newest question failed', statusOf({ failing: FAILING }), 'failed', 'fails'],
    ['without servers that was not asked', statusOf({ answeredAt: null }), 'unknown', 'not asked yet'],
  ])('%s', (_, status, state, words) => {
    expect(judgeStore(status)).toEqual({ state, words });
  });
});

describe('the last hour', () => {
  it('has what was replied in each minute, and nothing for the time before the first look', () => {
    const [history, counts] = [createHistory(), createCounts()];
    counts.replied('mailbox', 'mta', 'OK', null, 1);
    history.sample(100 * MINUTE, counts, NONE);
    counts.replied('mailbox', 'mta', 'OK', null, 1);
    counts.replied('mailbox', 'tcp', 'OK', null, 1);
    history.sample(100 * MINUTE + 10_000, counts, NONE);
    counts.replied('alias', 'mta', 'NOTFOUND', null, 400);
    history.sample(101 * MINUTE, counts, NONE);
    const minutes = history.minutes();
    expect(minutes).toHaveLength(60);
    expect(minutes.slice(0, 58).every((minute) => minute === null)).toBe(true);
    expect(minutes.slice(58).map((minute) => minute?.results)).toEqual([
      { OK: 2, NOTFOUND: 0, TEMP: 0, PERM: 0 },
      { OK: 0, NOTFOUND: 1, TEMP: 0, PERM: 0 },
    ]);
    expect(minutes.slice(58).map((minute) => minute && quantileMs(minute.took, 0.99))).toEqual([1, 500]);
    expect(history.hourOf('mailbox').results.OK).toBe(2);
    expect(history.hourOf('nothing').results.OK).toBe(0);
  });

  it('forgets what is older than an hour, and does not know a minute in which nobody looked', () => {
    const [history, counts] = [createHistory(), createCounts()];
    const at = (minute: number): void => {
      counts.replied('mailbox', 'mta', 'OK', null, 1);
      history.sample(minute * MINUTE, counts, NONE);
    };
    for (let minute = 0; minute < 200; minute++) if (minute !== 190) at(minute);
    const known = history.minutes().map((minute) => minute?.results.OK ?? null);
    expect(known).toHaveLength(60);
    expect(known.indexOf(null)).toBe(190 - 140);
    expect(history.hourOf('mailbox').results.OK).toBe(59);
    history.sample(1_000 * MINUTE, counts, NONE);
    expect(history.hourOf('mailbox').results.OK).toBe(0);
  });
});

describe('the last 90 minutes of a store', () => {
  const statesAfter = (...looks: readonly (readonly [minute: number, status: Status | null])[]): readonly State[] => {
    const history = createHistory();
    for (const [minute, status] of looks) {
      const stores = status === null ? NONE : new Map([['db', { status: () => status }]]);
      history.sample(minute * MINUTE, createCounts(), stores);
    }
    return history.statesOf('db');
  };

  it.each<[string, [number, Status | null][], State[]]>([
    [
      'are the worst of each minute',
      [
        [7, statusOf({}, {})],
        [7.2, statusOf({}, DOWN)],
        [7.4, statusOf({}, { outages: 1 })],
        [8, statusOf({}, { outages: 1 })],
      ],
      ['failed', 'well'],
    ],
    [
      'show an outage that was over at the next look',
      [
        [7, statusOf({}, {})],
        [8, statusOf({}, { outages: 1 })],
        [9, statusOf({}, { outages: 1 })],
      ],
      ['well', 'partly', 'well'],
    ],
    [
      'show a question that failed',
      [
        [7, statusOf({})],
        [8, statusOf({ failed: 1 })],
      ],
      ['well', 'partly'],
    ],
    [
      'know nothing of a minute without a look',
      [
        [6, statusOf({})],
        [8, statusOf({})],
      ],
      ['well', 'unknown', 'well'],
    ],
    [
      'start again for a store that was removed for some time',
      [
        [6, statusOf({})],
        [7, null],
        [8, statusOf({})],
      ],
      ['unknown', 'unknown', 'well'],
    ],
  ])('%s', (_, looks, last) => {
    const states = statesAfter(...looks);
    expect(states).toHaveLength(90);
    expect(states.slice(-last.length)).toEqual(last);
  });

  it('are nothing for a store that nobody knows', () => {
    expect(statesAfter([1, null])).toEqual([]);
  });
});
