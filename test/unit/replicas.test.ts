import { describe, expect, it } from 'vitest';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { storeOf } from '../support/store.ts';

const QUESTION: Question = { about: 'domain', domain: 'example.org' };
const ENTRY: Answer = { value: '', state: 'active' };

const KINDS = {
  found: () => ENTRY,
  absent: () => null,
  throws: (name: string) => {
    throw new Error(name);
  },
  'found later': () => Promise.resolve(ENTRY),
  'absent later': () => Promise.resolve(null),
  rejects: (name: string) => Promise.reject(new Error(name)),
} as const;
type Kind = keyof typeof KINDS;

describe('replicas', () => {
  it.each<[Kind[], string, number]>([
    [['found'], 'entry', 1],
    [['found', 'absent'], 'entry', 1],
    [['absent', 'found'], 'null', 1], // one certain answer is enough: all have the same data
    [['absent later', 'found'], 'null', 1],
    [['throws', 'absent'], 'null', 2],
    [['rejects', 'absent later'], 'null', 2],
    [['rejects', 'found later'], 'entry', 2],
    [['rejects', 'throws', 'found'], 'entry', 3],
    [['rejects', 'throws'], '1; 2', 2],
    [['throws', 'rejects', 'throws'], '1; 2; 3', 3],
    [['throws'], '1', 1],
  ])('%j: %s, after %i of them were asked', async (kinds, expected, expectedAsked) => {
    let asked = 0;
    const stores = kinds.map((kind, at): Store => {
      const lookup = () => {
        asked++;
        return KINDS[kind](String(at + 1));
      };
      return storeOf(lookup);
    });
    const said = await Promise.resolve()
      .then(() => createReplicas(stores).lookup(QUESTION))
      .then(
        (answer) => (answer === null ? 'null' : 'entry'),
        (error: Error) => error.message,
      );
    expect([said, asked]).toEqual([expected, expectedAsked]);
  });

  it('answers at once if the first replica does', () => {
    const store = storeOf(() => ENTRY);
    expect(createReplicas([store, store]).lookup(QUESTION)).toBe(ENTRY);
  });

  it('closes all replicas', async () => {
    const closed: number[] = [];
    await createReplicas(
      [1, 2, 3].map((at) =>
        storeOf(
          () => null,
          async () => void closed.push(at),
        ),
      ),
    ).close();
    expect(closed).toEqual([1, 2, 3]);
  });
});
