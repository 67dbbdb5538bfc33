import type { Answer, Maybe, Question } from '../vocabulary.ts';
import { QuestionError, type Store, StoreError } from './store.ts';

/**
 * What a driver for a server of its own offers: answers to many questions by one round trip, in their order. An error in the
 * place of an answer fails that question alone; a rejection fails them all. QuestionError says that the questions are at
 * fault, or one of them, and not the server. It connects when it is first asked, and again after it was cut off.
 */
export interface Bulk {
  lookupAll(questions: readonly Question[]): Promise<readonly (Answer | StoreError)[]>;
  close(): Maybe<void>;
}

export interface BatchOptions {
  /** How many questions go as one; 1: each goes alone. */
  readonly most: number;
  /** How many batches are under way at once. */
  readonly inFlight: number;
}

interface Waiting {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: unknown) => void;
}

const MOST_WAITING = 10_000; // questions; beyond that a new one fails at once, since it could only be late

/**
 * A store over one. Questions of one turn of the event loop go together, and those that come while all batches are under way
 * wait for the next. A batch that the server refuses is asked again one by one, so that a question fails nobody but itself.
 * What no store can hold, a NUL or half a character, is certain to be absent and is not asked.
 */
export function createBatch(bulk: Bulk, { most, inFlight }: BatchOptions): Store {
  let waiting: Waiting[] = [];
  let underWay = 0;
  let scheduled = false;
  let closed = false;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      for (let free = inFlight - underWay; free > 0 && waiting.length > 0; free--) {
        // What waits is spread over the batches that may still go, or the first would take all.
        void send(waiting.splice(0, Math.min(most, Math.ceil(waiting.length / free))));
      }
    });
  };

  const send = async (batch: readonly Waiting[]): Promise<void> => {
    underWay++;
    try {
      await settle(batch);
    } catch (cause) {
      if (cause instanceof QuestionError && batch.length > 1) {
        for (const each of batch) await settle([each]).catch(each.reject);
      } else {
        for (const { reject } of batch) reject(cause);
      }
    } finally {
      underWay--;
      if (waiting.length > 0) schedule();
    }
  };

  const settle = async (batch: readonly Waiting[]): Promise<void> => {
    const answers = await bulk.lookupAll(batch.map(({ question }) => question));
    if (answers.length !== batch.length) {
      throw new StoreError(`${answers.length} answers to ${batch.length} questions`);
    }
    batch.forEach(({ resolve, reject }, at) => {
      const answer = answers[at] as Answer | StoreError;
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    });
  };

  return {
    lookup(question) {
      if (closed) throw new StoreError('the store is closed');
      if (!isText(question)) return null;
      if (waiting.length >= MOST_WAITING) throw new StoreError(`${MOST_WAITING} questions wait already`);
      return new Promise((resolve, reject) => {
        waiting.push({ question, resolve, reject });
        if (underWay < inFlight) schedule();
      });
    },
    close() {
      closed = true;
      for (const { reject } of waiting) reject(new StoreError('the store is closed'));
      waiting = [];
      return bulk.close();
    },
  };
}

/** Whether each of its words can be a text of any store: no NUL, no half of a surrogate pair. */
export function isText(question: Question): boolean {
  return Object.values(question).every(
    (word) => typeof word !== 'string' || (!word.includes('\0') && word.isWellFormed()),
  );
}
