import type { Answer, Question } from '../../vocabulary.ts';
import { type Bulk, ClosedError, QuestionError, type Store, StoreError } from '../store.ts';

export interface BatchOptions {
  /** The most questions in one batch. 1: each question goes alone. */
  readonly most: number;
  /** The most batches that are under way at once. */
  readonly inFlight: number;
}

/** Questions that belong together: one, or several that must be answered as of one moment. */
interface Group {
  readonly questions: readonly Question[];
  readonly isAscii: boolean;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (cause: unknown) => void;
}

const MOST_WAITING = 10_000; // groups; beyond that a new one fails at once, because its answer could only be late

/**
 * A store that asks in batches. Questions of one turn of the event loop go together. Questions that come while all
 * batches are under way wait for the next one. If the server refuses a batch, each half is asked again, so a bad
 * question fails alone. Questions that are not ASCII go separately, because the encoding of a database may refuse them.
 * No store can hold a NUL or half a character: such an entry is certainly absent, and the server is not asked.
 */
export function createBatch(bulk: Bulk, { most, inFlight }: BatchOptions): Store {
  let waiting: Group[] = [];
  let underWay = 0;
  let scheduled = false;
  let closed = false;

  const checkOpen = (): void => {
    if (closed) throw new ClosedError();
  };

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      for (let free = inFlight - underWay; free > 0 && waiting.length > 0; free--) void send(takeBatch(free));
    });
  };
  /** Spreads what waits over the batches that may still go. Otherwise the first one would take everything. */
  const takeBatch = (free: number): readonly Group[] => {
    const { isAscii } = waiting[0] as Group;
    let left = Math.min(most, Math.ceil(waiting.length / free));
    const batch: Group[] = [];
    const rest: Group[] = [];
    for (const group of waiting) {
      const taken = group.isAscii === isAscii && (batch.length === 0 || left >= group.questions.length);
      if (taken) left -= group.questions.length;
      (taken ? batch : rest).push(group);
    }
    waiting = rest;
    return batch;
  };

  const send = async (batch: readonly Group[]): Promise<void> => {
    underWay++;
    try {
      await settle(batch);
    } finally {
      underWay--;
      if (waiting.length > 0) schedule();
    }
  };

  const settle = async (batch: readonly Group[]): Promise<void> => {
    try {
      checkOpen(); // the store may be closed while a batch is halved
      const questions = [...new Set(batch.flatMap((group) => group.questions))];
      const atOnce = batch.some((group) => group.questions.length > 1);
      const answers = await bulk.lookupAll(questions, atOnce);
      if (answers.length !== questions.length) {
        throw new StoreError(`${answers.length} answers to ${questions.length} questions`);
      }
      const answerOf = new Map(questions.map((question, at) => [question, answers[at] as Answer | StoreError]));
      for (const group of batch) settleGroup(group, answerOf);
    } catch (cause) {
      if (cause instanceof QuestionError && batch.length > 1) {
        const half = batch.length >> 1;
        await settle(batch.slice(0, half));
        await settle(batch.slice(half));
      } else {
        for (const { reject } of batch) reject(cause);
      }
    }
  };

  const ask = (questions: readonly Question[]): Promise<readonly Answer[]> => {
    if (waiting.length >= MOST_WAITING) throw new StoreError(`${MOST_WAITING} questions are already waiting`);
    return new Promise((resolve, reject) => {
      waiting.push({ questions, isAscii: questions.every(hasAsciiOnly), resolve, reject });
      if (underWay < inFlight) schedule();
    });
  };

  return {
    lookup(question) {
      checkOpen();
      return isText(question) ? ask([question]).then(([answer]) => answer as Answer) : null;
    },
    lookupAtOnce(questions) {
      checkOpen();
      const texts = questions.filter(isText);
      if (texts.length === 0) return questions.map(() => null);
      return ask(texts).then((answers) => {
        const answerOf = new Map(texts.map((question, at) => [question, answers[at] as Answer]));
        return questions.map((question) => answerOf.get(question) ?? null);
      });
    },
    atomic: bulk.atomic,
    close() {
      closed = true;
      for (const { reject } of waiting) reject(new ClosedError());
      waiting = [];
      return bulk.close();
    },
  };
}

function settleGroup(
  { questions, resolve, reject }: Group,
  answerOf: ReadonlyMap<Question, Answer | StoreError>,
): void {
  const answers: Answer[] = [];
  for (const question of questions) {
    const answer = answerOf.get(question) as Answer | StoreError;
    if (answer instanceof Error) return reject(answer);
    answers.push(answer);
  }
  resolve(answers);
}

/** Whether a store can hold the words of a question: no NUL, no half of a surrogate pair. */
export function isText(question: Question): boolean {
  return wordsOf(question).every((word) => !word.includes('\0') && word.isWellFormed());
}

function hasAsciiOnly(question: Question): boolean {
  return wordsOf(question).every((word) => !/[^\0-\x7f]/.test(word));
}

function wordsOf(question: Question): readonly string[] {
  return Object.values(question).filter((word) => typeof word === 'string');
}
