import { describe, expect, it } from 'vitest';
import { NOTFOUND } from '../../src/map/map.ts';
import { atOneMoment } from '../../src/map/moment.ts';
import { andThen } from '../../src/maybe.ts';
import { createCache } from '../../src/store/guard/cache.ts';
import { type Member, createFailover } from '../../src/store/guard/failover.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const question: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};
const entry: Answer = { value: '', state: 'active' };

const kinds = {
  found: () => entry,
  absent: () => null,
  throws: (name: string) => {
    throw new Error(name);
  },
  'found later': () => Promise.resolve(entry),
  'absent later': () => Promise.resolve(null),
  rejects: (name: string) => Promise.reject(new Error(name)),
} as const;
type Kind = keyof typeof kinds;

function ask(stores: readonly Kind[]): Promise<{ outcome: string; asked: number }> {
  let asked = 0;
  const failover = createFailover(
    stores.map((kind, at): Member => {
      const lookup = () => {
        asked++;
        return kinds[kind](`store ${at + 1}`);
      };
      return { store: storeOf(lookup), answers: new Set(['mailbox']) };
    }),
  );
  return Promise.resolve()
    .then(() => failover.lookup(question))
    .then(
      (answer) => ({ outcome: answer === null ? 'null' : 'entry', asked }),
      (error: Error) => ({ outcome: error.message, asked }),
    );
}

describe('failover', () => {
  it.each<[Kind[], string, number]>([
    [['found', 'absent'], 'entry', 1],
    [['found', 'throws'], 'entry', 1],
    [['absent', 'found'], 'entry', 2],
    [['absent', 'absent'], 'null', 2],
    [['throws', 'found'], 'entry', 2], // found is certain, whatever the first store has
    [['throws', 'absent'], 'store 1', 2], // never null: the first store may have the entry
    [['absent', 'throws'], 'store 2', 2],
    [['throws', 'throws'], 'store 1', 2],
    [['throws', 'absent', 'absent'], 'store 1', 3],
    [['rejects', 'absent later'], 'store 1', 2],
    [['rejects', 'found later'], 'entry', 2],
    [['absent later', 'rejects'], 'store 2', 2],
    [['throws', 'rejects'], 'store 1', 2],
    [['absent later', 'found'], 'entry', 2],
  ])('over the stores %j answers %s after %d questions', async (stores, outcome, asked) => {
    expect(await ask(stores)).toEqual({ outcome, asked });
  });
});

describe('failover of several questions at once', () => {
  const people = ['ann', 'bob', 'carl'];
  const asking = (local: string, about: 'mailbox' | 'alias'): Question =>
    about === 'alias'
      ? { about, local, domain: 'example.org', exact: false }
      : { about, local, domain: 'example.org', exact: false, folder: null, anyCase: false };
  const nameIn = (asked: Question): string => `${asked.about} ${'local' in asked ? asked.local : ''}`;

  /** Stores with these entries, such as `mailbox ann`. A store that is null fails. */
  async function answers(stores: readonly (readonly string[] | null)[], isLater: boolean) {
    const asked: string[] = [];
    const members = stores.map((held, at): Member => {
      const all = (questions: readonly Question[]): readonly Answer[] => {
        asked.push(`${at + 1}: ${questions.map(nameIn).join(', ')}`);
        if (held === null) throw new Error(`store ${at + 1}`);
        return questions.map((each) => (held.includes(nameIn(each)) ? { value: `${at + 1}`, state: 'active' } : null));
      };
      const store: Store = {
        lookup: (each) => all([each])[0] as Answer,
        lookupAtOnce: (questions) => (isLater ? Promise.resolve().then(() => all(questions)) : all(questions)),
        atomic: true,
        close: () => {},
      };
      return { store, answers: new Set(at === 2 ? (['alias'] as const) : (['mailbox', 'alias'] as const)) };
    });
    const questions = [...people.map((local) => asking(local, 'mailbox')), asking('ann', 'alias')];
    const found = await (async () => await createFailover(members).lookupAtOnce(questions))().then(
      (all) => all.map((answer) => answer?.value ?? '-').join(' '),
      (error: Error) => error.message,
    );
    return { found, asked };
  }
  const ALL = 'mailbox ann, mailbox bob, mailbox carl, alias ann';

  it.each<[string, (readonly string[] | null)[], string, string[]]>([
    ['one store is asked once', [['mailbox bob']], '- 1 - -', [`1: ${ALL}`]],
    [
      'the next is asked only for entries that are still absent',
      [['mailbox ann'], ['mailbox ann', 'mailbox carl']],
      '1 - 2 -',
      [`1: ${ALL}`, '2: mailbox bob, mailbox carl, alias ann'],
    ],
    [
      'each is asked only questions that it can answer',
      [[], ['mailbox ann'], ['alias ann']],
      '2 - - 3',
      [`1: ${ALL}`, `2: ${ALL}`, '3: alias ann'],
    ],
    [
      'no store is asked again for a found entry',
      [['alias ann'], people.map((local) => `mailbox ${local}`), []],
      '2 2 2 1',
      [`1: ${ALL}`, '2: mailbox ann, mailbox bob, mailbox carl'],
    ],
    ['a failure is not an absence', [null, []], 'store 1', [`1: ${ALL}`, `2: ${ALL}`]],
    ['a failure of the last store is not an absence', [[], null], 'store 2', [`1: ${ALL}`, `2: ${ALL}`]],
    [
      'a failure matters before a refusal, also if others find the entries: these may refuse',
      [null, [...people.map((local) => `mailbox ${local}`), 'alias ann']],
      'store 1',
      [`1: ${ALL}`, `2: ${ALL}`],
    ],
    [
      'a failure matters if others find only entries of other questions',
      [null, ['mailbox ann', 'mailbox bob', 'alias ann']],
      'store 1',
      [`1: ${ALL}`, `2: ${ALL}`],
    ],
  ])('%s', async (_, stores, found, asked) => {
    expect(await answers(stores, false)).toEqual({ found, asked });
    expect(await answers(stores, true)).toEqual({ found, asked });
  });

  it('is of one moment if there is only one store, and its answers are of one moment', () => {
    const member = (atomic: boolean): Member => ({
      store: { ...storeOf(() => null), atomic },
      answers: new Set(['mailbox']),
    });
    expect(createFailover([member(true)]).atomic).toBe(true);
    expect(createFailover([member(false)]).atomic).toBe(false);
    expect(createFailover([member(true), member(true)]).atomic).toBe(false);
    expect(createFailover([member(true), member(true)]).hasOneStoreFor(question)).toBe(false);
    expect(createFailover([member(false)]).hasOneStoreFor(question)).toBe(true);
  });

  it('fails if no store can be asked, and is never certain', () => {
    const none = createFailover([]);
    expect(() => none.lookup(question)).toThrow('no store to ask about a mailbox');
    expect(() => none.lookupAtOnce([question])).toThrow('no store to ask about a mailbox');
    expect(none.canAnswer('mailbox')).toBe(false);
  });
});

describe('failover over stores with caches', () => {
  it('finds a mailbox that moved to another store a moment ago', async () => {
    const holder = { of: 'second' };
    const stores = ['first', 'second'].map((name): Member => {
      const held = storeOf(() => (holder.of === name ? entry : null));
      const options = { entries: 80, positiveMs: 10, negativeMs: 100, failureMs: 1, staleMs: 100 };
      return { store: createCache(held, options, () => now), answers: new Set(['mailbox']) };
    });
    let now = 0;
    const map = atOneMoment((_, store) => andThen(store.lookup(question), toReply), createFailover(stores));
    const toReply = (answer: Answer) => (answer === null ? NOTFOUND : ({ kind: 'OK', value: 'x' } as const));
    expect(await map('fred')).toEqual({ kind: 'OK', value: 'x' });
    now = 50; // the first store may still repeat from its cache that he is absent; the answer of the second is too old
    holder.of = 'first';
    expect(await map('fred')).toEqual({ kind: 'OK', value: 'x' });
  });
});
