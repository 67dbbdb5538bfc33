import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CanaryError, type CanaryEvents, createCanary, LENIENT, type Proof } from '../../src/store/guard/canary.ts';
import { QuestionError, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const ENTRY = { value: '', state: 'active' } as const;
const PRESENT = about('postmaster');
const ABSENT = about('canary-that-is-not');

function about(local: string, domain = 'example.org'): Question {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
}

/** A canary over a store with the entries in `held`. `turn` is one round trip. */
function setUp({ later = true, canaries = [{ present: PRESENT, absent: ABSENT }] } = {}) {
  const held = new Set(['postmaster', 'fred']);
  const asked: string[] = [];
  const told: string[] = [];
  let waiting: { readonly local: string; readonly go: () => void }[] = [];
  let failing = false;
  let slow = false;
  const store = storeOf((question) => {
    const local = question.about === 'mailbox' ? question.local : question.about;
    asked.push(local);
    if (failing) return Promise.reject(new StoreError('gone'));
    const answer = (): Answer => (held.has(local) ? ENTRY : null);
    if (slow) return new Promise((resolve) => waiting.push({ local, go: () => resolve(answer()) }));
    return later ? Promise.resolve().then(answer) : answer();
  });
  const canary = createCanary(store, new Map([['mailbox', canaries]]), {
    recovered: () => void told.push('recovered'),
    failed: (cause) => void told.push(`failed: ${(cause as Error).message}`),
  });
  const ask = async (question: Question): Promise<string> => {
    try {
      return (await canary.lookup(question)) === null ? 'null' : 'found';
    } catch (error) {
      return (error as Error).message;
    }
  };
  return {
    canary,
    held,
    asked,
    told,
    ask,
    fail: (now: boolean): void => void (failing = now),
    slowDown: (): void => void (slow = true),
    /** Lets waiting questions be answered, or only those for `local`. */
    turn: async (local?: string): Promise<void> => {
      const due = waiting.filter((each) => local === undefined || each.local === local);
      waiting = waiting.filter((each) => !due.includes(each));
      for (const { go } of due) go();
      await pass(0);
    },
  };
}

/** Lets this much time pass, with a turn of the event loop before and after it. */
async function pass(ms: number): Promise<void> {
  await nextTurn();
  await vi.advanceTimersByTimeAsync(ms);
  await nextTurn();
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('several canaries', () => {
  const canaries = [
    { present: PRESENT, absent: ABSENT },
    { present: about('fred'), absent: ABSENT },
    { present: about('else', 'example.net'), absent: about('canary-that-is-not', 'example.net') },
  ];

  it('must all be found in the domain of the question', async () => {
    const { ask, held } = setUp({ canaries });
    held.add('else');
    expect(await ask(about('nobody'))).toBe('null');
    held.delete('fred');
    expect(await ask(about('nobody'))).toBe('the canary fred@example.org is not found');
  });

  it('do not count in another domain that has its own', async () => {
    const { ask, held } = setUp({ canaries });
    expect(await ask(about('nobody'))).toBe('null');
    expect(await ask(about('nobody', 'example.net'))).toBe('the canary else@example.net is not found');
    held.add('else');
    await pass(1_000);
    expect(await ask(about('nobody', 'example.net'))).toBe('null');
  });

  it('must all be found in a domain without one of its own', async () => {
    const { ask, held } = setUp({ canaries });
    expect(await ask(about('nobody', 'other.example'))).toBe('the canary else@example.net is not found');
    held.add('else');
    await pass(1_000);
    expect(await ask(about('nobody', 'other.example'))).toBe('null');
  });
});

describe('a store that proves its absences itself, and whose finds count', () => {
  const NEVER: Proof = { foundCounts: true, everyMs: null, againMs: 1_000 };
  const open = (hasCanary: () => boolean, proof: Proof) => {
    const asked: string[] = [];
    const told: string[] = [];
    const store = storeOf(async (question) => {
      const local = question.about === 'mailbox' ? question.local : question.about;
      asked.push(local);
      if (local === 'fred' || (local === 'postmaster' && hasCanary())) return ENTRY;
      if (hasCanary()) return null;
      throw new QuestionError('refused', { cause: new CanaryError('the canary is not found') });
    });
    const events: CanaryEvents = {
      recovered: () => void told.push('recovered'),
      failed: (cause) => void told.push((cause as Error).message),
    };
    return {
      canary: createCanary(store, new Map([['mailbox', [{ present: PRESENT, absent: ABSENT }]]]), events, proof),
      asked,
      told,
    };
  };

  it.each<[string, Proof]>([
    ['from time to time', LENIENT],
    ['never', NEVER],
  ])(
    'is asked for its canary %s, tells that it is gone, finds others meanwhile, and tells that it is back',
    async (_, proof) => {
      let hasCanary = true;
      const { canary, asked, told } = open(() => hasCanary, proof);
      await pass(30_000);
      expect(asked.length > 0).toBe(proof.everyMs !== null);
      expect(await canary.lookup(about('nobody'))).toBeNull();
      hasCanary = false;
      await expect((async () => await canary.lookup(about('nobody')))()).rejects.toThrow('refused');
      await pass(0);
      expect(told).toEqual(['the canary is not found']);
      expect(await canary.lookup(about('fred'))).toEqual(ENTRY);
      hasCanary = true;
      await pass(2_000);
      expect(told).toEqual(['the canary is not found', 'recovered']);
      expect(asked.includes('canary-that-is-not')).toBe(proof.everyMs !== null);
      await canary.close();
    },
  );
});

describe('a store that proves its absences itself', () => {
  const canaries = new Map([['mailbox', [{ present: PRESENT, absent: ABSENT }]]]);
  const open = (hasCanary: () => boolean) => {
    const asked: string[] = [];
    const told: string[] = [];
    const store = storeOf(async (question) => {
      const local = question.about === 'mailbox' ? question.local : question.about;
      asked.push(local);
      if (local === 'fred' || (local === 'postmaster' && hasCanary())) return ENTRY;
      if (!hasCanary()) throw new CanaryError('the canary is not found');
      return null;
    });
    const canary = createCanary(
      store,
      canaries,
      { recovered: () => void told.push('recovered'), failed: (cause) => void told.push((cause as Error).message) },
      true,
    );
    return { canary, asked, told };
  };

  it('is believed an absence without a check', async () => {
    const { canary, asked } = open(() => true);
    await pass(0);
    asked.length = 0;
    expect(await canary.lookup(about('nobody'))).toBeNull();
    expect(await canary.lookupAtOnce([about('nobody')])).toEqual([null]);
    expect(asked).toEqual(['nobody', 'nobody']);
    await canary.close();
  });

  it('is checked at once if it misses a canary, and again a second later', async () => {
    let hasCanary = true;
    const { canary, told } = open(() => hasCanary);
    await pass(0);
    hasCanary = false;
    await expect(canary.lookup(about('nobody'))).rejects.toThrow('is not found');
    await pass(0);
    expect(told).toEqual(['the canary is not found']);
    expect(() => canary.lookup(about('fred'))).toThrow('is not found');
    hasCanary = true;
    await pass(1_000);
    expect(told).toEqual(['the canary is not found', 'recovered']);
    expect(await canary.lookup(about('fred'))).toEqual(ENTRY);
    await canary.close();
  });
});

describe('a canary', () => {
  it.each([[true], [false]])('lets an absence pass if it is found (later: %j)', async (later) => {
    const { ask, told } = setUp({ later });
    expect([await ask(about('fred')), await ask(about('nobody'))]).toEqual(['found', 'null']);
    expect(told).toEqual([]);
  });

  it('is asked after each absence, so a table that was just emptied refuses nobody', async () => {
    const { ask, held, told } = setUp();
    expect(await ask(about('nobody'))).toBe('null');
    held.clear();
    expect(await ask(about('fred'))).toBe('the canary postmaster@example.org is not found');
    expect(await ask(about('nobody'))).toBe('the canary postmaster@example.org is not found');
    expect(told).toEqual(['failed: the canary postmaster@example.org is not found']);
  });

  it('is asked at the same moment as the absent entry, if the store can do that', async () => {
    const moments: string[][] = [];
    const held = new Set(['postmaster']);
    const answer = (question: Question): Answer =>
      question.about === 'mailbox' && held.has(question.local) ? ENTRY : null;
    const store: Store = {
      lookup: answer,
      lookupAtOnce(questions) {
        moments.push(questions.map((question) => (question.about === 'mailbox' ? question.local : question.about)));
        return questions.map(answer);
      },
      atomic: true,
      close: () => {},
    };
    const events = { recovered: () => {}, failed: () => {} };
    const canaries = [{ present: PRESENT, absent: ABSENT }];
    const canary = createCanary(store, new Map([['mailbox', canaries]]), events);
    await pass(0);
    moments.length = 0;
    expect(canary.lookup(about('nobody'))).toBeNull();
    expect(canary.lookupAtOnce([about('nobody'), { about: 'domain', domain: 'x' }])).toEqual([null, null]);
    const known = ['postmaster', 'canary-that-is-not'];
    expect(moments).toEqual([
      ['nobody', ...known],
      ['nobody', 'domain', ...known],
    ]);
    held.clear();
    expect(() => canary.lookup(about('nobody'))).toThrow('is not found');
    await canary.close();
  });

  it('is also asked after several absences, if the store cannot do that', async () => {
    const { canary, held, asked } = setUp();
    await pass(0);
    asked.length = 0;
    const both = [about('nobody'), about('fred')];
    expect(await canary.lookupAtOnce(both)).toEqual([null, ENTRY]);
    expect(asked).toEqual(['nobody', 'fred', 'postmaster', 'canary-that-is-not', 'nobody']);
    held.clear();
    await expect(canary.lookupAtOnce(both)).rejects.toThrow('is not found');
  });

  it('also makes found entries fail, while an address is found that cannot exist', async () => {
    const { ask, held, told } = setUp();
    held.add('canary-that-is-not');
    await pass(10_000);
    expect(await ask(about('fred'))).toBe('canary-that-is-not@example.org is found, although it does not exist');
    expect(told).toHaveLength(1);
  });

  it('is trusted again within a second of its return, and says so', async () => {
    const { ask, held, told } = setUp();
    await pass(0);
    held.delete('postmaster');
    await ask(about('nobody'));
    held.add('postmaster');
    await pass(1_000);
    expect(await ask(about('nobody'))).toBe('null');
    expect(told.at(-1)).toBe('recovered');
    held.delete('postmaster');
    await ask(about('nobody'));
    await pass(10_000);
    held.add('postmaster');
    await pass(1_000);
    expect(await ask(about('nobody'))).toBe('null');
  });

  it('passes a failure of the store on, without an alarm', async () => {
    const { ask, fail, told } = setUp();
    await pass(0);
    fail(true);
    expect(await ask(about('nobody'))).toBe('gone');
    fail(false);
    expect(await ask(about('nobody'))).toBe('null');
    expect(told).toEqual([]);
  });

  it('makes an absence fail if the store fails before the canary is asked', async () => {
    const { canary, fail, slowDown, turn } = setUp();
    await pass(0);
    slowDown();
    const answer = (canary.lookup(about('nobody')) as Promise<Answer>).catch((error: Error) => error.message);
    fail(true);
    await turn();
    expect(await answer).toBe('gone');
  });

  it('confirms all absences by one check, but none by a check that began before it', async () => {
    const { ask, asked, slowDown, turn } = setUp();
    await pass(0);
    asked.length = 0;
    slowDown();
    const first = [ask(about('a')), ask(about('b'))];
    await turn();
    expect(asked).toEqual(['a', 'b', 'postmaster', 'canary-that-is-not']);
    const second = [ask(about('c')), ask(about('d'))];
    await turn();
    expect(asked.slice(4)).toEqual(['c', 'd', 'a', 'b', 'postmaster', 'canary-that-is-not']);
    await turn();
    expect(await Promise.all(first)).toEqual(['null', 'null']);
    await turn();
    expect(await Promise.all(second)).toEqual(['null', 'null']);
    expect(asked.filter((local) => local === 'postmaster')).toHaveLength(2);
  });

  it('is followed by the same question, since the store may have recovered between the absence and the canary', async () => {
    const { canary, ask, held, slowDown, turn } = setUp();
    await pass(0);
    held.clear();
    slowDown();
    const answers = [ask(about('fred')), ask(about('nobody'))];
    const atOnce = canary.lookupAtOnce([about('fred'), about('nobody')]);
    await turn();
    held.add('fred').add('postmaster');
    await turn();
    await turn();
    expect(await Promise.all(answers)).toEqual(['found', 'null']);
    expect(await atOnce).toEqual([ENTRY, null]);
  });

  it('is asked again only after its answer, so no old answer comes after a new one', async () => {
    const { ask, asked, slowDown, turn } = setUp();
    await pass(0);
    asked.length = 0;
    slowDown();
    const answers = [ask(about('a'))];
    await turn('a');
    answers.push(ask(about('b')));
    await turn('b');
    expect(asked).toEqual(['a', 'postmaster', 'canary-that-is-not', 'b']);
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(await Promise.all(answers)).toEqual(['null', 'null']);
  });

  it('does not matter for questions of another kind', async () => {
    const { ask, held } = setUp();
    held.clear();
    await pass(10_000);
    expect(await ask({ about: 'domain', domain: 'example.org' })).toBe('null');
  });

  it('is not asked after it is closed', async () => {
    const { canary, asked } = setUp();
    await pass(0);
    await canary.close();
    asked.length = 0;
    await pass(60_000);
    expect(asked).toEqual([]);
  });
});
