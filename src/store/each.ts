import type { Answer, Question } from '../vocabulary.ts';
import { QuestionError, StoreError, toStoreError } from './store.ts';

/**
 * Answers to questions that a server is asked one by one, side by side. Who fails, fails alone; where none was answered and none
 * was itself at fault, the server is, and the whole rejects.
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
