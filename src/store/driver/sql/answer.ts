import { saying } from '../../../message.ts';
import type { Answer, Question } from '../../../vocabulary.ts';
import { type Row, answerOf, isNamed } from '../../row.ts';
import { QuestionError } from '../../store.ts';
import type { Query } from './query.ts';

/**
 * The answer to a question, from the rows that a query found. If the query leaves rows out, and found another name (a
 * database compares loosely), then the right one may be among those. Throws QuestionError.
 */
export function answerBy(query: Pick<Query, 'leavesOut'>, question: Question, rows: readonly Row[]): Answer {
  const answer = answerOf(question, rows);
  const { leavesOut = null } = query;
  if (answer !== null || leavesOut === null || rows.every((row) => isNamed(row, question))) return answer;
  throw new QuestionError(
    saying`the query found another name, and its ${leavesOut} may hide the right one: remove it, or compare names exactly`,
  );
}
