import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../src/daemon/reason.ts';
import { UncertainError } from '../../src/map/map.ts';
import { saying } from '../../src/message.ts';
import { createCipher } from '../../src/observe/cipher.ts';
import { createCounting } from '../../src/observe/counting.ts';
import { createCounts } from '../../src/observe/counts.ts';
import { DOMAINS, type Keys, PLAIN, hiding } from '../../src/observe/keys.ts';
import { createLog } from '../../src/observe/log.ts';
import { createNewest } from '../../src/observe/newest.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';

const TEMP: Reply = { kind: 'TEMP', reason: 'lookup failed' };
const MAILBOX = { name: 'mailbox', stores: 'local', refuses: true, isDomain: false };
const HASHES = hiding(createCipher(Buffer.alloc(32)).hide);

/** A log that keeps the newest of what it is told. */
function watching(keys: Keys = PLAIN) {
  const nothing = (): void => {};
  const logger = {
    isLevelEnabled: () => false,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
  };
  const newest = createNewest(() => keys);
  newest.isWatched = true;
  const log = createCounting(createLog(logger, { add: '', ask: '' }), reasonOf, {
    counts: createCounts(),
    newest,
    harvest: { missed() {} },
    records: { add() {} },
  });
  return { log, newest };
}

const requestFor = (key: string | null): Request => ({
  map: 'mailbox',
  key,
  asked: { listener: 'mta', arrived: performance.now() },
});

describe('the newest refusals and deferrals', () => {
  it('are those of the log, the newest first', () => {
    const { log, newest } = watching();
    log.answered(requestFor('a@example.org'), { kind: 'OK', value: 'x' }, null, MAILBOX);
    log.answered(requestFor('b@example.org'), { kind: 'NOTFOUND' }, null, MAILBOX);
    log.answered(requestFor('c@example.org'), { kind: 'PERM', reason: 'x', why: 'disabled' }, null, MAILBOX);
    log.answered(requestFor('d@example.org'), TEMP, new StoreError('gone'), MAILBOX);
    log.refusedHere(null, 'framing error');
    const late = requestFor('e@example.org');
    log.deadlinePassed(late, 4_000, MAILBOX);
    log.answered(late, TEMP, new StoreError('gone'), MAILBOX);
    log.answered(requestFor('f@example.org'), { kind: 'NOTFOUND' }, null, { ...MAILBOX, refuses: false });
    expect(newest.refusals()).toMatchObject([
      { key: 'c@example.org', map: 'mailbox', listener: 'mta', reason: 'disabled', cause: null },
      { key: 'b@example.org', reason: 'absent' },
    ]);
    expect(newest.deferrals()).toMatchObject([
      { key: 'e@example.org', reason: 'deadline', cause: null },
      { key: null, map: 'no map', listener: '', reason: 'framing' },
      { key: 'd@example.org', reason: 'store_failed', cause: 'gone' },
    ]);
  });

  it.each<[string, Keys, RegExp, RegExp]>([
    ['plain', PLAIN, /^fred@example\.org$/, /^fred has no domain$/],
    ['domain', DOMAINS, /^\*@example\.org$/, /^\* has no domain$/],
    ['hash', HASHES, /^hash:[\w-]+$/, /^hash:[\w-]+ has no domain$/],
  ])('are shown as log.keys = "%s" shows them', (_, keys, key, cause) => {
    const { log, newest } = watching(keys);
    log.answered(requestFor('fred@example.org'), TEMP, new UncertainError(saying`${'fred'} has no domain`), MAILBOX);
    const [deferral] = newest.deferrals();
    expect([deferral?.key, deferral?.cause]).toEqual([expect.stringMatching(key), expect.stringMatching(cause)]);
  });

  it('are shown by the setting of now, not of the time when they happened', () => {
    let keys = PLAIN;
    const newest = createNewest(() => keys);
    newest.isWatched = true;
    newest.declined('refused', 'absent', 'fred@example.org', MAILBOX, { cause: null, asked: undefined });
    keys = DOMAINS;
    expect(newest.refusals()[0]?.key).toBe('*@example.org');
  });

  it('are no more than 12 of each, and take no memory for a long key', () => {
    const { log, newest } = watching();
    for (let at = 0; at < 1_000; at++) {
      log.answered(requestFor(`${at}@example.org`), { kind: 'NOTFOUND' }, null, MAILBOX);
    }
    expect(newest.refusals()).toHaveLength(12);
    expect(newest.refusals().map(({ key }) => key)).toEqual(
      Array.from({ length: 12 }, (_, at) => `${999 - at}@example.org`),
    );
    log.answered(requestFor('x'.repeat(99_999)), { kind: 'NOTFOUND' }, null, MAILBOX);
    expect(newest.refusals()[0]?.key).toBe('(99999 characters)');
  });

  it('are not kept while nobody may look at them', () => {
    const { log, newest } = watching();
    newest.isWatched = false;
    log.answered(requestFor('b@example.org'), { kind: 'NOTFOUND' }, null, MAILBOX);
    expect(newest.refusals()).toEqual([]);
  });
});

describe('the newest changes', () => {
  it('are each shown once, with how often and when they last happened', () => {
    const { log, newest } = watching();
    log.started('1.2.3', '/etc/smmap/smmap.toml', []);
    log.storeUnavailable('db', 'db1', new StoreError('gone'));
    log.storeOpened('db', 'db1');
    log.storeUnavailable('db', 'db1', new StoreError('gone again'));
    log.reloaded('/etc/smmap/smmap.toml', [], ['maps: added alias', 'log: keys plain -> hash']);
    log.reloadRefused(new Error('the password is hunter2'), true);
    log.storeShrank('local', 'mailbox', 100, 1, false);
    expect(newest.changes().map(({ text, count }) => [text, count])).toEqual([
      ['store local has 1 records of mailbox, and had 100', 1],
      ['a reload was refused, the old configuration stays; the log says why', 1],
      ['reloaded: maps: added alias; log: keys plain -> hash', 1],
      ['store db at db1 is unavailable', 2],
      ['store db at db1 is available', 1],
      ['smmap 1.2.3 started', 1],
    ]);
  });

  it('are no more than 25', () => {
    const { newest } = watching();
    for (let at = 0; at < 100; at++) newest.changed(`change ${at}`);
    expect(newest.changes()).toHaveLength(25);
    expect(newest.changes()[0]?.text).toBe('change 99');
  });
});

describe('the trouble of a store', () => {
  it('is why it failed last, as log.keys shows that, until it is over', () => {
    const { log, newest } = watching(DOMAINS);
    log.storeUnavailable('db', null, new StoreError('no answer for "fred"'));
    log.canaryFailed('db', 'db1', new StoreError('canary@example.org is not found'));
    expect(newest.troubleOf('db', null)).toBe('no answer for "*"');
    expect(newest.troubleOf('db', 'db1')).toBe('*@example.org is not found');
    log.storeOpened('db', null);
    log.canaryRecovered('db', 'db1');
    expect([newest.troubleOf('db', null), newest.troubleOf('db', 'db1')]).toEqual([null, null]);
  });
});
