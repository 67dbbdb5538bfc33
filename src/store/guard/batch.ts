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
      const [first] = batch as readonly [Group];
      const isAlone = batch.length === 1 && first.questions.length === 1;
      const questions = isAlone ? first.questions : [...new Set(batch.flatMap((group) => group.questions))];
      const atOnce = batch.some((group) => group.questions.length > 1);
      const answers = await bulk.lookupAll(questions, atOnce);
      if (answers.length !== questions.length) {
        throw new StoreError(`${answers.length} answers to ${questions.length} questions`);
      }
      if (answers.includes(undefined as never)) throw new StoreError('a question has no answer'); // not an absence
      if (isAlone) return settleGroup(first, answers);
      const answerOf = new Map(questions.map((question, at) => [question, answers[at] as Answer | StoreError]));
      for (const group of batch) {
        const own = group.questions.map((question) => answerOf.get(question) as Answer | StoreError);
        settleGroup(group, own);
      }
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

  const ask = (group: Group): void => {
    waiting.push(group);
    if (underWay < inFlight) schedule();
  };
  const checkRoom = (): void => {
    if (waiting.length >= MOST_WAITING) throw new StoreError(`${MOST_WAITING} questions are already waiting`);
  };

  return {
    lookup(question) {
      checkOpen();
      if (!isText(question)) return null;
      checkRoom();
      return new Promise((resolve, reject) => {
        const only = ([answer]: readonly Answer[]): void => resolve(answer as Answer);
        ask({ questions: [question], isAscii: hasAsciiOnly(question), resolve: only, reject });
      });
    },
    lookupAtOnce(questions) {
      checkOpen();
      const texts = questions.filter(isText);
      if (texts.length === 0) return questions.map(() => null);
      checkRoom();
      return new Promise((resolve, reject) => {
        const all = (answers: readonly Answer[]): void => {
          const answerOf = new Map(texts.map((question, at) => [question, answers[at] as Answer]));
          resolve(questions.map((question) => answerOf.get(question) ?? null));
        };
        ask({ questions: texts, isAscii: texts.every(hasAsciiOnly), resolve: all, reject });
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

function settleGroup({ resolve, reject }: Group, answers: readonly (Answer | StoreError)[]): void {
  const failure = answers.find((answer) => answer instanceof Error);
  if (failure === undefined) resolve(answers as readonly Answer[]);
  else reject(failure);
}

/** Whether a store can hold the words of a question: no NUL, no half of a surrogate pair. */
export function isText(question: Question): boolean {
  const words = wordsOf(question);
  return !words.includes('\0') && words.isWellFormed();
}

function hasAsciiOnly(question: Question): boolean {
  return !/[^\0-\x7f]/.test(wordsOf(question));
}

/** All words, with a blank between them: for a look at their characters. */
function wordsOf(question: Question): string {
  if (question.about === 'domain') return question.domain;
  if (question.about === 'key') return `${question.table} ${question.key}`;
  const folder = question.about === 'mailbox' ? question.folder : null;
  return folder === null ? `${question.local} ${question.domain}` : `${question.local} ${question.domain} ${folder}`;
}
