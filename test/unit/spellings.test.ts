import { describe, expect, it } from 'vitest';
import { createSpellings } from '../../src/store/guard/spellings.ts';
import { QuestionError, type Store, UnstorableError } from '../../src/store/store.ts';
import { type Answer, type Entry, NOBODY, type Question } from '../../src/vocabulary.ts';

const A = 'xn--schnwetter-gcb.example';
const U = 'schönwetter.example';
const FOUND: Entry = { value: '', state: 'active' };

const mailbox = (domain: string, local = 'info'): Question => {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
};
const alias = (domain: string): Question => ({ about: 'alias', local: NOBODY, domain, exact: false });
const ofDomain = (domain: string): Question => ({ about: 'domain', domain });
const inTable = (key: string): Question => ({ about: 'key', table: 'access', key, exact: true });

/** A store that has the entries for these questions, and fails for those in `fails`. */
function world(held: readonly Question[], fails: (question: Question) => Error | null = () => null) {
  const asked: Question[][] = [];
  const texts = new Set(held.map((question) => JSON.stringify(question)));
  const answer = (question: Question): Answer => {
    const error = fails(question);
    if (error !== null) throw error;
    return texts.has(JSON.stringify(question)) ? FOUND : null;
  };
  const store: Store = {
    lookup(question) {
      asked.push([question]);
      return answer(question);
    },
    lookupAtOnce(questions) {
      asked.push([...questions]);
      return questions.map(answer);
    },
    atomic: true,
    close() {},
  };
  return { store: createSpellings(store), asked };
}

describe('a store that other programs fill', () => {
  it.each<[Question, Question]>([
    [mailbox(A), mailbox(U)],
    [{ ...mailbox(A), folder: 'news' } as Question, { ...mailbox(U), folder: 'news' } as Question],
    [alias(A), alias(U)],
    [ofDomain(`sub.${A}`), ofDomain(`sub.${U}`)],
    [inTable(`Info@${A}`), inTable(`Info@${U}`)],
    [inTable(`Info@${U}`), inTable(`Info@${A}`)],
    [inTable(A), inTable(U)],
  ])('answers %j like %j', async (question, stored) => {
    const { store } = world([stored]);
    expect(await store.lookup(question)).toEqual(FOUND);
    expect(await store.lookupAtOnce([mailbox('example.org'), question])).toEqual([null, FOUND]);
    expect(await world([]).store.lookup(question)).toBeNull();
  });

  it.each<[Question]>([
    [mailbox('example.org')],
    [mailbox('xn--a.example')],
    [ofDomain('[192.0.2.1]')],
    [inTable('Example.ORG')],
    [inTable('fred')],
  ])('is asked once for %j', async (question) => {
    const { store, asked } = world([]);
    expect(store.lookup(question)).toBeNull();
    expect(store.lookupAtOnce([question])).toEqual([null]);
    expect(asked).toEqual([[question], [question]]);
  });

  it('is asked for both spellings at once, so a mailbox that moves from one to the other is found', async () => {
    const { store, asked } = world([]);
    expect(await store.lookup(mailbox(A))).toBeNull();
    expect(asked).toEqual([[mailbox(A)], [mailbox(A), mailbox(U)]]);
  });

  it('is asked for the other spelling only if the first is absent', async () => {
    const { store, asked } = world([mailbox(A)]);
    expect(store.lookup(mailbox(A))).toEqual(FOUND);
    expect(asked).toEqual([[mailbox(A)]]);
    expect(await store.lookupAtOnce([mailbox(A), alias(A)])).toEqual([FOUND, null]);
    expect(asked.at(-1)).toEqual([mailbox(A), alias(A), mailbox(U), alias(U)]);
  });

  it('finds a mailbox whose domain gets the other spelling while several questions are asked', async () => {
    let calls = 0;
    const store = createSpellings({
      lookup: () => null,
      lookupAtOnce(questions) {
        const written = calls++ === 0 ? A : U;
        return questions.map(({ about, ...each }) => {
          return about === 'mailbox' && 'domain' in each && each.domain === written ? FOUND : null;
        });
      },
      atomic: true,
      close() {},
    });
    expect(await store.lookupAtOnce([mailbox(A), alias(A)])).toEqual([FOUND, null]);
    expect(calls).toBe(2);
  });

  it('is uncertain if it cannot answer for the other spelling, and certain if it cannot have it', async () => {
    const isOther = (question: Question): boolean => JSON.stringify(question).includes('ö');
    const doubtful = world([mailbox(A, 'fred')], (each) => (isOther(each) ? new QuestionError('400') : null));
    expect(await doubtful.store.lookup(mailbox(A, 'fred'))).toEqual(FOUND);
    await expect(doubtful.store.lookup(mailbox(A))).rejects.toThrow('400');
    const latin = world([mailbox(A, 'fred')], (each) => (isOther(each) ? new UnstorableError('no ö') : null));
    expect(await latin.store.lookup(mailbox(A))).toBeNull();
    expect(await latin.store.lookupAtOnce([mailbox(A, 'fred'), mailbox(A), alias(A)])).toEqual([FOUND, null, null]);
  });
});
