import type { Bulk } from '../../../src/store/store.ts';

/** null is a certain absence. If you are not certain, throw a StoreError: it becomes TEMP. */
export function connect(): Bulk {
  return { lookupAll: async (questions) => questions.map(() => null), atomic: true, close() {} };
}
