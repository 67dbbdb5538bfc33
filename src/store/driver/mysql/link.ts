import type { Answer, Question } from '../../../vocabulary.ts';
import { type Row, answerOf } from '../../row.ts';
import { QuestionError, StoreError, toStoreError } from '../../store.ts';
import { type QueryName, groupByQuery } from '../../asked.ts';
import type { Queries, Query } from '../sql/query.ts';

/** One connection. Whatever ends it rejects what is under way on it, at once. */
export interface Link {
  /** Rejects where there is no connection. */
  readonly ready: Promise<void>;
  /** The rows of each question. */
  find(name: QueryName, query: Query | undefined, questions: readonly Question[]): Promise<readonly (readonly Row[])[]>;
  /** From here to `commit`, all is as it was at one moment. What is kept by MyISAM and its like knows no such thing. */
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Whether the server takes writes, now. */
  isPrimary(): Promise<boolean>;
  /** When it was last asked that and did, by performance.now(). */
  primaryAt(): number;
  /** Whether it has ended. */
  lost(): boolean;
  end(cause: StoreError): void;
}

// MariaDB plans all branches at each execution: with the joins of a schema, 64 take twice as long for each question as 16 do.
export const MOST_BRANCHES = 16;

const FRESH_MS = 100; // no server is demoted, written behind and promoted again within that time

/** Answers questions on one connection; what it misses counts only where the server takes writes. */
export async function answerAll(
  link: Link,
  queries: Queries,
  questions: readonly Question[],
  atOnce: boolean,
): Promise<(Answer | StoreError)[]> {
  // A replica may lag behind, and nothing but its being read-only tells one. If it is promoted while it is asked, it may have looked
  // before that: so what it misses counts where it took writes before the question and behind the answer.
  const wasPrimary = performance.now() - link.primaryAt() < FRESH_MS || (await link.isPrimary());
  const answers = questions.map((): Answer | StoreError => new StoreError('not asked'));
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
      // Who was asked about something else has an answer all the same, while the connection lasts.
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
    (answer) => answer ?? new QuestionError('not found, and the server is read-only: it may lag behind'),
  );
}

function judge(question: Question, rows: readonly Row[]): Answer | StoreError {
  try {
    return answerOf(question, rows);
  } catch (cause) {
    return toStoreError(cause);
  }
}
