import type { Answer, Question } from '../../../vocabulary.ts';
import { type QueryName, groupByQuery } from '../../asked.ts';
import { type Row, answerOf } from '../../row.ts';
import { QuestionError, ReplicaError, StoreError, toStoreError } from '../../store.ts';
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
  /** Whether the connection has ended. */
  lost(): boolean;
  end(cause: StoreError): void;
}

// MariaDB plans all branches at each execution. With the joins of a schema, 64 branches take twice as long per question
// as 16.
export const MOST_BRANCHES = 16;

const FRESH_MS = 100; // too short for a server to be demoted, to miss a write and to be promoted again

/** Answers questions on one connection. An absence counts only if the server accepts writes. */
export async function answerAll(
  link: Link,
  queries: Queries,
  questions: readonly Question[],
  atOnce: boolean,
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
      const found = await link.find(
        name,
        queries[name],
        places.map((at) => questions[at] as Question),
      );
      places.forEach((at, n) => (answers[at] = judge(questions[at] as Question, found[n] as readonly Row[])));
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
  if (!answers.includes(null) || (wasPrimary && (await link.isPrimary()))) return answers;
  return answers.map(
    (answer) =>
      answer ?? new ReplicaError('not found on a read-only server, which may lag: list the primary in url too'),
  );
}

function judge(question: Question, rows: readonly Row[]): Answer | StoreError {
  try {
    return answerOf(question, rows);
  } catch (cause) {
    return toStoreError(cause);
  }
}
