import { type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';

/** A store by its lookup. Several questions are asked side by side, so that it has no moments. */
export function storeOf(lookup: (question: Question) => Maybe<Answer>, close: () => Maybe<void> = () => {}): Store {
  return {
    lookup,
    lookupAtOnce(questions) {
      const answers = questions.map(lookup);
      const here = answers.filter((answer): answer is Answer => !(answer instanceof Promise));
      return here.length === answers.length ? here : Promise.all(answers.map(async (answer) => await answer));
    },
    atomic: false,
    close,
  };
}

/** A store that fails, hangs, or answers later on command. A real server cannot do this on command. */
export function createFakeStore(inner: Store): {
  readonly store: Store;
  fail(): void;
  hang(): void;
  /** From now on an answer takes so long. */
  delay(ms: number): void;
} {
  let lookup = (question: Question): Maybe<Answer> => inner.lookup(question);
  return {
    store: {
      ...storeOf(
        (question) => lookup(question),
        () => inner.close(),
      ),
      atomic: inner.atomic, // an inner store that answers in the same turn does not change during it
    },
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
