import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuestion, parseQuestion, belongsTo } from '../../src/store/guard/cache-key.ts';
import { type CacheOptions, createCache } from '../../src/store/guard/cache.ts';
import { createElapsed } from '../../src/store/guard/elapsed.ts';
import { type Lru, createLru } from '../../src/store/guard/lru.ts';
import { EmptyStoreError, type Store, StoreError } from '../../src/store/store.ts';
import { type Answer, type Entry, type Maybe, NOBODY, type Question, type State } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const OPTIONS: CacheOptions = { entries: 800, positiveMs: 300, negativeMs: 10, failureMs: 5, staleMs: 1_000 };

const mailbox = (local: string, more: Partial<Extract<Question, { about: 'mailbox' }>> = {}): Question => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false, ...more };
};
const alias = (local: string, domain = 'example.org', exact = false): Question => {
  return { about: 'alias', local, domain, exact };
};
const inTable = (key: string, table = 'access', exact = false): Question => ({ about: 'key', table, key, exact });
const ofDomain = (domain: string): Question => ({ about: 'domain', domain });

const FRED = mailbox('fred');
const DOWN = new StoreError('down');
const found = (value = '', state: State = 'active'): Entry => ({ value, state });

/** The answer or the failure of a store. */
type Says = Answer | Error;

interface Failed {
  readonly question: Question;
  readonly askedAt: number;
  readonly failedAt: number;
}

/** A cache over a store whose answers and times the test controls. */
function world(options: Partial<CacheOptions> = {}, atomic = true) {
  const time = { now: 1_000 };
  const says = new Map<string, Says>();
  const asked: Question[] = [];
  let otherwise: Says = null;
  const held: (() => void)[] = [];
  let holding = false;
  let closed = false;
  const failures: Failed[] = [];
  const store = storeOf(
    (question): Maybe<Answer> => {
      asked.push(question);
      if (closed) throw new StoreError('closed');
      const said = says.get(formatQuestion(question)) ?? otherwise;
      const askedAt = time.now;
      const fail = (error: Error): Error => {
        failures.push({ question, askedAt, failedAt: time.now });
        return error;
      };
      if (holding) {
        return new Promise((resolve, reject) => {
          held.push(() => (said instanceof Error ? reject(fail(said)) : resolve(said)));
        });
      }
      if (said instanceof Error) throw fail(said);
      return said;
    },
    () => {
      closed = true;
    },
  );
  return {
    cache: createCache({ ...store, atomic }, { ...OPTIONS, ...options }, () => time.now),
    asked,
    isClosed: () => closed,
    failures,
    time,
    say: (said: Says, question?: Question): void => {
      if (question === undefined) otherwise = said;
      else says.set(formatQuestion(question), said);
    },
    pass: (ms: number): void => void (time.now += ms),
    /** From now on answers wait for `release`, which gives the answers of the questions so far. */
    hold: (): void => void (holding = true),
    release: (): void => {
      for (const answer of held.splice(0)) answer();
    },
    answerAtOnce: (): void => void (holding = false),
  };
}

/** An answer, or the message of the failure. */
async function outcome(cache: Store, question: Question): Promise<Answer | string> {
  try {
    return await cache.lookup(question);
  } catch (error) {
    return (error as Error).message;
  }
}

/** The answers to questions that are asked at once, or the message of the failure. */
async function atOnce(cache: Store, ...questions: Question[]): Promise<readonly Answer[] | string> {
  try {
    return await cache.lookupAtOnce(questions);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('questions that are asked at once', () => {
  const ALIAS = alias('fred');

  it('are not answered from absences of different moments, because a mailbox may become an alias between them', async () => {
    const { cache, say, pass } = world({ positiveMs: 300, negativeMs: 10 });
    say(found(), FRED);
    say(null, ALIAS);
    void cache.lookup(FRED);
    pass(294);
    expect(cache.lookup(ALIAS)).toBeNull();
    pass(1);
    say(null, FRED);
    say(found('joe@example.org'), ALIAS);
    pass(6);
    expect([cache.lookup(FRED), cache.lookup(ALIAS)]).toEqual([null, null]); // each was true, but never both
    expect(await atOnce(cache, FRED, ALIAS)).toEqual([null, found('joe@example.org')]);
    expect(cache.lookup(ALIAS)).toEqual(found('joe@example.org'));
  });

  it('are answered from questions that were asked at once before, as long as their absences are kept', async () => {
    const { cache, say, pass, asked } = world({ negativeMs: 10 });
    say(null);
    expect(await atOnce(cache, FRED, ALIAS)).toEqual([null, null]);
    pass(9);
    expect(await atOnce(cache, FRED, ALIAS)).toEqual([null, null]);
    expect(asked).toHaveLength(2);
    pass(1);
    say(found(), FRED);
    expect(await atOnce(cache, FRED, ALIAS)).toEqual([found(), null]);
    expect(asked).toHaveLength(4);
  });

  it('of a store without moments are answered so only after it has said the same twice', async () => {
    const { cache, say, pass, asked } = world({ negativeMs: 10 }, false);
    say(null);
    for (const times of [1, 2, 2]) {
      expect(await atOnce(cache, FRED, ALIAS)).toEqual([null, null]);
      expect(asked).toHaveLength(2 * times);
      pass(2);
    }
    say(found(), FRED);
    pass(10); // what it said is too old to count
    for (const times of [3, 4, 4]) {
      expect(await atOnce(cache, FRED, ALIAS)).toEqual([found(), null]);
      expect(asked).toHaveLength(2 * times);
    }
  });

  it('are asked again if one of them was asked alone later', async () => {
    const { cache, say, pass, asked } = world({ negativeMs: 10, positiveMs: 20 });
    say(null, FRED);
    say(found('x@example.org'), ALIAS);
    await atOnce(cache, FRED, ALIAS);
    pass(12);
    void cache.lookup(FRED);
    expect(asked).toHaveLength(3);
    await atOnce(cache, FRED, ALIAS);
    expect(asked).toHaveLength(5);
  });

  it('are not kept if they are forgotten during the lookup, and later equal questions wait for it', async () => {
    const { cache, say, hold, release, answerAtOnce, asked } = world();
    say(null);
    hold();
    const waiting = atOnce(cache, FRED, ALIAS);
    const joined = cache.lookup(FRED);
    expect(asked).toHaveLength(2);
    cache.forget('fred@example.org');
    release();
    answerAtOnce();
    expect(await waiting).toEqual([null, null]);
    expect(await joined).toBeNull();
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
  });

  it('fail if one of them fails, and get no old answer', async () => {
    const { cache, say, pass } = world();
    say(found());
    void cache.lookup(FRED);
    pass(400);
    say(DOWN);
    expect(await atOnce(cache, FRED, ALIAS)).toBe('down');
    expect(await outcome(cache, FRED)).toEqual(found()); // a single question gets it, because it can only accept mail
  });
});

describe('how long an answer is kept', () => {
  it.each<[what: string, question: Question, said: Answer, ms: number]>([
    ['a mailbox', FRED, found(), 300],
    ['a folder', mailbox('fred', { folder: 'lists' }), found(), 300],
    ['an alias', alias('info'), found('fred@example.org'), 300],
    ['an absent mailbox', FRED, null, 10],
    ['an absent alias', alias('info'), null, 10],
    ['an absent domain', ofDomain('example.org'), null, 10],
    ['an absent key', inTable('fred'), null, 10],
    ['a disabled mailbox, which is refused', FRED, found('', 'disabled'), 10],
    ['a mailbox over quota, which may be refused', FRED, found('', 'overquota'), 10],
    ['a domain, whose class may refuse', ofDomain('example.org'), found('alias'), 10],
    ['a key, whose value may be REJECT', inTable('fred'), found('REJECT'), 10],
  ])('%s (%o): %o for %d ms, and not for longer', (_, question, said, ms) => {
    const { cache, say, pass, asked } = world();
    say(said);
    expect(cache.lookup(question)).toEqual(said); // and no promise
    say(new StoreError('asked'));
    pass(ms - 1);
    expect(cache.lookup(question)).toEqual(said);
    expect(asked).toHaveLength(1);
    pass(1);
    say(said === null ? found('new') : null);
    expect(cache.lookup(question)).toEqual(said === null ? found('new') : null);
    expect(asked).toHaveLength(2);
  });

  it('counts from the question, because the answer may be from that time', async () => {
    const { cache, say, pass, hold, release, answerAtOnce } = world();
    hold();
    const waiting = cache.lookup(FRED);
    pass(9);
    release();
    answerAtOnce();
    expect(await waiting).toBeNull();
    say(found());
    expect(cache.lookup(FRED)).toBeNull();
    pass(1);
    expect(cache.lookup(FRED)).toEqual(found());
  });

  it('ends at once if the answer took longer to come than it may be kept', async () => {
    const { cache, pass, hold, release, asked } = world();
    hold();
    const waiting = cache.lookup(FRED);
    pass(11);
    release();
    expect(await waiting).toBeNull();
    void cache.lookup(FRED);
    expect(asked).toHaveLength(2);
  });

  it('ends when another answer replaces it, of any kind', () => {
    const { cache, say, pass } = world();
    const sequence: Answer[] = [found(), null, found('', 'disabled'), found('b'), null, found()];
    for (const said of sequence) {
      say(said);
      pass(300);
      expect(cache.lookup(FRED)).toEqual(said);
      expect(cache.stats().entries).toBe(1);
    }
  });
});

describe('a store that fails', () => {
  it('is not asked the same question for a while, and then again', () => {
    const { cache, say, pass, asked } = world();
    say(DOWN);
    expect(() => cache.lookup(FRED)).toThrow('down');
    pass(4);
    try {
      void cache.lookup(FRED);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
      expect((error as Error).message).toBe('failed 4 ms ago and is not asked again yet: down');
      expect((error as Error).cause).toBe(DOWN);
    }
    expect(asked).toHaveLength(1);
    expect(() => cache.lookup(mailbox('joe'))).toThrow('down');
    expect(asked).toHaveLength(2);
    pass(1);
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
  });

  it('has its old found entries as answers, up to staleMs, and nothing else', () => {
    const { cache, say, pass, asked } = world();
    const kept: readonly [Question, Answer][] = [
      [FRED, found('8:8')],
      [alias('info'), found('fred@example.org')],
      [mailbox('nobody'), null],
      [mailbox('off'), found('', 'disabled')],
      [ofDomain('example.org'), found('mailbox')],
      [inTable('spammer'), found('REJECT')],
    ];
    for (const [question, answer] of kept) {
      say(answer, question);
      expect(cache.lookup(question)).toEqual(answer);
      say(DOWN, question);
    }
    pass(300);
    for (const [question, answer] of kept.slice(0, 2)) expect(cache.lookup(question)).toEqual(answer);
    for (const [question] of kept.slice(2)) expect(() => cache.lookup(question)).toThrow('down');
    expect(cache.stats()).toMatchObject({ staleServed: 2 });
    pass(1);
    const before = asked.length;
    expect(cache.lookup(FRED)).toEqual(found('8:8')); // without asking, because it failed a moment ago
    expect(asked).toHaveLength(before);
    pass(698);
    expect(cache.lookup(FRED)).toEqual(found('8:8'));
    pass(1);
    expect(() => cache.lookup(FRED)).toThrow('down');
    expect(cache.stats()).toMatchObject({ staleServed: 4 });
  });

  it('has its old found entries as answers also if the failure comes later', async () => {
    const { cache, say, pass, hold, release } = world();
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
    say(DOWN);
    pass(300);
    hold();
    const waiting = [outcome(cache, FRED), outcome(cache, FRED)];
    release();
    expect(await Promise.all(waiting)).toEqual([found(), found()]);
  });

  it('loses an old found entry after it answers that it is absent', () => {
    const { cache, say, pass } = world();
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
    pass(300);
    say(null);
    expect(cache.lookup(FRED)).toBeNull();
    pass(10);
    say(DOWN);
    expect(() => cache.lookup(FRED)).toThrow('down');
  });

  it('never has an old absence as answer', () => {
    const { cache, say, pass } = world();
    expect(cache.lookup(FRED)).toBeNull();
    pass(10);
    say(DOWN);
    for (let at = 0; at < 20; at++) {
      expect(() => cache.lookup(FRED)).toThrow('down');
      pass(1);
    }
  });

  it('is asked again at once if the failure was only that it was never filled', () => {
    const { cache, say } = world();
    say(new EmptyStoreError('empty'));
    expect(() => cache.lookup(FRED)).toThrow(EmptyStoreError);
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
  });
});

describe('questions at the same time', () => {
  it('are asked once if they are equal', async () => {
    const { cache, say, asked, hold, release } = world();
    say(found());
    hold();
    const waiting = [FRED, FRED, mailbox('fred'), mailbox('joe'), alias('fred')].map((each) => outcome(cache, each));
    expect(asked).toHaveLength(3);
    release();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => found()));
    expect(cache.stats()).toMatchObject({ misses: 3, joined: 2, hits: 0 });
    expect(cache.lookup(FRED)).toEqual(found());
  });

  it('fail together', async () => {
    const { cache, say, asked, hold, release } = world();
    say(DOWN);
    hold();
    const waiting = [outcome(cache, FRED), outcome(cache, FRED)];
    release();
    expect(await Promise.all(waiting)).toEqual(['down', 'down']);
    expect(asked).toHaveLength(1);
  });

  it('do not wait for a lookup that began longer ago than an absence may be old', async () => {
    const { cache, say, pass, hold, release, asked } = world();
    hold();
    const first = cache.lookup(FRED);
    pass(10);
    void cache.lookup(FRED);
    expect(asked).toHaveLength(1);
    pass(1);
    say(found()); // he was added during the lookup
    const third = cache.lookup(FRED);
    expect(asked).toHaveLength(2);
    release();
    expect(await first).toBeNull();
    expect(await third).toEqual(found());
    expect(cache.lookup(FRED)).toEqual(found());
  });

  it('keep the answer of the later lookup, also if the earlier lookup ends last', async () => {
    for (const said of [null, found('old'), DOWN]) {
      const { cache, say, pass, hold, release, answerAtOnce, asked } = world();
      say(said);
      hold();
      const slow = outcome(cache, FRED);
      pass(11);
      answerAtOnce();
      say(found());
      expect(cache.lookup(FRED)).toEqual(found());
      release();
      expect(await slow).toEqual(said instanceof Error ? found() : said); // found is certain for everybody
      expect(cache.lookup(FRED)).toEqual(found());
      expect(cache.stats().entries).toBe(1);
      expect(asked).toHaveLength(2);
    }
  });

  it('do not wait longer than a client for a lookup that never ends', () => {
    const { cache, pass, hold, asked } = world({ negativeMs: 3_600_000 });
    hold();
    void cache.lookup(FRED);
    pass(5_000);
    void cache.lookup(FRED);
    expect(asked).toHaveLength(1);
    pass(1);
    void cache.lookup(FRED);
    expect(asked).toHaveLength(2);
  });

  it('that never end do not keep their memory', () => {
    const { cache, pass, hold } = world();
    hold();
    for (let at = 0; at < 30_000; at++) {
      void cache.lookup(mailbox(`user${at}`));
      pass(1);
    }
    expect(cache.stats().underWay).toBeLessThanOrEqual(20_000);
  });

  it('are joined, also if there are very many', () => {
    const { cache, hold, asked } = world();
    hold();
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < 1_500; at++) void cache.lookup(mailbox(`user${at}`));
    }
    expect(asked).toHaveLength(1_500);
  });
});

describe('to forget', () => {
  const ALL: readonly Question[] = [
    FRED,
    mailbox('fred', { folder: 'Lists' }),
    mailbox('fred', { folder: 'lists', anyCase: true }),
    mailbox('Fred', { exact: true }),
    alias('fred'),
    alias('FRED', 'example.org', true),
    ofDomain('example.org'),
    inTable('fred@example.org'),
    inTable('Fred@example.org', 'other', true),
    mailbox('freda'),
    mailbox('fred', { domain: 'example.com' }),
    alias('fred', 'sub.example.org'),
    alias(NOBODY),
    mailbox(NOBODY, { folder: 'news' }),
    ofDomain('example.com'),
    inTable('@example.org'),
    inTable('example.org'),
    inTable('fred'),
    inTable('to:fred@example.org'),
    mailbox('quo ted'),
    mailbox('jürgen', { domain: 'xn--bcher-kva.example' }),
    inTable('Any@EXAMPLE.Org', 'other', true),
  ];

  it.each<[what: string | null, which: readonly number[]]>([
    ['fred@example.org', [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['FRED@EXAMPLE.ORG', [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['fred@example.org.', [0, 1, 2, 3, 4, 5, 6]],
    ['@Example.Org', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 18, 19, 21]],
    ['example.org', [6, 16]],
    ['Fred', [17]],
    ['to:fred@example.org', [6, 18]],
    ['"quo ted"@example.org', [6, 19]],
    ['quo ted@example.org', [6, 19]],
    ['JÜRGEN@Bücher.example', [20]],
    ['ju\u0308rgen@bücher.example', [20]],
    ['@bücher.example', [20]],
    ['nobody@example.net', []],
    ['@net', []],
    ['@', []],
    ['', []],
    ['@a@b', []],
    [null, ALL.map((_, at) => at)],
  ])('%j drops exactly the answers about it', (what, which) => {
    for (const said of [found(), null, DOWN]) {
      const { cache, say, asked } = world();
      say(said);
      for (const question of ALL) void outcome(cache, question);
      const shown = cache.show(what, 1_000).kept.map(({ question }) => question);
      expect(new Set(shown)).toEqual(new Set(which.map((at) => ALL[at])));
      asked.length = 0;
      expect(cache.forget(what)).toBe(which.length);
      expect(cache.show(what, 1_000)).toEqual({ kept: [], leftOut: 0 });
      for (const question of ALL) void outcome(cache, question);
      expect(asked).toEqual(which.map((at) => ALL[at]));
    }
  });

  /** Many addresses in each of many domains. The cache has an answer for each. */
  const filled = (domains: number, people: number) => {
    const { cache, say, asked, hold } = world({ entries: 400_000, positiveMs: 1e9 });
    say(found());
    for (let d = 0; d < domains; d++) {
      for (let p = 0; p < people; p++) void cache.lookup(mailbox(`user${p}`, { domain: `d${d}.example` }));
    }
    return { cache, say, asked, hold };
  };
  const MOST_MS = 1_500; // for all 200; reading all entries each time takes ten times as long on a fast machine

  it.each<[string, number, number]>([
    ['each forgets 100 of 100,000', 1_000, 100],
    ['the first forgets all 100,000', 1, 100_000],
    ['there are 100,000 domains', 100_000, 1],
  ])('takes as long as the number of forgotten answers: %s', (_, domains, people) => {
    const { cache } = filled(domains, people);
    const started = performance.now();
    for (let at = 0; at < 200; at++) expect(cache.forget(`@d${at}.example`)).toBe(at < domains ? people : 0);
    expect(performance.now() - started).toBeLessThan(MOST_MS);
    expect(cache.stats().entries).toBe(domains * people - Math.min(200, domains) * people);
  });

  it('takes no longer during thousands of lookups', () => {
    const { cache, say, hold } = filled(1, 1);
    say(null);
    hold();
    for (let at = 0; at < 10_000; at++) void cache.lookup(mailbox(`late${at}`, { domain: 'busy.example' }));
    const started = performance.now();
    for (let at = 0; at < 200; at++) cache.forget(`@d${at}.example`);
    for (let at = 0; at < 200; at++) cache.forget(`fred@d${at}.example`);
    expect(performance.now() - started).toBeLessThan(MOST_MS);
  });

  it('also forgets stale answers', () => {
    const { cache, say, pass } = world();
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
    say(DOWN);
    pass(300);
    expect(cache.lookup(FRED)).toEqual(found());
    expect(cache.forget('fred@example.org')).toBe(2); // the answer, and the failure
    expect(() => cache.lookup(FRED)).toThrow('down');
  });

  it.each<[string, Says]>([
    ['an absence', null],
    ['an entry', found('old')],
    ['a failure', DOWN],
  ])('ignores %s that comes later, and asks again', async (_, said) => {
    for (const what of ['fred@example.org', '@example.org', null]) {
      const { cache, say, asked, hold, release, answerAtOnce } = world();
      say(said);
      hold();
      const before = outcome(cache, FRED);
      cache.forget(what);
      say(found('new'));
      const after = outcome(cache, FRED);
      expect(asked).toHaveLength(2);
      release();
      answerAtOnce();
      expect(await before).toEqual(said instanceof Error ? 'down' : said);
      expect(await after).toEqual(found('new'));
      expect(cache.lookup(FRED)).toEqual(found('new'));
      expect(asked).toHaveLength(2);
    }
  });

  it('ignores a late answer if nobody asked again', async () => {
    const { cache, say, asked, hold, release, answerAtOnce } = world();
    hold();
    const before = outcome(cache, FRED);
    cache.forget('fred@example.org');
    release();
    expect(await before).toBeNull();
    answerAtOnce();
    say(found());
    expect(cache.lookup(FRED)).toEqual(found());
    expect(asked).toHaveLength(2);
  });

  it('does not change other lookups in progress', async () => {
    const { cache, asked, hold, release } = world();
    hold();
    const waiting = [outcome(cache, FRED), outcome(cache, mailbox('joe'))];
    cache.forget('fred@example.org');
    waiting.push(outcome(cache, mailbox('joe')));
    expect(asked).toHaveLength(2);
    release();
    await Promise.all(waiting);
    expect(cache.show(null, 10).kept.map(({ question }) => question)).toEqual([mailbox('joe')]);
  });
});

describe('how much is kept', () => {
  it('is bounded for any questions', () => {
    const { cache, say } = world({ entries: 80 });
    for (let at = 0; at < 1_000; at++) {
      say(at % 3 === 0 ? found() : at % 3 === 1 ? null : DOWN);
      void outcome(cache, mailbox(`user${at}`));
      expect(cache.stats().entries).toBeLessThanOrEqual(80);
    }
    const { found: accepted, absent, failures } = cache.stats();
    expect([accepted >= 25, absent >= 10, failures >= 5]).toEqual([true, true, true]);
  });

  it.each([0, 1, 2, 7])('is at most %d entries if that is the limit', (entries) => {
    const { cache, say } = world({ entries });
    for (const said of [found(), null, DOWN]) {
      say(said);
      for (let at = 0; at < 20; at++) void outcome(cache, mailbox(`user${at}`));
      expect(cache.stats().entries).toBeLessThanOrEqual(entries);
    }
  });

  it('keeps mailboxes that exist while somebody tries a dictionary of names', () => {
    const { cache, say, asked } = world({ entries: 80 });
    say(found());
    for (let at = 0; at < 25; at++) void cache.lookup(mailbox(`user${at}`));
    say(null);
    for (let at = 0; at < 10_000; at++) void cache.lookup(mailbox(`guess${at}`));
    say(DOWN);
    for (let at = 0; at < 10_000; at++) void outcome(cache, alias(`guess${at}`));
    asked.length = 0;
    for (let at = 0; at < 25; at++) expect(cache.lookup(mailbox(`user${at}`))).toEqual(found());
    expect(asked).toEqual([]);
  });

  it('are the answers that were used last', () => {
    const { cache, say, asked } = world({ entries: 80 });
    say(found());
    for (let at = 0; at < 1_000; at++) {
      void cache.lookup(mailbox(`user${at}`));
      void cache.lookup(FRED);
    }
    expect(asked.filter((question) => question === FRED)).toHaveLength(1);
    expect(cache.lookup(mailbox('user990'))).toEqual(found());
    expect(asked).toHaveLength(1_001);
    void cache.lookup(mailbox('user0'));
    expect(asked).toHaveLength(1_002);
  });

  it.each<[string, Question, Answer]>([
    ['a question of over 1,024 characters', mailbox('x'.repeat(2_000)), null],
    ['an answer of over 4,096 characters', FRED, found('x'.repeat(4_097))],
  ])('is not %s', (_, question, said) => {
    const { cache, say, asked } = world();
    say(said);
    expect(cache.lookup(question)).toEqual(said);
    expect(cache.lookup(question)).toEqual(said);
    expect(asked).toHaveLength(2);
    expect(cache.stats().entries).toBe(0);
  });

  it('is not the old answer if the new one is too long', () => {
    const { cache, say, pass } = world();
    say(found());
    void cache.lookup(FRED);
    pass(300);
    say(found('x'.repeat(4_097)));
    void cache.lookup(FRED);
    say(DOWN);
    expect(() => cache.lookup(FRED)).toThrow('down');
  });
});

describe('the report of a cache', () => {
  it('has each answer with its age and remaining time', () => {
    const { cache, say, pass } = world();
    say(found('x'));
    void cache.lookup(FRED);
    pass(295);
    say(null);
    void cache.lookup(mailbox('nobody'));
    say(DOWN);
    void outcome(cache, alias('info'));
    pass(2);
    expect(cache.show(null, 10)).toEqual({
      kept: [
        { question: FRED, answer: found('x'), ageMs: 297, leftMs: 3, staleLeftMs: 703 },
        { question: mailbox('nobody'), answer: null, ageMs: 2, leftMs: 8, staleLeftMs: 0 },
        { question: alias('info'), answer: { failed: 'down' }, ageMs: 2, leftMs: 3, staleLeftMs: 0 },
      ],
      leftOut: 0,
    });
    pass(8);
    const [only, ...none] = cache.show(null, 10).kept;
    expect([only?.leftMs, only?.staleLeftMs, none]).toEqual([0, 695, []]);
    pass(695);
    expect(cache.show(null, 10).kept).toEqual([]);
  });

  it('ends after a number of answers, and says how many more there are', () => {
    const { cache } = world();
    for (let at = 0; at < 20; at++) void cache.lookup(mailbox(`user${at}`));
    const { kept, leftOut } = cache.show('@example.org', 5);
    expect([kept.length, leftOut]).toEqual([5, 15]);
  });

  it('counts all events', () => {
    const { cache, say, pass } = world();
    say(found());
    for (let at = 0; at < 3; at++) void cache.lookup(FRED);
    say(null);
    for (let at = 0; at < 2; at++) void cache.lookup(mailbox('nobody'));
    say(DOWN);
    for (let at = 0; at < 3; at++) void outcome(cache, mailbox('joe'));
    pass(300);
    void cache.lookup(FRED);
    expect(cache.stats()).toEqual({
      entries: 4, // the failure for fred is one
      found: 1,
      absent: 1,
      failures: 2,
      hits: 3,
      misses: 4,
      joined: 0,
      staleServed: 1,
      failuresServed: 2,
      underWay: 0,
      warm: null,
    });
  });
});

describe('a cache that was closed', () => {
  it('fails also for answers that it had, and closes its store', async () => {
    const { cache, say, isClosed } = world();
    say(found());
    void cache.lookup(FRED);
    await cache.close();
    expect(isClosed()).toBe(true);
    expect(() => cache.lookup(FRED)).toThrow('closed');
    expect(() => cache.lookup(mailbox('x'.repeat(2_000)))).toThrow('closed');
    expect(cache.stats().entries).toBe(0);
  });

  it('keeps no answer that comes later', async () => {
    const { cache, hold, release } = world();
    hold();
    const waiting = cache.lookup(FRED);
    await cache.close();
    release();
    await waiting;
    expect(cache.stats().entries).toBe(0);
  });
});

const text = fc.oneof(fc.constantFrom('', 'fred', 'a b', '1', '1:1', ':', 'x:', '\0', '\ud800', 'é'), fc.string());
const anyQuestion: fc.Arbitrary<Question> = fc.oneof(
  fc.record({
    about: fc.constant('mailbox' as const),
    local: text,
    domain: text,
    exact: fc.boolean(),
    folder: fc.option(text),
    anyCase: fc.boolean(),
  }),
  fc.record({ about: fc.constant('alias' as const), local: text, domain: text, exact: fc.boolean() }),
  fc.record({ about: fc.constant('domain' as const), domain: text }),
  fc.record({ about: fc.constant('key' as const), table: text, key: text, exact: fc.boolean() }),
);

describe('the text of a question', () => {
  it('is read back as the same question, so no two questions have the same text', () => {
    fc.assert(
      fc.property(anyQuestion, (question) => {
        expect(parseQuestion(formatQuestion(question))).toEqual(question);
      }),
      {
        numRuns: 2_000,
      },
    );
  });

  it.each<[Question, Question]>([
    [mailbox('fred'), mailbox('Fred')],
    [mailbox('fred', { folder: 'lists' }), mailbox('Fred', { exact: true })],
    [mailbox('fred'), alias('FRED')],
    [inTable('A'), inTable('a', 'other', true)],
  ])('%j has the same owner as %j', (one, other) => {
    expect(belongsTo(formatQuestion(one)).owner).toBe(belongsTo(formatQuestion(other)).owner);
  });
});

describe('an LRU', () => {
  it('holds the newest entries, and forgets an owner and a domain, after any operations', () => {
    const key = fc
      .tuple(fc.constantFrom('x', 'y'), fc.constantFrom('a', 'b'), fc.nat(2))
      .map((parts) => parts.join(''));
    const step = fc.tuple(fc.constantFrom('put', 'put', 'get', 'remove', 'owner', 'domain', 'all'), key);
    const belongs = (each: string) => ({ owner: each.slice(0, 2), domain: each.charAt(0) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(8, 100), (steps, most) => {
        const lru = createLru<number>(most, belongs);
        const put = new Map<string, number>(); // the content of an LRU without a limit
        steps.forEach(([what, name], at) => {
          const before = contentOf(lru).size;
          if (what === 'put') {
            lru.put(name, at);
            put.set(name, at);
          } else if (what === 'get') {
            const value = lru.get(name);
            if (value !== undefined || most > 50) expect(value).toBe(put.get(name));
          } else if (what === 'remove') {
            if (most > 50) expect(lru.remove(name)).toBe(put.has(name));
            else lru.remove(name);
            put.delete(name);
          } else {
            const { owner, domain } = belongs(name);
            const selection = what === 'all' ? ('all' as const) : what === 'owner' ? { owners: [owner] } : { domain };
            const start = what === 'all' ? '' : what === 'owner' ? owner : domain;
            const gone = lru.forget(selection);
            for (const each of put.keys()) if (each.startsWith(start)) put.delete(each);
            expect(gone).toBe(before - contentOf(lru).size);
          }
          const content = contentOf(lru);
          for (const [each, value] of content) expect(put.get(each)).toBe(value);
          if (most > 50) expect(content.size).toBe(put.size);
          expect(lru.size()).toBe(content.size);
          expect(lru.size()).toBeLessThanOrEqual(most);
        });
      }),
      { numRuns: 500 },
    );
  });
});

function contentOf(lru: Lru<number>): Map<string, number> {
  const content = new Map<string, number>();
  lru.each('all', (key, value) => content.set(key, value));
  return content;
}

describe('the time that has passed', () => {
  it('also passes while the machine is suspended, and never goes back', () => {
    const at = { wall: 50_000, steady: 100 };
    const elapsed = createElapsed(
      () => at.wall,
      () => at.steady,
    );
    const after = (wallMs: number, steadyMs: number): number => {
      at.wall += wallMs;
      at.steady += steadyMs;
      return elapsed();
    };
    expect(after(0, 0)).toBe(100);
    expect(after(1, 0.5)).toBe(100.5);
    expect(after(1_000, 1_000)).toBe(1_100.5);
    expect(after(3_600_010, 10)).toBe(1_110.5 + 3_600_000); // suspended for an hour
    expect(after(-7_200_000, 10)).toBe(1_120.5 + 3_600_000); // set back
    expect(after(10, 10)).toBe(1_130.5 + 3_600_000);
  });
});

/** What a store would have answered to each question, and when. Each answer of a cache is compared with it. */
const PLACES: readonly Question[] = [
  FRED,
  mailbox('fred', { folder: 'lists' }),
  alias('joe'),
  ofDomain('example.org'),
  inTable('fred'),
];
const TRUTHS = {
  active: found(),
  disabled: found('', 'disabled'),
  absent: null,
  down: DOWN,
} as const satisfies Record<string, Says>;
type Truth = keyof typeof TRUTHS;

type Step =
  | { readonly does: 'ask'; readonly at: number }
  | { readonly does: 'become'; readonly at: number; readonly truth: Truth }
  | { readonly does: 'pass'; readonly ms: number }
  | { readonly does: 'forget'; readonly what: string | null }
  | { readonly does: 'hold' | 'release' | 'answerAtOnce' };

const place = fc.nat(PLACES.length - 1);
const truth = fc.constantFrom<Truth>('active', 'disabled', 'absent', 'down');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('ask' as const), at: place }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('become' as const), at: place, truth }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 4, 9, 50, 250, 900) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('forget' as const),
      what: fc.constantFrom('fred@example.org', 'joe@example.org', '@example.org', 'fred', 'example.org', null),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constantFrom('hold' as const, 'release' as const, 'answerAtOnce' as const) }),
  },
);

/** Whether forgetting this forgets a question, by an independent list. */
const FORGETS: Readonly<Record<string, readonly number[]>> = {
  'fred@example.org': [0, 1, 3],
  'joe@example.org': [2, 3],
  '@example.org': [0, 1, 2, 3],
  fred: [4],
  'example.org': [3],
  null: [0, 1, 2, 3, 4],
};

/** Compares every answer of a cache with those of the store. Returns how many it checked. */
async function trial(steps: readonly Step[]): Promise<number> {
  const { cache, failures, time, say, pass, hold, release, answerAtOnce } = world({ entries: 80 });
  let checked = 0;
  const history: { truth: Truth; from: number }[][] = PLACES.map(() => [{ truth: 'absent', from: 0 }]);
  const forgotten = PLACES.map(() => -1);

  /** Whether the store would have answered this at any time from `from` to now. */
  const was = (at: number, wanted: Truth, from: number): boolean => {
    const past = history[at] ?? [];
    return past.some((each, index) => each.truth === wanted && (past[index + 1]?.from ?? Infinity) >= from);
  };
  const judge = (at: number, askedAt: number, since: number, answer: Answer | Error): void => {
    checked++;
    const from = (ageMs: number): number => Math.max(since, askedAt - ageMs);
    const failed = failures.some(
      (each) => each.question === PLACES[at] && each.askedAt >= since && each.failedAt >= askedAt - OPTIONS.failureMs,
    );
    if (answer instanceof Error) {
      expect(failed, `a failure of ${at}`).toBe(true);
    } else if (answer === null || answer.state !== 'active') {
      expect(was(at, answer === null ? 'absent' : 'disabled', from(OPTIONS.negativeMs)), `${at} refused`).toBe(true);
    } else {
      const mayBeOld = PLACES[at]?.about === 'mailbox' || PLACES[at]?.about === 'alias';
      const fresh = was(at, 'active', from(mayBeOld ? OPTIONS.positiveMs : OPTIONS.negativeMs));
      const stale = mayBeOld && failed && was(at, 'active', Math.max(since, time.now - OPTIONS.staleMs));
      expect(fresh || stale, `${at} accepted`).toBe(true);
    }
  };
  const ask = (at: number): Maybe<void> => {
    const [askedAt, since] = [time.now, forgotten[at] as number];
    const settled = (answer: Answer | Error): void => judge(at, askedAt, since, answer);
    try {
      const answer = cache.lookup(PLACES[at] as Question);
      if (answer instanceof Promise) return answer.then(settled, settled);
      settled(answer);
    } catch (error) {
      settled(error as Error);
    }
  };

  const waiting: Maybe<void>[] = [];
  for (const each of [...steps, { does: 'release' } as const]) {
    pass(1);
    switch (each.does) {
      case 'ask':
        waiting.push(ask(each.at));
        break;
      case 'become':
        history[each.at]?.push({ truth: each.truth, from: time.now });
        say(TRUTHS[each.truth], PLACES[each.at]);
        break;
      case 'pass':
        pass(each.ms);
        break;
      case 'forget':
        cache.forget(each.what);
        for (const at of FORGETS[String(each.what)] ?? []) forgotten[at] = time.now;
        break;
      case 'hold':
        hold();
        break;
      case 'answerAtOnce':
        answerAtOnce();
        break;
      case 'release':
        release();
        await new Promise(setImmediate);
        break;
    }
  }
  for (const each of waiting) await each;
  return checked;
}

describe('any sequence of questions, changes, failures, time and forgetting', () => {
  it('has only answers that the store would have given within their allowed age', async () => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        checked += await trial(steps);
      }),
      { numRuns: 1_000 },
    );
    expect(checked).toBeGreaterThan(10_000);
  }, 60_000);
});
