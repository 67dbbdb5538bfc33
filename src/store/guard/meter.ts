import { messageOf } from '../../message.ts';
import type { Answer, Maybe } from '../../vocabulary.ts';
import type { Store } from '../store.ts';

/** What a store was asked, and what it answered. */
export interface Counts {
  readonly asked: number;
  readonly found: number;
  readonly absent: number;
  readonly failed: number;
  /** Only of the answers that did not come at once. */
  readonly meanMs: number;
  readonly slowestMs: number;
  /** When it last answered, as date and time in ISO 8601; null: never. */
  readonly answeredAt: string | null;
  /** Why the newest question failed, and when; null if it did not fail. */
  readonly failing: { readonly at: string; readonly cause: string } | null;
}

/** A store that counts what it is asked. */
export interface MeteredStore extends Store {
  counts(): Counts;
}

/** A store that counts questions and answers, and changes nothing. */
export function createMeter(store: Store): MeteredStore {
  let asked = 0;
  let found = 0;
  let absent = 0;
  let failed = 0;
  let awaited = 0;
  let totalMs = 0;
  let slowestMs = 0;
  let answeredAt = 0;
  let failure: { readonly at: number; readonly cause: unknown } | null = null;

  const count = (answer: Answer): void => {
    if (answer === null) absent++;
    else found++;
  };
  const answered = (): void => {
    answeredAt = Date.now();
    failure = null;
  };
  const measured = <T>(questions: number, asking: () => Maybe<T>, counted: (answer: T) => void): Maybe<T> => {
    asked += questions;
    const settled = (answer: T): T => {
      counted(answer);
      answered();
      return answer;
    };
    const failing = (cause: unknown): never => {
      failed += questions;
      failure = { at: Date.now(), cause };
      throw cause;
    };
    let answer: Maybe<T>;
    try {
      answer = asking();
    } catch (cause) {
      return failing(cause);
    }
    if (!(answer instanceof Promise)) return settled(answer);
    const sinceMs = performance.now();
    return answer.then((said) => {
      const ms = performance.now() - sinceMs;
      awaited++;
      totalMs += ms;
      if (ms > slowestMs) slowestMs = ms;
      return settled(said);
    }, failing);
  };
  return {
    lookup: (question) => measured(1, () => store.lookup(question), count),
    lookupAtOnce: (questions) =>
      measured(
        questions.length,
        () => store.lookupAtOnce(questions),
        (answers) => answers.forEach(count),
      ),
    atomic: store.atomic,
    close: () => store.close(),
    counts: () => ({
      asked,
      found,
      absent,
      failed,
      meanMs: totalMs / Math.max(1, awaited),
      slowestMs,
      answeredAt: answeredAt === 0 ? null : timeOf(answeredAt),
      failing: failure === null ? null : { at: timeOf(failure.at), cause: messageOf(failure.cause) },
    }),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
