import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Bulk, createBatch } from '../../src/store/batch.ts';
import { EmptyStoreError, QuestionError, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';

const FOUND = { value: '', state: 'active' } as const;

function about(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

const localOf = (question: Question): string => (question.about === 'mailbox' ? question.local : '');

/** Answers when it is told to, whoever is called `user...`; keeps what it was asked. */
function createBulk(refuses: (locals: readonly string[]) => Error | null = () => null) {
  const batches: string[][] = [];
  const gates: (() => void)[] = [];
  let open = false;
  let closed = false;
  const bulk: Bulk = {
    async lookupAll(questions) {
      const locals = questions.map(localOf);
      batches.push(locals);
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
    close() {
      closed = true;
    },
  };
  const release = (): void => {
    open = true;
    for (const go of gates.splice(0)) go();
  };
  return { bulk, batches, release, isClosed: () => closed };
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

  it('lets no more batches go than it may, and takes what waits meanwhile with the next', async () => {
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

  it('sends each alone where one is the most', async () => {
    const { bulk, batches, release } = createBulk();
    release();
    const store = createBatch(bulk, { most: 1, inFlight: 2 });
    await Promise.all(['user1', 'user2', 'user3'].map(async (local) => await store.lookup(about(local))));
    expect(batches).toEqual([['user1'], ['user2'], ['user3']]);
  });

  it('asks again one by one where the server refuses a question, so that it fails alone', async () => {
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
    expect(batches).toEqual([['user1', 'odd', 'nobody'], ['user1'], ['odd'], ['nobody']]);
  });

  it('fails all of a batch that failed as a whole, without asking again', async () => {
    const { bulk, batches, release } = createBulk(() => new StoreError('gone'));
    release();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    const settled = await Promise.allSettled(
      ['user1', 'nobody'].map(async (local) => await store.lookup(about(local))),
    );
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(batches).toHaveLength(1);
  });

  it('fails a question alone, with what was said of it', async () => {
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

  it('fails all where there are fewer answers than questions', async () => {
    const store = createBatch({ lookupAll: async () => [null], close: () => {} }, { most: 100, inFlight: 1 });
    const settled = await Promise.allSettled(['a', 'b'].map(async (local) => await store.lookup(about(local))));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it.each([
    ['a NUL', 'user\0'],
    ['half a character', 'user\ud800'],
  ])('is certain without asking that there is nobody with %s', (_, local) => {
    const { bulk, batches } = createBulk();
    const store = createBatch(bulk, { most: 100, inFlight: 1 });
    expect(store.lookup(about(local))).toBeNull();
    expect(batches).toEqual([]);
  });

  it('lets no more than 10,000 wait', async () => {
    const { bulk } = createBulk();
    const store = createBatch(bulk, { most: 1, inFlight: 1 });
    const waiting = Array.from({ length: 10_000 }, async () => await store.lookup(about('user')));
    expect(() => store.lookup(about('user'))).toThrow('10000 questions wait already');
    await store.close();
    expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('fails what waits when it is closed, and closes what it stands on', async () => {
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
