import { andThen } from '../maybe.ts';
import type { Answer, Maybe, Question } from '../vocabulary.ts';
import type { Store } from './store.ts';

/**
 * Asks stores in order. The first entry found is the answer; null only when every store was certain.
 * A store that failed is never hidden by a later null: its failure is thrown, unless a later store finds the entry.
 */
export function createFailover(stores: readonly Store[]): Store {
  const ask = (question: Question, at: number, failure: { readonly cause: unknown } | null): Maybe<Answer> => {
    const store = stores[at];
    if (store === undefined) {
      if (failure !== null) throw failure.cause;
      return null;
    }
    const found = (answer: Answer): Maybe<Answer> => answer ?? ask(question, at + 1, failure);
    const failed = (cause: unknown): Maybe<Answer> => ask(question, at + 1, failure ?? { cause });
    let answer: Maybe<Answer>;
    try {
      answer = store.lookup(question);
    } catch (cause) {
      return failed(cause);
    }
    return answer instanceof Promise ? answer.then(found, failed) : found(answer);
  };
  const lookup = (question: Question): Maybe<Answer> => ask(question, 0, null);
  return {
    lookup,
    lookupAtOnce: (questions) => lookupInTurn(questions, lookup),
    atomic: false,
    close: () => stores.reduce<Maybe<void>>((closing, store) => andThen(closing, () => store.close()), undefined),
  };
}

/** Asks one question after the other, in the same turn where each answer is here. */
export function lookupInTurn(
  questions: readonly Question[],
  lookup: (question: Question) => Maybe<Answer>,
): Maybe<readonly Answer[]> {
  return questions.reduce<Maybe<Answer[]>>(
    (before, question) =>
      andThen(before, (answers) =>
        andThen(lookup(question), (answer) => {
          answers.push(answer);
          return answers;
        }),
      ),
    [],
  );
}
