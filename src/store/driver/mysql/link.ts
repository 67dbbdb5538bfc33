import type { Answer, Question } from '../../../vocabulary.ts';
import { type QueryName, groupByQuery } from '../../asked.ts';
import { isActive, type Luck } from '../../luck.ts';
import type { Row } from '../../row.ts';
import { QuestionError, ReplicaError, StoreError, toStoreError } from '../../store.ts';
import { answerBy } from '../sql/answer.ts';
import type { Queries, Query } from '../sql/query.ts';

/** One connection. When it ends, all calls that wait on it reject at once. */
export interface Link {
  /** Rejects if the connection fails. */
  readonly ready: Promise<void>;
  /** The rows of each question. */
  find(name: QueryName, query: Query | undefined, questions: readonly Question[]): Promise<readonly (readonly Row[])[]>;
  /**
   * Until `commit`, all questions see one moment. This does not hold for tables of MyISAM and other engines without
   * snapshots.
   */
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Whether the server accepts writes now. */
  isPrimary(): Promise<boolean>;
  /** When `isPrimary` last asked and got true, by performance.now(). */
  primaryAt(): number;
  /** The rows of a statement with one parameter. */
  list(
    text: string,
    value: string,
  ): Promise<{ readonly columns: readonly string[]; readonly rows: readonly (readonly unknown[])[] }>;
  /** Whether the connection has ended. */
  lost(): boolean;
  end(cause: StoreError): void;
}

// MariaDB plans all branches at each execution. With the joins of a schema, 64 branches take twice as long per question
// as 16.
export const MOST_BRANCHES = 16;

const FRESH_MS = 100; // too short for a server to be demoted, to miss a write and to be promoted again

const LAGS = 'not found or not active on a read-only server, which may lag: list the primary in url too';

/**
 * Answers questions on one connection. An absence, and a mailbox that is not active, count only if the server accepts
 * writes.
 */
export async function answerAll(
  link: Link,
  queries: Queries,
  questions: readonly Question[],
  atOnce: boolean,
  luck: Luck,
): Promise<(Answer | StoreError)[]> {
  // A replica may lag, and only read_only shows that a server is one. A replica that is promoted during a question may
  // have read old data. So an absence counts only if the server accepted writes both before the question and after the
  // answer.
  const wasPrimary = performance.now() - link.primaryAt() < FRESH_MS || (await link.isPrimary());
  const answers = questions.map((): Answer | StoreError => new StoreError('no query was sent for this question'));
  const groups = groupByQuery(questions);
  const failures: StoreError[] = [];
  const statements = [...groups.values()].reduce((sum, { length }) => sum + Math.ceil(length / MOST_BRANCHES), 0);
  const snapshot = atOnce && statements > 1;
  if (snapshot) await link.begin();
  for (const [name, places] of groups) {
    try {
      const asked = places.map((at) => questions[at] as Question);
      const found = await answersOf(link, name, queries[name], asked, atOnce ? null : luck);
      places.forEach((at, n) => (answers[at] = found[n] as Answer | StoreError));
    } catch (cause) {
      const error = toStoreError(cause);
      failures.push(error);
      // The other groups still get their answers, as long as the connection lasts.
      if (error instanceof QuestionError || failures.length === groups.size || link.lost()) {
        if (snapshot && !link.lost()) await link.commit();
        throw error;
      }
      for (const at of places) answers[at] = error;
    }
  }
  if (snapshot) await link.commit();
  const isCertain = (answer: Answer | StoreError): boolean => answer instanceof Error || isActive(answer);
  if (answers.every(isCertain) || (wasPrimary && (await link.isPrimary()))) return answers;
  return answers.map((answer) => (isCertain(answer) ? answer : new ReplicaError(LAGS)));
}

/** The answers to the questions of one query. With `luck`, its first SELECT may be enough for some of them. */
async function answersOf(
  link: Link,
  name: QueryName,
  query: Query | undefined,
  questions: readonly Question[],
  luck: Luck | null,
): Promise<(Answer | StoreError)[]> {
  const ask = async (part: Query | undefined, asked: readonly Question[]): Promise<(Answer | StoreError)[]> => {
    const found = await link.find(name, part, asked);
    return asked.map((question, at) => judge(part ?? {}, question, found[at] as readonly Row[]));
  };
  if (luck === null || query?.first === undefined || !luck.tries(name)) return ask(query, questions);
  const answers = await ask(query.first, questions);
  const others = questions.filter((_, at) => !isActive(answers[at]));
  luck.note(name, questions.length - others.length, questions.length);
  if (others.length === 0) return answers;
  const rest = await ask(query, others);
  return answers.map((answer) => (isActive(answer) ? answer : (rest.shift() as Answer | StoreError)));
}

function judge(query: Pick<Query, 'leavesOut'>, question: Question, rows: readonly Row[]): Answer | StoreError {
  try {
    return answerBy(query, question, rows);
  } catch (cause) {
    return toStoreError(cause);
  }
}
