import { type Durations, countOf, createHistogram } from '../../histogram.ts';
import { messageOf } from '../../message.ts';
import type { Answer, Question } from '../../vocabulary.ts';
import { EmptyStoreError, type Store, stemsFrom } from '../store.ts';
import { within } from '../within.ts';
import { kindOf } from './canary.ts';

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
  /** How long its answers took. An answer that came at once is not measured. */
  durations(): Durations;
  /** The kinds of question (`mailbox`, `key TABLE`) to which it says, when asked again now, that it was never filled. Takes a second at most. */
  lacks(): Promise<readonly string[]>;
}

const ASK_AGAIN_MS = 1_000; // a page about the health of the daemon waits for it

/** A store that counts questions and answers, and changes nothing. */
export function createMeter(store: Store): MeteredStore {
  let asked = 0;
  let found = 0;
  let absent = 0;
  let failed = 0;
  const durations = createHistogram();
  let slowestMs = 0;
  let answeredAt = 0;
  let failure: { readonly at: number; readonly cause: unknown } | null = null;
  const lacking = new Map<string, Question>(); // a question of each kind that showed that the store was never filled

  const count = (answer: Answer): void => {
    if (answer === null) absent++;
    else found++;
  };
  const answered = (): void => {
    answeredAt = Date.now();
    failure = null;
  };
  const noteLack = (questions: readonly Question[], cause: unknown): void => {
    const [first] = questions;
    if (questions.length !== 1 || first === undefined || !stemsFrom(cause, EmptyStoreError)) return;
    const { trace: _, ...question } = first;
    lacking.set(kindOf(first), question);
  };
  const failing = (questions: readonly Question[], cause: unknown): void => {
    failed += questions.length;
    noteLack(questions, cause);
    failure = { at: Date.now(), cause };
  };
  /** The same for an answer that takes time, which is measured. */
  const later = <T>(questions: readonly Question[], answer: Promise<T>, counted: (said: T) => void): Promise<T> => {
    const sinceMs = performance.now();
    return answer.then(
      (said) => {
        const ms = performance.now() - sinceMs;
        durations.add(ms);
        if (ms > slowestMs) slowestMs = ms;
        counted(said);
        answered();
        return said;
      },
      (cause: unknown) => {
        failing(questions, cause);
        throw cause;
      },
    );
  };
  const countAll = (answers: readonly Answer[]): void => answers.forEach(count);
  return {
    lookup(question) {
      asked++;
      try {
        const answer = store.lookup(question);
        if (answer instanceof Promise) return later([question], answer, count);
        count(answer);
        answered();
        return answer;
      } catch (cause) {
        failing([question], cause);
        throw cause;
      }
    },
    lookupAtOnce(questions) {
      asked += questions.length;
      try {
        const answers = store.lookupAtOnce(questions);
        if (answers instanceof Promise) return later(questions, answers, countAll);
        countAll(answers);
        answered();
        return answers;
      } catch (cause) {
        failing(questions, cause);
        throw cause;
      }
    },
    atomic: store.atomic,
    close: () => store.close(),
    counts: () => ({
      asked,
      found,
      absent,
      failed,
      meanMs: durations.sumMs / Math.max(1, countOf(durations)),
      slowestMs,
      answeredAt: answeredAt === 0 ? null : timeOf(answeredAt),
      failing: failure === null ? null : { at: timeOf(failure.at), cause: messageOf(failure.cause) },
    }),
    durations: () => durations,
    async lacks() {
      const askAgain = async ([kind, question]: readonly [string, Question]): Promise<void> => {
        try {
          await within(Promise.resolve(store.lookup(question)), ASK_AGAIN_MS, 'answer');
          lacking.delete(kind);
        } catch (cause) {
          if (!stemsFrom(cause, EmptyStoreError)) lacking.delete(kind);
        }
      };
      await Promise.all(Array.from(lacking, askAgain));
      return [...lacking.keys()];
    },
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
