import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi, onTestFinished } from 'vitest';
import { type CacheCommand, cache } from '../../src/cli/cache.ts';
import { formatDuration } from '../../src/cli/columns.ts';
import { probe } from '../../src/cli/probe.ts';
import { reload } from '../../src/cli/reload.ts';
import { release, stores as printStores } from '../../src/cli/stores.ts';
import { type Controllable, commandsOf, createControl as create } from '../../src/daemon/control.ts';
import type { Reloaded } from '../../src/daemon/reloads.ts';
import { parseReply } from '../../src/protocol/reply.ts';
import type { Brake, Loss } from '../../src/store/brake.ts';
import { type CachedStore, createCache } from '../../src/store/guard/cache.ts';
import { createMeter } from '../../src/store/guard/meter.ts';
import type { WarmStats } from '../../src/store/guard/warm.ts';
import { type Store, StoreError } from '../../src/store/store.ts';
import type { Maybe, Question, Reply, Request } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type TestServer, startServer } from '../support/server.ts';
import { storeOf } from '../support/store.ts';

const folder = temporaryFolders();
const servers: TestServer[] = [];
let printed = { out: '', err: '' };
beforeEach(() => {
  printed = { out: '', err: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed.err += String(text);
    return true;
  });
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

/** The commands that answer at once. */
const createControl = (
  stores: () => ReadonlyMap<string, Controllable>,
  tookOver?: (pid: number) => void,
): ((request: Request) => Reply) => {
  const answer = create(
    stores,
    { ...commandsOf(stores), reload: () => Promise.reject(new Error('no test reloads here')) },
    tookOver,
  );
  return (request) => answer(request) as Reply;
};

/** Serves an answer on its own socket; returns the socket as `unix:PATH`. */
async function listen(answer: (request: Request) => Maybe<Reply>, deadlineMs = 4_000): Promise<string> {
  const path = join(folder(), 'control.sock');
  const server = await startServer({ kind: 'unix', path, mode: 0o600, uid: -1, gid: -1 }, answer, { deadlineMs });
  servers.push(server);
  return `unix:${path}`;
}

const mailbox = (address: string, folderName: string | null = null): Question => {
  const [local = '', domain = ''] = address.split('@');
  return { about: 'mailbox', local, domain, exact: false, folder: folderName, anyCase: false };
};

/** fred is active, joe is disabled, a question for down fails, and everybody else is absent. */
const PEOPLE = storeOf((question) => {
  if (question.about === 'key') return { value: '\x1b[31mREJECT\n', state: 'active' };
  if (question.about !== 'mailbox') return null;
  if (question.local === 'down') throw new StoreError('connection refused');
  if (question.local === 'fred') return { value: '8:8', state: 'active' };
  return question.local === 'joe' ? { value: '', state: 'disabled' } : null;
});
const OPTIONS = { entries: 1_000, positiveMs: 300_000, negativeMs: 10_000, failureMs: 1_000, staleMs: 86_400_000 };

/** A store of a daemon, with its cache. */
function controllable(more: object = {}, time = { now: 0 }): Controllable & { readonly cache: CachedStore } {
  const meter = createMeter(PEOPLE);
  const status = (): object => {
    const figures = { meanMs: 1.25, slowestMs: 20.04, answeredAt: '2026-11-26T03:00:00.000Z', failing: null };
    const { failing = null, ...others } = more as { readonly failing?: object };
    const counts = { ...meter.counts(), ...figures, failing };
    return { driver: 'postgresql', servers: [{ name: 'db1', trouble: null, since: '' }], counts, ...others };
  };
  return { cache: createCache(meter, OPTIONS, () => time.now), brake: null, status };
}

const uncached: Controllable = { cache: null, brake: null, status: () => ({ driver: 'memory', servers: [] }) };

async function ask(store: Store, ...questions: Question[]): Promise<void> {
  for (const question of questions) {
    try {
      await store.lookup(question);
    } catch {
      // it is down, on purpose
    }
  }
}

describe('smmap cache show', () => {
  const time = { now: 0 };
  const start = async (): Promise<string> => {
    time.now = 0;
    const people = controllable({}, time);
    await ask(people.cache, mailbox('fred@example.org'), mailbox('fred@example.org', 'a b'));
    time.now = 12_000;
    await ask(
      people.cache,
      mailbox('joe@example.org'),
      mailbox('down@example.org'),
      mailbox('nobody@example.com'),
      { about: 'domain', domain: 'example.org' },
      { about: 'alias', local: '', domain: 'example.org', exact: true },
      { about: 'key', table: 'access', key: 'a\x1bb', exact: false },
    );
    time.now = 12_500;
    return listen(
      createControl(
        () =>
          new Map<string, Controllable>([
            ['none', uncached],
            ['people', people],
          ]),
      ),
    );
  };

  it('has a line for each answer, without control characters for the terminal', async () => {
    expect(await cache('show', [], await start())).toBe(0);
    expect(printed.out.split('\n')).toEqual([
      'store   about    what                            age   left  if it fails  answer',
      'people  mailbox  fred@example.org                12s  4m47s       23h59m  found: 8:8',
      'people  mailbox  fred@example.org folder a b     12s  4m47s       23h59m  found: 8:8',
      'people  mailbox  joe@example.org                0.5s   9.5s            -  disabled',
      'people  mailbox  nobody@example.com             0.5s   9.5s            -  absent',
      'people  domain   example.org                    0.5s   9.5s            -  absent',
      'people  alias    @example.org (exact spelling)  0.5s   9.5s            -  absent',
      String.raw`people  key      access: a\u001bb               0.5s   9.5s            -  found: \u001b[31mREJECT\u000a`,
      'people  mailbox  down@example.org               0.5s   0.5s            -  failed: connection refused',
      '',
    ]);
  });

  it('shows only what is asked for', async () => {
    expect(await cache('show', ['FRED@example.org'], await start())).toBe(0);
    expect(printed.out.match(/fred@example.org/g)).toHaveLength(2);
    expect(printed.out).not.toContain('joe');
  });

  it('ends with 1 if one of several addresses is not cached', async () => {
    expect(await cache('show', ['wilma@example.net', 'fred@example.org'], await start())).toBe(1);
    expect(printed.out).toContain('fred@example.org');
    expect(printed.err).toBe('smmap: nothing is cached about wilma@example.net\n');
  });

  it('is cut to the length of a reply, and says how many it left out', async () => {
    const people = controllable();
    for (let at = 0; at < 300; at++) await ask(people.cache, mailbox(`${'\u0001'.repeat(100)}${at}@example.org`));
    const server = await listen(createControl(() => new Map([['people', people]])));
    expect(await cache('show', [], server)).toBe(0);
    const lines = printed.out.split('\n').length - 2;
    expect(lines).toBeGreaterThan(50);
    const held = people.cache.stats().entries;
    expect(printed.err).toBe(`smmap: ${held - lines} more are not shown; name an address or @domain\n`);
  });
});

describe('smmap cache show of thousands', () => {
  it('also counts entries that it did not read', async () => {
    const { status } = controllable();
    const big = { status, brake: null, cache: createCache(PEOPLE, { ...OPTIONS, entries: 100_000 }) };
    for (let at = 0; at < 3_000; at++) await ask(big.cache, mailbox(`user${at}@example.org`));
    const server = await listen(createControl(() => new Map([['big', big]])));
    expect(await cache('show', [], server)).toBe(0);
    const lines = printed.out.split('\n').length - 2;
    expect(printed.err).toBe(`smmap: ${3_000 - lines} more are not shown; name an address or @domain\n`);
  });
});

describe('smmap cache forget', () => {
  it('drops an address in every store, and says how many entries it dropped', async () => {
    const [one, other] = [controllable(), controllable()];
    for (const { cache: each } of [one, other]) {
      await ask(each, mailbox('fred@example.org'), mailbox('fred@example.org', 'x'), mailbox('joe@example.org'));
    }
    const server = await listen(
      createControl(
        () =>
          new Map([
            ['one', one],
            ['other', other],
          ]),
      ),
    );
    expect(await cache('forget', ['fred@example.org', '@example.org', 'nothing'], server)).toBe(0);
    expect(printed.out).toBe('fred@example.org: 4 forgotten\n@example.org: 2 forgotten\nnothing: 0 forgotten\n');
    expect(one.cache.stats().entries + other.cache.stats().entries).toBe(0);
  });
});

describe('smmap cache clear', () => {
  it('drops all entries, or all entries of the named stores', async () => {
    const [one, other] = [controllable(), controllable()];
    for (const { cache: each } of [one, other])
      await ask(each, mailbox('fred@example.org'), mailbox('joe@example.org'));
    const all = new Map<string, Controllable>([
      ['one', one],
      ['none', uncached],
      ['other', other],
    ]);
    const server = await listen(createControl(() => all));
    expect(await cache('clear', ['other'], server)).toBe(0);
    expect([one.cache.stats().entries, other.cache.stats().entries]).toEqual([2, 0]);
    expect(await cache('clear', [], server)).toBe(0);
    expect(one.cache.stats().entries).toBe(0);
    expect(printed.out).toBe('other: 2 forgotten\none, other: 2 forgotten\n');
    await expect(cache('clear', ['none'], server)).rejects.toThrow(
      `${server}: the store none has no cache; stores with a cache: one, other`,
    );
    await expect(cache('clear', ['nine'], server)).rejects.toThrow(
      'there is no store nine; stores with a cache: one, other',
    );
  });
});

describe('smmap stores', () => {
  const start = async (more: object): Promise<string> => {
    const people = controllable(more);
    const asked = ['fred', 'fred', 'fred', 'joe', 'nobody', 'down'].map((local) => mailbox(`${local}@example.org`));
    await ask(people.cache, ...asked);
    return listen(
      createControl(
        () =>
          new Map<string, Controllable>([
            ['people', people],
            ['none', uncached],
            ['idle', controllable()],
          ]),
      ),
    );
  };

  it.each<[string, object, string]>([
    ['answers', {}, 'answers'],
    [
      'has a server that does not answer',
      {
        servers: [
          { name: 'a', trouble: null, since: '2026-11-26T01:00:00.000Z' },
          { name: 'b', trouble: 'gone', since: '2026-11-26T02:00:00.000Z' },
        ],
      },
      'b: gone (since 2026-11-26T02:00:00.000Z); last answer: 2026-11-26T03:00:00.000Z',
    ],
    [
      'failed when it was asked last, though no server is known to be out of reach',
      { failing: { at: '2026-11-26T04:00:00.000Z', cause: 'no grant' } },
      'fails: no grant (at 2026-11-26T04:00:00.000Z); last answer: 2026-11-26T03:00:00.000Z',
    ],
  ])('has a line for a store that %s', async (_, more, state) => {
    expect(await printStores({ control: await start(more), json: false })).toBe(0);
    expect(printed.out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['store', 'driver', 'asked', 'found', 'absent', 'failed', 'mean ms', 'slowest ms', 'cached', 'hits', 'state'],
      ['people', 'postgresql', '4', '2', '1', '1', '1.3', '20.0', '4', '33 %', state],
      ['none', 'memory', '-', '-', '-', '-', '-', '-', '-', '-', 'answers'],
      ['idle', 'postgresql', '0', '0', '0', '0', '1.3', '20.0', '0', '-', 'answers'],
      [''],
    ]);
  });

  const LISTED = { entries: 3, isLonger: false, ageMs: 42_000, hits: 1, failure: null };
  it.each<[string, WarmStats, string]>([
    ['a list', LISTED, 'answers; 3 listed 42s ago'],
    ['a list that is too long', { ...LISTED, isLonger: true }, 'answers; 3 listed 42s ago; the list is longer'],
    ['an old list', { ...LISTED, failure: 'gone' }, 'answers; 3 listed 42s ago; cannot list: gone'],
    ['no list yet', { ...LISTED, ageMs: null }, 'answers; no list yet'],
  ])('says of a warm cache that it has %s', async (_, warm, state) => {
    const people = controllable();
    const listing = { ...people, cache: { ...people.cache, stats: () => ({ ...people.cache.stats(), warm }) } };
    const server = await listen(createControl(() => new Map([['people', listing]])));
    expect(await printStores({ control: server, json: false })).toBe(0);
    expect(printed.out).toMatch(new RegExp(`  ${state}\n$`));
  });

  it('prints one object on each line', async () => {
    expect(await printStores({ control: await start({}), json: true })).toBe(0);
    const lines = printed.out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { name: 'people', driver: 'postgresql', counts: { asked: 4 }, cache: { entries: 4, hits: 2 } },
      { name: 'none', driver: 'memory', cache: null },
      { name: 'idle', cache: { entries: 0 } },
    ]);
  });

  it('says how many stores are missing if they do not fit into a reply', async () => {
    const many = Array.from(
      { length: 300 },
      (_, at) => [`s${at}`, controllable({ silent: 'x'.repeat(1_000) })] as const,
    );
    const server = await listen(createControl(() => new Map(many)));
    expect(await printStores({ control: server, json: true })).toBe(0);
    const lines = printed.out.trimEnd().split('\n').length;
    expect(lines).toBeGreaterThan(50);
    expect(printed.err).toBe(`smmap: ${300 - lines} more stores do not fit into a reply\n`);
  });
});

describe('smmap stores release', () => {
  const LOSS: Loss = { kind: 'mailbox', before: 40, after: 20, gone: 21, examples: ['ann@a.test', 'ben@a.test'] };

  /** A store that holds back a list, until it is released. */
  const start = async (losses: readonly Loss[], cause: Error | null = null): Promise<string> => {
    let held = losses;
    const brake: Brake = {
      held: () => held,
      async release() {
        if (cause !== null) throw cause;
        const lost = held;
        held = [];
        return lost;
      },
    };
    const stores = new Map<string, Controllable>([
      ['list', { ...uncached, brake }],
      ['people', uncached],
    ]);
    return await listen(
      create(
        () => stores,
        commandsOf(() => stores),
      ),
    );
  };

  it('takes a list that is held back, and says what is gone', async () => {
    const server = await start([LOSS]);
    await printStores({ control: server, json: false });
    const gone = '40 records (mailbox) before, 20 in the new list; 21 are gone: ann@a.test, ben@a.test, ...';
    const hint = 'if they are gone on purpose: smmap stores release list';
    expect(printed.err).toBe(`smmap: list holds back its new list: ${gone}\nsmmap: ${hint}\n`);
    printed = { out: '', err: '' };
    expect(await release('list', server)).toBe(0);
    expect(printed.out).toBe(`list: ${gone}\nlist: the new list is in use\n`);
    printed.out = '';
    expect(await release('list', server)).toBe(1);
    expect([printed.out, printed.err]).toEqual(['', 'smmap: the store list holds back no list\n']);
    printed.err = '';
    await printStores({ control: server, json: false });
    expect(printed.err).toBe('');
  });

  it.each<[string, string, Error | null, RegExp]>([
    ['an unknown store', 'lists', null, /there is no store lists; the stores: list, people$/],
    ['a store without lists', 'people', null, /the store people has no list: only file and cyrus stores have one$/],
    [
      'a list that is being written',
      'list',
      new StoreError('a list was just written'),
      /cannot be taken: a list was just/,
    ],
    ['a bug', 'list', new TypeError('oops'), /the command failed: TypeError: oops$/],
  ])('refuses %s with exit code 69', async (_, name, cause, reason) => {
    const server = await start([LOSS], cause);
    await expect(release(name, server)).rejects.toMatchObject({
      exitCode: 69,
      message: expect.stringMatching(reason) as string,
    });
  });
});

describe('the control socket', () => {
  const control = createControl(() => new Map<string, Controllable>([['people', controllable()]]));

  it.each<[string, Request, RegExp]>([
    ['an unknown command', { map: 'mailbox', key: 'fred' }, /^unknown command; .*: stores, cache-show, cache-/],
    ['a key that is not UTF-8', { map: 'cache-forget', key: null }, /^the argument is not UTF-8$/],
    ['nothing to forget', { map: 'cache-forget', key: '' }, /^give an address/],
    ['an unknown store', { map: 'cache-clear', key: '__proto__' }, /^there is no store __proto__/],
    ['the name of a property of every object', { map: 'constructor', key: '' }, /^unknown command/],
  ])('refuses %s with a reason, and never with NOTFOUND or PERM', (_, request, reason) => {
    const reply = control(request);
    expect(reply).toEqual({ kind: 'TEMP', reason: expect.stringMatching(reason) as string });
  });

  it('says so if no store has a cache', () => {
    const none = createControl(() => new Map([['none', uncached]]));
    for (const [map, key] of [
      ['cache-show', ''],
      ['cache-forget', 'x'],
      ['cache-clear', ''],
    ] as const) {
      expect(none({ map, key })).toEqual({
        kind: 'TEMP',
        reason: expect.stringMatching(/^no store has a cache/) as string,
      });
    }
  });

  it('survives a store that cannot report its state', () => {
    const failing = (): never => {
      throw new Error('oops');
    };
    const broken = createControl(() => new Map([['people', { cache: null, brake: null, status: failing }]]));
    expect(broken({ map: 'stores', key: '' })).toEqual({ kind: 'TEMP', reason: 'the command failed: Error: oops' });
  });

  it('lists the daemons that it replaced, as long as they report themselves and have clients', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const tookOver: number[] = [];
    const answer = createControl(
      () => new Map(),
      (pid) => tookOver.push(pid),
    );
    const older = (): unknown => {
      const reply = answer({ map: 'stores', key: '' });
      return reply.kind === 'OK' ? (JSON.parse(reply.value) as { older: unknown }).older : reply;
    };
    const tell = (text: string): Reply['kind'] => answer({ map: 'older', key: text }).kind;
    expect(older()).toEqual([]);
    expect([tell('{"pid":12,"clients":2}'), tell('{"pid":11,"clients":0}')]).toEqual(['OK', 'OK']);
    expect(older()).toEqual([{ pid: 12, clients: 2 }]);
    vi.advanceTimersByTime(25_000);
    expect([tell('{"pid":13,"clients":1}'), tell('{"pid":"x"}'), tell('no JSON')]).toEqual(['OK', 'TEMP', 'TEMP']);
    vi.advanceTimersByTime(10_000);
    expect(tell('{"pid":13,"clients":1}')).toBe('OK');
    expect(older()).toEqual([{ pid: 13, clients: 1 }]);
    expect(tookOver).toEqual([12, 11, 13]);
  });

  it('lists the newest of the daemons that it replaced, however many report themselves', () => {
    const answer = createControl(() => new Map());
    for (let pid = 1; pid <= 10_000; pid++) answer({ map: 'older', key: `{"pid":${pid},"clients":1}` });
    const reply = answer({ map: 'stores', key: '' }) as Reply & { kind: 'OK' };
    const { older } = JSON.parse(reply.value) as { older: readonly { pid: number }[] };
    expect(older.map(({ pid }) => pid)).toEqual(Array.from({ length: 30 }, (_, at) => 9_971 + at));
  });

  it('sees the current stores, also after a reload', () => {
    let stores = new Map<string, Controllable>([['old', uncached]]);
    const answer = createControl(() => stores);
    stores = new Map([['new', uncached]]);
    expect(answer({ map: 'stores', key: '' })).toMatchObject({ value: expect.stringContaining('"new"') as string });
  });

  it('can be asked by smmap probe like any server', async () => {
    const people = controllable();
    await ask(people.cache, mailbox('fred@example.org'));
    const server = await listen(createControl(() => new Map([['people', people]])));
    const options = { server, map: 'cache-forget', protocol: 'netstring', timeoutMs: 1_000, json: false } as const;
    expect(await probe(['fred@example.org'], options)).toBe(0);
    expect(printed.out).toBe('fred@example.org\tOK {"forgotten":1}\n');
  });

  it('has no reply over its limit, whatever a cache contains', async () => {
    const people = controllable();
    for (let at = 0; at < 400; at++) await ask(people.cache, mailbox(`${'\ud800'.repeat(at)}@example.org`));
    const reply = createControl(() => new Map([['people', people]]))({ map: 'cache-show', key: '' });
    if (reply.kind !== 'OK') throw new Error(reply.kind);
    const bytes = Buffer.byteLength(reply.value);
    expect([bytes > 90_000, bytes < 100_000 - 'OK '.length]).toEqual([true, true]);
    expect(parseReply(`OK ${reply.value}`)).toEqual(reply);
  });
});

describe('smmap reload', () => {
  const start = (outcome: Reloaded): Promise<string> =>
    listen(create(() => new Map(), { reload: async () => outcome }));

  it('prints what changed, a line for each part', async () => {
    expect(await reload(await start({ changes: ['listeners: added line', 'maps: changed mailbox'] }))).toBe(0);
    expect(printed).toEqual({ out: 'listeners: added line\nmaps: changed mailbox\n', err: '' });
  });

  it('says so if nothing changed', async () => {
    expect(await reload(await start({ changes: [] }))).toBe(0);
    expect(printed.out).toBe('nothing has changed\n');
  });

  it.each([
    ['configuration', 78],
    ['listener', 73],
    ['bug', 70],
    ['something of another version', 70],
  ])('that is refused because of the %s ends with %d and the reason', async (refused, exitCode) => {
    const server = await start({ refused, reason: '/etc/smmap.toml: map: no' } as Reloaded);
    await expect(reload(server)).rejects.toMatchObject({
      exitCode,
      message: '/etc/smmap.toml: map: no\nthe reload was refused, so the old configuration stays in use',
    });
    expect(printed.out).toBe('');
  });
});

describe('a command for a daemon', () => {
  const commands: readonly (readonly [string, (server: string) => Promise<number>])[] = [
    ...(['show', 'forget', 'clear'] as const).map(
      (name: CacheCommand) => [`cache ${name}`, (server: string) => cache(name, ['x'], server)] as const,
    ),
    ['stores', (control: string) => printStores({ control, json: false })],
    ['reload', reload],
  ];

  it.each(commands)('%s: names the socket and the remedy if the daemon does not run', async (_, run) => {
    const server = `unix:${join(folder(), 'none.sock')}`;
    await expect(run(server)).rejects.toMatchObject({
      name: 'CliError',
      exitCode: 69,
      message: expect.stringMatching(/none\.sock: the socket does not exist.*\nstart the daemon.*--control/s) as string,
    });
  });

  it.each<[string, Reply, number, RegExp]>([
    [
      'a socket of mail servers that finds all',
      { kind: 'OK', value: 'x' },
      76,
      /is not a control socket of smmap; it answered OK x/,
    ],
    [
      'a server that replies NOTFOUND',
      { kind: 'NOTFOUND' },
      76,
      /is not a control socket of smmap; it answered NOTFOUND/,
    ],
    ['a server without such a map', { kind: 'TEMP', reason: 'unknown map' }, 69, /: unknown map$/],
    ['a server that replies with a number', { kind: 'OK', value: '1' }, 76, /is not a control socket/],
    ['a server that replies with null', { kind: 'OK', value: 'null' }, 76, /is not a control socket/],
  ])('recognizes %s', async (_, reply, exitCode, message) => {
    const server = await listen(() => reply);
    for (const [, run] of commands) {
      await expect(run(server)).rejects.toMatchObject({ exitCode, message: expect.stringMatching(message) as string });
    }
  });

  it('says so if the daemon does not answer in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const asked: Request[] = [];
      const hanging = (request: Request): Promise<Reply> => {
        asked.push(request);
        return new Promise(() => {});
      };
      const server = await listen(hanging, 60_000);
      const running = expect(cache('show', [], server)).rejects.toMatchObject({
        exitCode: 75,
        message: `${server}: no reply within 5000 ms`,
      });
      while (asked.length === 0) await new Promise(setImmediate);
      vi.advanceTimersByTime(5_001);
      await running;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a time', () => {
  it.each([
    [0, '0.0s'],
    [1_950, '1.9s'],
    [9_999, '9.9s'],
    [10_000, '10s'],
    [59_999, '59s'],
    [60_000, '1m00s'],
    [3_599_999, '59m59s'],
    [3_600_000, '1h00m'],
    [86_399_999, '23h59m'],
    [86_400_000, '1d00h'],
    [2_592_000_000, '30d00h'],
  ])('of %d ms is shown as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
