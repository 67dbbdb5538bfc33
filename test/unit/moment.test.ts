import { describe, expect, it } from 'vitest';
import { createAliasMap } from '../../src/map/alias.ts';
import type { AliasOptions } from '../../src/map/chain.ts';
import { createDomainMap } from '../../src/map/domain.ts';
import type { MailboxOptions } from '../../src/map/mailbox-keys.ts';
import { createMailboxMap } from '../../src/map/mailbox.ts';
import type { Handler } from '../../src/map/map.ts';
import { type Resolver, atOneMoment } from '../../src/map/moment.ts';
import { createTableMap } from '../../src/map/table.ts';
import { createCache } from '../../src/store/guard/cache.ts';
import { createFailover } from '../../src/store/guard/failover.ts';
import { type Store, StoreError } from '../../src/store/store.ts';
import type { Maybe, Reply } from '../../src/vocabulary.ts';
import { MAILBOX } from '../support/options.ts';
import { storeOf } from '../support/store.ts';
import { createChanging, momentOf } from '../support/world.ts';

const KEYS = {
  defaultDomain: null,
  localDomains: new Set<string>(),
  aliasDomains: new Map<string, string>(),
  separators: ['+'],
  fold: 'both',
} as const;
const OPTIONS: MailboxOptions = {
  ...MAILBOX,
  states: { ...MAILBOX.states, overquota: { kind: 'PERM', reason: 'full' } },
};
const ALIAS: AliasOptions = { ...KEYS, carryDetail: true, expand: 'once', catchAll: 'unknown' };

const mailboxMap = (options: Partial<MailboxOptions> = {}): Resolver =>
  createMailboxMap({ ...OPTIONS, ...options }, true);
const aliasMap = createAliasMap(ALIAS);
const ALL = new Set(['mailbox', 'alias', 'domain', 'key'] as const);
const over = (...stores: readonly Store[]) => createFailover(stores.map((store) => ({ store, answers: ALL })));

/** States of a store, one after the other. In each of them the key exists: a map, the key, and the states. */
const CHANGES: [string, Resolver, string, string[][]][] = [
  ['an alias and a mailbox', mailboxMap(), 'fred@a.test', [['fred@a.test'], ['fred@a.test joe@b.test']]],
  ['the same, with a detail', mailboxMap(), 'fred+x@a.test', [['fred@a.test'], ['fred@a.test joe@b.test']]],
  [
    'a mailbox with the detail in its name, and one without',
    mailboxMap(),
    'fred+x@a.test',
    [['fred@a.test'], ['fred+x@a.test']],
  ],
  [
    'a folder and a mailbox of its name',
    mailboxMap({ policy: 'folder', aliases: false }),
    'fred+x@a.test',
    [['fred@a.test folder=x'], ['fred+x@a.test', 'fred@a.test']],
  ],
  [
    'a folder and an alias of its name',
    mailboxMap({ policy: 'folder' }),
    'fred+x@a.test',
    [['fred@a.test folder=x'], ['fred@a.test', 'fred+x@a.test joe@b.test']],
  ],
  [
    'a disabled mailbox whose mail goes elsewhere, and one that is active',
    mailboxMap(),
    'fred@a.test',
    [['fred@a.test state=disabled', 'fred@a.test joe@b.test'], ['fred@a.test']],
  ],
  [
    'a full mailbox whose mail goes elsewhere, and one that is active',
    mailboxMap(),
    'fred@a.test',
    [['fred@a.test state=overquota', 'fred@a.test joe@b.test'], ['fred@a.test']],
  ],
  [
    'the same, where a full mailbox is TEMP',
    mailboxMap({ states: MAILBOX.states }),
    'fred@a.test',
    [['fred@a.test state=overquota', 'fred@a.test joe@b.test'], ['fred@a.test']],
  ],
  [
    'a target that is an alias, and then a mailbox',
    mailboxMap(),
    'info@a.test',
    [
      ['info@a.test fred@a.test', 'fred@a.test', 'x@a.test'],
      ['info@a.test fred@a.test', 'fred@a.test joe@b.test', 'x@a.test'],
    ],
  ],
  [
    'two targets, one of which exists',
    mailboxMap(),
    'info@a.test',
    [
      ['info@a.test fred@a.test, joe@a.test', 'fred@a.test'],
      ['info@a.test fred@a.test, joe@a.test', 'joe@a.test'],
    ],
  ],
  ['a catch-all and a mailbox', mailboxMap(), 'fred@a.test', [['fred@a.test'], ['@a.test joe@b.test']]],
  [
    'an alias with the detail in its name, and one without',
    aliasMap,
    'fred+x@a.test',
    [['fred@a.test j@b.test'], ['fred+x@a.test j@b.test']],
  ],
  ['an alias and a catch-all', aliasMap, 'fred@a.test', [['fred@a.test j@b.test'], ['@a.test j@b.test']]],
];

/** A full mailbox with TEMP counts too: a listener for policy may refuse it. */
const isRefusal = (reply: Reply): boolean => reply.kind === 'NOTFOUND' || reply.kind === 'PERM' || 'why' in reply;

async function repliesOf(
  handler: Handler,
  key: string,
  times: number,
): Promise<Record<'ok' | 'refused' | 'failed', number>> {
  const counts = { ok: 0, refused: 0, failed: 0 };
  for (let time = 0; time < times; time++) {
    try {
      const reply = await handler(key);
      if (isRefusal(reply)) counts.refused++;
      else counts.ok++;
    } catch {
      counts.failed++;
    }
  }
  return counts;
}

/** Numbers that look random, but are the same in each run. */
function createDice(): () => number {
  let seed = 42;
  return () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

describe.each([
  ['at once', false],
  ['later', true],
])('a store that answers %s and changes', (_, isLater) => {
  /** A store that goes through its states one after the other, or at random with dice. */
  const changing = (lines: readonly string[][], choose: (calls: number) => number): Store => {
    const moments = lines.map((each) => momentOf(...each));
    let calls = 0;
    return createChanging(() => moments[choose(calls++) % moments.length] as Store, isLater);
  };

  it.each(CHANGES)('at each call refuses nobody: %s', async (_name, resolve, key, lines) => {
    const store = over(changing(lines, (calls) => calls));
    expect((await repliesOf(atOneMoment(resolve, store), key, 300)).refused).toBe(0);
  });

  it.each(CHANGES)('at random calls refuses nobody, and mostly finds: %s', async (_name, resolve, key, lines) => {
    const dice = createDice();
    const store = over(changing(lines, () => Math.floor(dice() * 1_000)));
    const { ok, refused } = await repliesOf(atOneMoment(resolve, store), key, 300);
    expect(refused).toBe(0);
    expect(ok).toBeGreaterThan(200);
  });

  it.each(CHANGES)('would refuse by answers of different moments: %s', async (_name, resolve, key, lines) => {
    const dice = createDice();
    const store = over(changing(lines, () => Math.floor(dice() * 1_000)));
    const { refused } = await repliesOf((each) => resolve(each, store), key, 300);
    expect(refused).toBeGreaterThan(0);
  });
});

it.each([
  ['a disabled mailbox', mailboxMap(), 'fred@a.test state=disabled'],
  ['a full mailbox', mailboxMap({ states: MAILBOX.states, aliases: false }), 'fred@a.test state=overquota'],
  ['an alias that leads nowhere', mailboxMap(), 'fred@a.test nobody@a.test'],
  ['a domain of another class', createDomainMap({ ...KEYS, class: 'mailbox', reply: 'key' }), 'a.test relay'],
])('%s in one store does not refuse while another one before it fails', async (_, resolve, line) => {
  const key = line.startsWith('a.test') ? 'a.test' : 'fred@a.test';
  const failing = storeOf(() => {
    throw new StoreError('it is down');
  });
  const later = momentOf(line, ...(line.includes('nobody') ? ['joe@a.test'] : []));
  const asked = async (...stores: readonly Store[]): Promise<Reply> => await atOneMoment(resolve, over(...stores))(key);
  await expect(asked(failing, later)).rejects.toThrow('it is down');
  expect(isRefusal(await asked(momentOf('x@b.test'), later))).toBe(true);
  expect(await asked(failing, momentOf('fred@a.test', 'a.test mailbox'))).toMatchObject({ kind: 'OK' });
});

/** Two stores, a and b, before and after a change. */
const MOVES: [string, Resolver, string, [a: string[], b: string[]], [a: string[], b: string[]]][] = [
  [
    'a mailbox from b to a',
    mailboxMap({ aliases: false }),
    'fred@a.test',
    [[], ['fred@a.test']],
    [['fred@a.test'], []],
  ],
  [
    'a mailbox from a to b',
    mailboxMap({ aliases: false }),
    'fred@a.test',
    [['fred@a.test'], []],
    [[], ['fred@a.test']],
  ],
  [
    'a mailbox in b to an alias in a',
    mailboxMap(),
    'fred@a.test',
    [[], ['fred@a.test']],
    [['fred@a.test j@b.test'], []],
  ],
  [
    'a mailbox in a to an alias in b',
    mailboxMap(),
    'fred@a.test',
    [['fred@a.test'], []],
    [[], ['fred@a.test j@b.test']],
  ],
  [
    'an alias in b to a mailbox in a',
    mailboxMap(),
    'fred+x@a.test',
    [[], ['fred@a.test j@b.test']],
    [['fred@a.test'], []],
  ],
  [
    'an alias in a to a mailbox in b',
    mailboxMap(),
    'fred+x@a.test',
    [['fred@a.test j@b.test'], []],
    [[], ['fred@a.test']],
  ],
  [
    'a folder from b to a',
    mailboxMap({ policy: 'folder-or-inbox' }),
    'fred+x@a.test',
    [[], ['fred@a.test folder=x']],
    [['fred@a.test folder=x'], []],
  ],
  [
    'a target from b to a',
    mailboxMap(),
    'i@a.test',
    [['i@a.test fred@a.test'], ['fred@a.test']],
    [['i@a.test fred@a.test', 'fred@a.test'], ['x@a.test']],
  ],
  ['an alias from b to a', aliasMap, 'fred+x@a.test', [[], ['fred@a.test j@b.test']], [['fred@a.test j@b.test'], []]],
  ['an alias from a to b', aliasMap, 'fred+x@a.test', [['fred@a.test j@b.test'], []], [[], ['fred+x@a.test j@b.test']]],
];

describe.each([
  ['at once', false],
  ['later', true],
])('two stores that answer %s', (_, isLater) => {
  /** Asks while the stores change before a certain call. Returns the reply for the number of that call. */
  async function repliesToMove(
    [, resolve, key, before, after]: (typeof MOVES)[number],
    ask: (resolve: Resolver, store: ReturnType<typeof over>) => Handler,
  ): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (let moment = 0, calls = Infinity; moment <= calls; moment++) {
      let call = 0;
      const held = (at: 0 | 1): Store =>
        createChanging(() => momentOf(...(call++ < moment ? before : after)[at]), isLater);
      replies.push(await ask(resolve, over(held(0), held(1)))(key));
      calls = call;
    }
    return replies;
  }

  it.each(MOVES)('refuse nobody at any time of this move: %s', async (...move) => {
    const replies = await repliesToMove(move, atOneMoment);
    expect(replies.length).toBeGreaterThan(1);
    expect(replies.map(({ kind }) => kind).filter((kind) => kind !== 'OK')).toEqual([]);
  });
});

/** A store without moments, before and after a change, and what may be replied to a key of a map. */
const TURNS: [string, Resolver, string, before: string[], after: string[], allowed: Reply[]][] = [
  [
    'an alias of a full mailbox to a mailbox',
    mailboxMap(),
    'fred@a.test',
    ['fred@a.test joe@a.test', 'joe@a.test state=overquota'],
    ['fred@a.test', 'joe@a.test state=overquota'],
    [
      { kind: 'PERM', reason: 'full', why: 'overquota' },
      { kind: 'OK', value: 'fred@a.test' },
    ],
  ],
  [
    'a full mailbox to an alias',
    mailboxMap(),
    'fred@a.test',
    ['fred@a.test state=overquota'],
    ['fred@a.test joe@b.test'],
    [
      { kind: 'PERM', reason: 'full', why: 'overquota' },
      { kind: 'OK', value: 'fred@a.test' },
    ],
  ],
  [
    'a mailbox to an alias, and a catch-all',
    aliasMap,
    'fred@a.test',
    ['@a.test boss@b.test', 'fred@a.test'],
    ['@a.test boss@b.test', 'fred@a.test joe@b.test'],
    [{ kind: 'NOTFOUND' }, { kind: 'OK', value: 'joe@b.test' }],
  ],
];

describe('a store without moments behind a cache', () => {
  /** Asks twice while the store changes before a certain question. Returns the replies for the number of that question. */
  async function repliesToTurn([, resolve, key, before, after]: (typeof TURNS)[number]): Promise<Reply[]> {
    const states = [momentOf(...before), momentOf(...after)] as const;
    const options = { entries: 800, positiveMs: 300, negativeMs: 100, failureMs: 5, staleMs: 1_000 };
    const replies: Reply[] = [];
    for (let moment = 0, questions = Infinity; moment <= questions; moment++) {
      let question = 0;
      const store = storeOf((each) => states[question++ < moment ? 0 : 1].lookup(each));
      const handler = atOneMoment(resolve, over(createCache(store, options, () => 1)));
      replies.push(await handler(key), await handler(key));
      questions = question;
    }
    return replies;
  }

  it.each(TURNS)('gives no reply that was never true: %s', async (...turn) => {
    const replies = await repliesToTurn(turn);
    expect(replies.length).toBeGreaterThan(2);
    for (const reply of replies) expect(turn[5]).toContainEqual(reply);
  });

  it('is not asked again for a refusal that it has confirmed', async () => {
    const asked: string[] = [];
    const held = momentOf('x@a.test');
    const store = storeOf((question) => {
      asked.push(question.about);
      return held.lookup(question);
    });
    const options = { entries: 800, positiveMs: 300, negativeMs: 100, failureMs: 5, staleMs: 1_000 };
    const handler = atOneMoment(mailboxMap(), over(createCache(store, options, () => 1)));
    expect(await handler('fred@a.test')).toEqual({ kind: 'NOTFOUND' });
    const before = asked.length;
    expect(await handler('fred@a.test')).toEqual({ kind: 'NOTFOUND' });
    expect(asked).toHaveLength(before);
  });
});

describe('a catch-all, and a user that is an alias and a mailbox in turn', () => {
  const catchAll = '@a.test boss@b.test';
  const moments = [momentOf(catchAll, 'fred@a.test'), momentOf(catchAll, 'fred@a.test joe@b.test')];
  const values = async (ask: (resolve: Resolver, store: ReturnType<typeof over>) => Handler) => {
    const dice = createDice();
    const store = over(createChanging(() => moments[dice() < 0.5 ? 0 : 1] as Store, false));
    const replies = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        try {
          return await ask(aliasMap, store)('fred@a.test');
        } catch {
          return null;
        }
      }),
    );
    return new Set(replies.map((reply) => (reply?.kind === 'OK' ? reply.value : reply?.kind)));
  };

  it('does not get his mail', async () => {
    expect(await values(atOneMoment)).toEqual(new Set(['joe@b.test', 'NOTFOUND', undefined]));
  });

  it('would get it by answers of different moments', async () => {
    expect(await values((resolve, store) => (key) => resolve(key, store))).toContain('boss@b.test');
  });
});

describe('two stores without a second look', () => {
  it('would refuse a mailbox that moves from the second to the first', async () => {
    const held = [[], ['fred@a.test'], ['fred@a.test'], []].map((lines) => momentOf(...lines));
    let calls = 0;
    const next = (before: number, after: number) =>
      createChanging(() => held[calls++ < 1 ? before : after] as Store, false);
    const store = over(next(0, 2), next(1, 3));
    expect(await mailboxMap({ aliases: false })('fred@a.test', store)).toEqual({ kind: 'NOTFOUND' });
  });
});

describe('a refusal', () => {
  function counting(held: Store) {
    const asked: string[] = [];
    const store: Store = {
      lookup(question) {
        asked.push('lookup');
        return held.lookup(question);
      },
      lookupAtOnce(questions) {
        asked.push(`${questions.length} at once`);
        return held.lookupAtOnce(questions);
      },
      atomic: true,
      close: () => {},
    };
    return { store, asked };
  }
  const ask =
    (resolve: Resolver, ...stores: Store[]) =>
    (key: string): Maybe<Reply> =>
      atOneMoment(resolve, over(...stores))(key);

  it.each<[string, Resolver, string, string[]]>([
    ['by one question is of one moment', mailboxMap({ aliases: false }), 'nobody@a.test', ['lookup']],
    [
      'by three questions is checked again',
      mailboxMap({ aliases: false }),
      'nobody+x@a.test',
      ['lookup', 'lookup', 'lookup', '3 at once'],
    ],
    ['without any question needs no check', mailboxMap(), 'nobody@', []],
    ['by one question about a table is of one moment', createTableMap({ table: 'a', fold: 'both' }), '', []],
    ['is checked, but an OK is not', mailboxMap(), 'fred@a.test', ['lookup']],
    [
      'is checked, but an OK of two questions is not',
      mailboxMap({ aliases: false }),
      'fred+x@a.test',
      ['lookup', 'lookup'],
    ],
  ])('%s', async (_, resolve, key, asked) => {
    const counted = counting(momentOf('fred@a.test'));
    await ask(resolve, counted.store)(key);
    expect(counted.asked).toEqual(asked);
  });

  it('fails if the check fails', async () => {
    const held = momentOf('fred@a.test');
    const store: Store = { ...held, lookupAtOnce: () => Promise.reject(new Error('gone')) };
    await expect((async () => await ask(mailboxMap(), store)('nobody@a.test'))()).rejects.toThrow('gone');
  });

  it('of a store that changes each time is uncertain', async () => {
    const moments = [momentOf('fred@a.test'), momentOf('fred@a.test joe@b.test')];
    let calls = 0;
    const isAlias = [true, false, false, false]; // asked for the mailbox, then for the alias, the catch-all, both again
    const store = createChanging(() => moments[isAlias[calls++ % isAlias.length] === true ? 1 : 0] as Store, false);
    expect(() => ask(mailboxMap(), store)('fred@a.test')).toThrow('changed 3 times while it was asked');
  });
});
