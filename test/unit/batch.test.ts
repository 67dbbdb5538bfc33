import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createBatch } from '../../src/store/guard/batch.ts';
import { type Bulk, EmptyStoreError, QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';

const FOUND = { value: '', state: 'active' } as const;

function about(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

const localOf = (question: Question): string => (question.about === 'mailbox' ? question.local : '');

/** Answers on command. Finds every `user...`, and records the questions. */
function createBulk(refuses: (locals: readonly string[]) => Error | null = () => null) {
  const batches: string[][] = [];
  const atOnce: boolean[] = [];
  const gates: (() => void)[] = [];
  let open = false;
  let closed = false;
  const bulk: Bulk = {
    async lookupAll(questions, together = false) {
      const locals = questions.map(localOf);
      batches.push(locals);
      atOnce.push(together);
      if (!open) await new Promise<void>((resolve) => gates.push(resolve));
      const refusal = refuses(locals);
      if (refusal !== null) throw refusal;
      return locals.map((local): Answer | StoreError => {
        if (local === 'doubtful') return new QuestionError('a doubt');
        if (local === 'lost') return new StoreError('lost');
        if (local === 'unwritten') return new EmptyStoreError('never written');
        return local.startsWith('user') ? FOUND : null;
      });
    },
    atomic: true,
    close() {
      closed = true;
    },
  };
  const release = (): void => {
    open = true;
    for (const go of gates.splice(0)) go();
  };
  return { bulk, batches, atOnce, release, isClosed: () => closed };
}

describe('a batch', () => {
  it('takes the questions of one turn together, each with its own answer', async () => {
    const { bulk, batches, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const answers = await Promise.all(
      ['user1', 'nobody', 'user2'].map(async (local) => await store.lookup(about(local))),
    );
    expect(answers).toEqual([FOUND, null, FOUND]);
    expect(batches).toEqual([['user1', 'nobody', 'user2']]);
  });

  it('sends no more batches than allowed at once, and sends waiting questions with the next one', async () => {
    const { bulk, batches, release } = createBulk();
    const store = createBatch(bulk, { most: 3, inFlight: 2 });
    const first = ['user1', 'user2', 'user3', 'user4'].map((local) => store.lookup(about(local)));
    await nextTurn();
    expect(batches).toEqual([
      ['user1', 'user2'],
      ['user3', 'user4'],
    ]);
    const later = ['user5', 'user6', 'user7', 'user8'].map((local) => store.lookup(about(local)));
    await nextTurn();
    expect(batches).toHaveLength(2);
    release();
    expect(await Promise.all([...first, ...later])).toEqual(Array.from({ length: 8 }, () => FOUND));
    expect(batches.slice(2).flat()).toEqual(['user5', 'user6', 'user7', 'user8']);
    expect(batches.every((batch) => batch.length <= 3)).toBe(true);
  });

  it('sends each question alone if the maximum is one', async () => {
    const { bulk, batches, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 1, inFlight: 2 });
    await Promise.all(['user1', 'user2', 'user3'].map(async (local) => await store.lookup(about(local))));
    expect(batches).toEqual([['user1'], ['user2'], ['user3']]);
  });

  it('asks again in halves if the server refuses a question, so only that question fails', async () => {
    const { bulk, batches, release } = createBulk((locals) =>
      locals.includes('odd') ? new QuestionError('cannot be asked') : null,
    );
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const asked = ['user1', 'odd', 'nobody'].map(async (local) => await store.lookup(about(local)));
    const settled = await Promise.allSettled(asked);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await asked[0]).toEqual(FOUND);
    expect(await asked[2]).toBeNull();
    expect(batches).toEqual([['user1', 'odd', 'nobody'], ['user1'], ['odd', 'nobody'], ['odd'], ['nobody']]);
  });

  it('finds four refused questions among a hundred with far fewer than a hundred queries', async () => {
    const odd = (local: string): boolean => local.endsWith('odd');
    const { bulk, batches, release } = createBulk((locals) => (locals.some(odd) ? new QuestionError('refused') : null));
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const locals = Array.from({ length: 100 }, (_, at) => (at % 25 === 7 ? `user${at}odd` : `user${at}`));
    const settled = await Promise.allSettled(locals.map(async (local) => await store.lookup(about(local))));
    expect(settled.map(({ status }) => status === 'rejected')).toEqual(locals.map(odd));
    expect(batches.length).toBeLessThan(50);
  });

  it('sends questions that are not ASCII in their own batches', async () => {
    const { bulk, batches, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const locals = ['user1', 'user\u00e9', 'user2', 'user\u4e2d'];
    const answers = await Promise.all(locals.map(async (local) => await store.lookup(about(local))));
    expect(answers).toEqual(locals.map(() => FOUND));
    expect(batches).toEqual([
      ['user1', 'user2'],
      ['user\u00e9', 'user\u4e2d'],
    ]);
  });

  it('sends questions that are asked at once in one batch, each once, and tells the driver so', async () => {
    const { bulk, batches, atOnce, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 3, inFlight: 2 });
    const canary = about('user0');
    const groups = ['user1', 'nobody', 'user2'].map((local) => [about(local), canary]);
    const answers = await Promise.all(groups.map(async (group) => await store.lookupAtOnce(group)));
    expect(answers).toEqual([
      [FOUND, FOUND],
      [null, FOUND],
      [FOUND, FOUND],
    ]);
    expect(batches.every((batch) => batch.includes('user0'))).toBe(true);
    expect(batches.flat().filter((local) => local !== 'user0')).toEqual(['user1', 'nobody', 'user2']);
    expect(atOnce).toEqual(batches.map(() => true));
    await store.lookup(about('user3'));
    expect(atOnce.at(-1)).toBe(false);
  });

  it('fails all questions that are asked at once if one of them fails', async () => {
    const { bulk, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 3, inFlight: 2 });
    const answers = async (...locals: string[]) => await store.lookupAtOnce(locals.map(about));
    await expect(answers('user1', 'doubtful')).rejects.toThrow('a doubt');
    expect(await answers('user1', 'nobody', 'a\0b')).toEqual([FOUND, null, null]);
    expect(await answers('a\0b', 'c\0d')).toEqual([null, null]);
  });

  it('fails all questions if the whole batch failed, without asking again', async () => {
    const { bulk, batches, release } = createBulk(() => new StoreError('gone'));
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const settled = await Promise.allSettled(
      ['user1', 'nobody'].map(async (local) => await store.lookup(about(local))),
    );
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(batches).toHaveLength(1);
  });

  it('fails one question alone, with its own error', async () => {
    const { bulk, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const ask = async (local: string): Promise<Answer> => await store.lookup(about(local));
    const asked = ['doubtful', 'unwritten', 'lost', 'user1'];
    const [doubt, empty, lost, found] = await Promise.allSettled(asked.map(ask));
    expect(lost).toMatchObject({ reason: { name: 'StoreError' } });
    expect(doubt).toMatchObject({ reason: { name: 'QuestionError', message: 'a doubt' } });
    expect(empty).toMatchObject({ reason: { name: 'EmptyStoreError' } });
    expect(found).toMatchObject({ value: FOUND });
  });

  it('fails all questions if there are fewer answers than questions', async () => {
    const store = createBatch(
      { lookupAll: async () => [null], atomic: true, close: () => {} },
      { most: 100, inFlight: 1 },
    );
    const settled = await Promise.allSettled(['a', 'b'].map(async (local) => await store.lookup(about(local))));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('fails all questions if an answer is missing between the others', async () => {
    const missing = [null, , null] as readonly Answer[]; // oxlint-disable-line no-sparse-arrays
    const store = createBatch(
      { lookupAll: async () => missing, atomic: true, close: () => {} },
      { most: 100, inFlight: 1 },
    );
    const settled = await Promise.allSettled(['a', 'b', 'c'].map(async (local) => await store.lookup(about(local))));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it.each([
    ['a NUL', 'user\0'],
    ['half a character', 'user\ud800'],
  ])('is certain without a query that no mailbox has %s', (_, local) => {
    const { bulk, batches } = createBulk();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    expect(store.lookup(about(local))).toBeNull();
    expect(batches).toEqual([]);
  });

  it('lets at most 10,000 questions wait', async () => {
    const { bulk } = createBulk();
    const store = createBatch(bulk, { most: 1, inFlight: 1 });
    const waiting = Array.from({ length: 10_000 }, async () => await store.lookup(about('user')));
    expect(() => store.lookup(about('user'))).toThrow('10000 questions are already waiting');
    await store.close();
    expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('fails waiting questions when it is closed, and closes its store', async () => {
    const { bulk, isClosed } = createBulk();
    const store = createBatch(bulk, { most: 1, inFlight: 1 });
    void store.lookup(about('user1'));
    await nextTurn();
    const waiting = store.lookup(about('user2'));
    await store.close();
    await expect(waiting).rejects.toThrow('closed');
    expect(() => store.lookup(about('user1'))).toThrow('closed');
    expect(isClosed()).toBe(true);
  });
});
