import { type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';

/** A store that can be told to fail, to hang, or to answer later: the failures that no real part shows on demand. */
export function createFakeStore(inner: Store): {
  readonly store: Store;
  fail(): void;
  hang(): void;
  /** From now on an answer takes so long. */
  delay(ms: number): void;
} {
  let lookup = (question: Question): Maybe<Answer> => inner.lookup(question);
  return {
    store: { lookup: (question) => lookup(question), close: () => inner.close() },
    fail() {
      lookup = () => {
        throw new StoreError('gone, on purpose');
      };
    },
    hang() {
      lookup = () => new Promise<Answer>(() => {});
    },
    delay(ms) {
      lookup = (question) =>
        new Promise((resolve, reject) => {
          setTimeout(() => {
            try {
              resolve(inner.lookup(question));
            } catch (error) {
              reject(error);
            }
          }, ms);
        });
    },
  };
}
