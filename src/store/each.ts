import type { Answer, Question } from '../vocabulary.ts';
import { QuestionError, StoreError, toStoreError } from './store.ts';

/**
 * Asks a server each question by itself, all at the same time. A question that fails, fails alone. If all of them fail,
 * and none by its own fault, then the server is at fault, and the whole rejects.
 */
export async function lookupEach(
  questions: readonly Question[],
  lookup: (question: Question) => Promise<Answer>,
): Promise<readonly (Answer | StoreError)[]> {
  const outcomes = await Promise.all(
    questions.map((question) => lookup(question).catch((cause: unknown) => toStoreError(cause))),
  );
  const isOutage = (outcome: Answer | StoreError): outcome is StoreError =>
    outcome instanceof StoreError && !(outcome instanceof QuestionError);
  const [first] = outcomes;
  if (first !== undefined && isOutage(first) && outcomes.every(isOutage)) throw first;
  return outcomes;
}
