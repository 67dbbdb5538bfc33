import type { Answer, Maybe, Question } from '../vocabulary.ts';
import type { Store } from './store.ts';

/** What a store was asked, and what it said. */
export interface Counts {
  readonly asked: number;
  readonly found: number;
  readonly absent: number;
  readonly failed: number;
  /** Of the answers that had to be waited for. */
  readonly meanMs: number;
  readonly slowestMs: number;
}

/** A store that counts, and the counts. */
export interface MeteredStore extends Store {
  counts(): Counts;
}

/** Counts what passes through, and changes nothing. */
export function createMeter(store: Store): MeteredStore {
  let asked = 0;
  let found = 0;
  let absent = 0;
  let failed = 0;
  let awaited = 0;
  let totalMs = 0;
  let slowestMs = 0;

  const count = (answer: Answer): Answer => {
    if (answer === null) absent++;
    else found++;
    return answer;
  };
  const took = (ms: number): void => {
    awaited++;
    totalMs += ms;
    if (ms > slowestMs) slowestMs = ms;
  };
  const failing = (cause: unknown): never => {
    failed++;
    throw cause;
  };
  return {
    lookup(question: Question): Maybe<Answer> {
      asked++;
      let answer: Maybe<Answer>;
      try {
        answer = store.lookup(question);
      } catch (cause) {
        return failing(cause);
      }
      if (!(answer instanceof Promise)) return count(answer);
      const sinceMs = performance.now();
      return answer.then((settled) => {
        took(performance.now() - sinceMs);
        return count(settled);
      }, failing);
    },
    close: () => store.close(),
    counts: () => ({ asked, found, absent, failed, meanMs: totalMs / Math.max(1, awaited), slowestMs }),
  };
}
