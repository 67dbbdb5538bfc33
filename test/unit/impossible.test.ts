import { expect, it } from 'vitest';
import { createImpossible } from '../../src/store/guard/impossible.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const mailbox = (local: string): Question => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
};

it('a store that fails is certain of what it cannot hold, and of nothing else', async () => {
  const failing = storeOf(() => Promise.reject(new StoreError('gone')));
  const store = createImpossible(failing, (question) => question.about === 'mailbox' && question.local.includes('+'));
  expect(store.lookup(mailbox('a+b'))).toBeNull();
  await expect(store.lookup(mailbox('ab'))).rejects.toThrow('gone');
  expect(await store.lookupAtOnce([mailbox('a+b')])).toEqual([null]);
  await expect(store.lookupAtOnce([mailbox('a+b'), mailbox('ab')])).rejects.toThrow('gone');
});

it('each of several questions has its own answer', async () => {
  const found = { value: '', state: 'active' } as const;
  const store = createImpossible(
    storeOf(() => found),
    (question) => 'local' in question && question.local === 'x',
  );
  expect(await store.lookupAtOnce(['a', 'x', 'b', 'x'].map(mailbox))).toEqual([found, null, found, null]);
});
