import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../src/daemon/reason.ts';
import { createCounting } from '../../src/observe/counting.ts';
import { createCounts } from '../../src/observe/counts.ts';
import { PLAIN } from '../../src/observe/keys.ts';
import { type Log, type Logger, createLog } from '../../src/observe/log.ts';
import { createNewest } from '../../src/observe/newest.ts';
import type { Shadowed } from '../../src/observe/shadow/collect.ts';
import type { InShadow } from '../../src/observe/shadow/log.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';

const MAILBOX = { name: 'mailbox', stores: 'local', refuses: true, isDomain: false };
const OK: Reply = { kind: 'OK', value: 'fred@example.org' };
const NOTFOUND: Reply = { kind: 'NOTFOUND' };
const TEMP: Reply = { kind: 'TEMP', reason: 'lookup failed' };

type Line = Readonly<Record<string, unknown>>;

/** A log that counts and records, and what it did. */
function open() {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (event: object, msg: string): void =>
      void lines.push({ level, ...event, msg });
  const logger: Logger = {
    isLevelEnabled: () => true,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  };
  const counts = createCounts();
  const recorded: Shadowed[] = [];
  const add = (what: Shadowed): void => void recorded.push(what);
  const missed: (string | null)[] = [];
  const harvest = { missed: (_: unknown, __: string, key: string | null) => void missed.push(key) };
  const log: Log = createCounting(createLog(logger, { add: '', ask: '' }), reasonOf, {
    counts,
    newest: createNewest(() => PLAIN),
    harvest,
    records: { add },
  });
  return { log, lines, counts, recorded, missed };
}

const requestOf = (): Request => ({
  map: 'mailbox',
  key: 'fred@example.org',
  asked: { listener: 'mta', arrived: performance.now() },
});
const inShadow = (would: Reply, reply: Reply, isSame = false, cause: unknown = null): InShadow => ({
  would,
  cause,
  reply,
  isSame,
});

describe('what a map in shadow says', () => {
  it.each<[string, InShadow, object, object]>([
    [
      'an absence',
      inShadow(NOTFOUND, OK),
      { level: 'info', event: 'would_refuse', reply: 'OK', would: 'NOTFOUND', msg: 'in shadow: would be refused' },
      { would: 'NOTFOUND', reason: 'absent', reply: 'OK' },
    ],
    [
      'a disabled mailbox',
      inShadow({ kind: 'NOTFOUND', why: 'disabled' }, OK),
      { event: 'would_refuse' },
      { would: 'NOTFOUND', reason: 'disabled' },
    ],
    [
      'a failure',
      inShadow(TEMP, OK, false, new StoreError('the server is gone')),
      { level: 'warn', event: 'would_defer', reply: 'OK', would: 'TEMP', cause: 'the server is gone' },
      { would: 'TEMP', reason: 'store_failed', reply: 'OK' },
    ],
    [
      'an OK where the other map refuses',
      inShadow(OK, NOTFOUND),
      { level: 'info', event: 'would_differ', reply: 'NOTFOUND', would: 'OK', msg: 'in shadow: would be OK' },
      { would: 'OK', reason: null, reply: 'NOTFOUND' },
    ],
    [
      'another value',
      inShadow(OK, OK),
      { event: 'would_differ', msg: 'in shadow: would be OK with another value' },
      { would: 'OK', reason: null, reply: 'OK' },
    ],
  ])('is logged, counted and recorded: %s', (_, shadow, line, record) => {
    const { log, lines, counts, recorded } = open();
    log.shadowed(requestOf(), shadow, MAILBOX);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ map: 'mailbox', key: 'fred@example.org', listener: 'mta', ...line });
    expect(recorded).toHaveLength(1);
    expect(recorded[0]).toMatchObject({ map: 'mailbox', key: 'fred@example.org', isSame: false, ...record });
    expect(counts.shadows.get('mailbox')?.[recorded[0]?.would ?? 'OK']).toBe(1);
  });

  it('is counted and recorded, but not logged, if the reply is the same', () => {
    const { log, lines, counts, recorded } = open();
    log.shadowed(requestOf(), inShadow(OK, OK, true), MAILBOX);
    expect(lines).toEqual([]);
    expect(counts.shadows.get('mailbox')).toEqual({ OK: 1, NOTFOUND: 0, TEMP: 0, PERM: 0 });
    expect(recorded).toMatchObject([{ isSame: true }]);
  });

  it('is the deadline if there was no answer in time; a later answer does not count', () => {
    const { log, lines, counts, recorded } = open();
    const request = requestOf();
    log.acceptedHere(request, 'deadline passed', MAILBOX);
    log.shadowed(request, inShadow(NOTFOUND, OK), MAILBOX);
    log.answered(request, OK, null, MAILBOX);
    expect(recorded).toMatchObject([{ would: 'TEMP', reason: 'deadline', reply: 'OK' }]);
    expect(counts.maps.get('mailbox')?.replies.get('mta')).toEqual({ OK: 1, NOTFOUND: 0, TEMP: 0, PERM: 0 });
    expect(counts.shadows.get('mailbox')).toEqual({ OK: 0, NOTFOUND: 0, TEMP: 1, PERM: 0 });
    expect(lines.map(({ event }) => event)).toEqual(['would_defer', 'accepted']);
  });

  it('is no refusal and no deferral in the metrics, since the client got an OK', () => {
    const { log, counts } = open();
    const request = requestOf();
    log.shadowed(request, inShadow(NOTFOUND, OK), MAILBOX);
    log.answered(request, OK, null, MAILBOX);
    const { refusals, deferrals } = counts.maps.get('mailbox') ?? {};
    expect(
      Object.values({ ...refusals })
        .concat(Object.values({ ...deferrals }))
        .every((n) => n === 0),
    ).toBe(true);
  });

  it.each<[string, InShadow, readonly string[]]>([
    ['counts for the harvest watch if it is an absence', inShadow(NOTFOUND, OK), ['fred@example.org']],
    ['does not if the client was refused, which counts already', inShadow(NOTFOUND, NOTFOUND, true), []],
    ['does not if it is a disabled mailbox', inShadow({ kind: 'NOTFOUND', why: 'disabled' }, OK), []],
  ])('%s', (_, shadow, expected) => {
    const { log, missed } = open();
    log.shadowed(requestOf(), shadow, MAILBOX);
    expect(missed).toEqual(expected);
  });
});
