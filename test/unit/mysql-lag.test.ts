import { expect, it } from 'vitest';
import { answerAll, type Link } from '../../src/store/driver/mysql/link.ts';
import { createLuck } from '../../src/store/luck.ts';
import { ReplicaError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';

const FRED = { about: 'mailbox', local: 'fred', domain: 'example.org', exact: false, folder: null, anyCase: false };

/** What a server says of fred, whose row has a state. */
async function said(state: string, isPrimary: boolean): Promise<unknown> {
  const link: Link = {
    ready: Promise.resolve(),
    find: async (_, __, questions) => questions.map(() => [{ address: 'fred@example.org', state }]),
    begin: async () => {},
    commit: async () => {},
    isPrimary: async () => isPrimary,
    primaryAt: () => -Infinity,
    list: () => Promise.reject(new Error('it is not asked')),
    lost: () => false,
    end() {},
  };
  const query = { parts: ['select'], parameters: [] };
  const [answer] = await answerAll(link, { mailbox: query }, [FRED as Question], false, createLuck(1));
  return answer;
}

it('what is not active in MySQL is a doubt on a server that does not accept writes: it may lag', async () => {
  expect(await said('disabled', false)).toBeInstanceOf(ReplicaError);
  expect(await said('active', false)).toMatchObject({ state: 'active' });
  expect(await said('disabled', true)).toMatchObject({ state: 'disabled' });
});
