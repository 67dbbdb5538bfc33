import { describe, expect, it } from 'vitest';
import { createFailover } from '../../src/store/failover.ts';
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
    stores.map((kind, at): Store => {
      const lookup = () => {
        asked++;
        return kinds[kind](`store ${at + 1}`);
      };
      return storeOf(lookup);
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
    [['throws', 'found'], 'entry', 2], // found is certain, whatever the first would have said
    [['throws', 'absent'], 'store 1', 2], // never null: the first may hold it
    [['absent', 'throws'], 'store 2', 2],
    [['throws', 'throws'], 'store 1', 2],
    [['throws', 'absent', 'absent'], 'store 1', 3],
    [['rejects', 'absent later'], 'store 1', 2],
    [['rejects', 'found later'], 'entry', 2],
    [['absent later', 'rejects'], 'store 2', 2],
    [['throws', 'rejects'], 'store 1', 2],
    [['absent later', 'found'], 'entry', 2],
  ])('over stores of which it is so: %j, answers %s after %d questions', async (stores, outcome, asked) => {
    expect(await ask(stores)).toEqual({ outcome, asked });
  });
});
