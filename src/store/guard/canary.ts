import { andThen } from '../../maybe.ts';
import { type Said, ofDomain, plain, saying } from '../../message.ts';
import type { Trace } from '../../trace.ts';
import type { Answer, Maybe, Question } from '../../vocabulary.ts';
import { type Store, StoreError } from '../store.ts';

/** Two questions of one kind. It is known what a store must answer to them. */
export interface Canary {
  /** The store must find this. */
  readonly present: Question;
  /** The store must not find this. */
  readonly absent: Question;
}

/** Is told whether the canary of a store is found. */
export interface CanaryEvents {
  /** The store answers both questions correctly again. */
  recovered(): void;
  /** Called once, when the first wrong answer is noticed. */
  failed(cause: unknown): void;
}

/** A store gives a wrong answer to a question whose answer is known, so no answer of it can be trusted. */
export class CanaryError extends StoreError {
  override name = 'CanaryError';
}

const EVERY_MS = 10_000; // so the alarm does not wait until the store is asked for something absent
const AGAIN_MS = 1_000; // while it fails

/**
 * A store whose absences count only if it finds its canary, too. Otherwise an emptied table, a wrong search base or a
 * flushed Redis would refuse everybody. An atomic store is asked for both as of one moment, so a table that is emptied
 * and filled again never causes an absence. Any other store is asked for its canary after the absence; one check
 * confirms all absences from before it began. While the canary fails, every question of its kind fails.
 */
export function createCanary(store: Store, canaries: ReadonlyMap<string, Canary>, events: CanaryEvents): Store {
  if (canaries.size === 0) return store;
  const checkers = new Map([...canaries].map(([kind, canary]) => [kind, createChecker(store, canary, events)]));
  const checkersFor = (questions: readonly Question[]): readonly Checker[] => {
    const kinds = new Set(questions.map(kindOf));
    return [...checkers].filter(([kind]) => kinds.has(kind)).map(([, checker]) => checker);
  };

  /** Asks for the canaries as well. Without them, no absence is believed. */
  const askWithCanaries = (questions: readonly Question[], asked: readonly Checker[]): Maybe<readonly Answer[]> => {
    const all = store.lookupAtOnce([...questions, ...asked.flatMap((checker) => checker.questions)]);
    return andThen(all, (answers) => {
      asked.forEach((checker, nth) => checker.judge(answers.slice(questions.length + 2 * nth) as [Answer, Answer]));
      return answers.slice(0, questions.length);
    });
  };
  const confirm = (question: Question, checker: Checker): Maybe<Answer> => {
    const isFound = (): void => question.trace?.note('canary', `${checker.name} is found: the absence is certain`);
    if (!store.atomic)
      return checker.check().then(() => {
        isFound();
        return null;
      });
    return andThen(askWithCanaries([question], [checker]), ([answer]) => {
      isFound();
      return answer as Answer;
    });
  };

  return {
    lookup(question) {
      const checker = checkers.get(kindOf(question));
      if (checker === undefined) return store.lookup(question);
      checker.throwIfFailed(question.trace);
      return andThen(store.lookup(question), (answer) => answer ?? confirm(question, checker));
    },
    lookupAtOnce(questions) {
      const asked = checkersFor(questions);
      for (const checker of asked) checker.throwIfFailed(questions[0]?.trace);
      if (store.atomic) return askWithCanaries(questions, asked);
      return andThen(store.lookupAtOnce(questions), async (answers) => {
        const absent = questions.filter((_, at) => answers[at] === null);
        await Promise.all(checkersFor(absent).map((checker) => checker.check()));
        return answers;
      });
    },
    atomic: store.atomic,
    close() {
      for (const checker of checkers.values()) checker.close();
      return store.close();
    },
  };
}

/** Checks the canary of one kind of question. */
interface Checker {
  /** The name of the canary. */
  readonly name: string;
  /** The question that must be found, and the one that must be absent. */
  readonly questions: readonly [Question, Question];
  /** Throws CanaryError if the answers to `questions` are wrong. */
  judge(answers: readonly [found: Answer, missed: Answer]): void;
  /** Asks `questions` after everything that is under way. An absence from before is certain then. */
  check(): Promise<void>;
  throwIfFailed(trace: Trace | undefined): void;
  close(): void;
}

function createChecker(store: Store, { present, absent }: Canary, events: CanaryEvents): Checker {
  let failure: CanaryError | null = null;
  let pending: Promise<void> | null = null;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const questions = [present, absent] as const;
  const judge = ([found, missed]: readonly [Answer, Answer]): void => {
    const before = failure;
    failure =
      found === null
        ? new CanaryError(saying`the canary ${nameOf(present)} is not found`)
        : missed !== null
          ? new CanaryError(saying`${nameOf(absent)} is found, although it does not exist`)
          : null;
    if (before === null && failure !== null) events.failed(failure);
    if (before !== null && failure === null) events.recovered();
    if (failure !== null) throw failure;
  };
  const run = async (): Promise<void> => {
    const answers = await store.lookupAtOnce(questions);
    judge(answers as [Answer, Answer]);
  };
  const begin = async (): Promise<void> => {
    await running?.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve)); // a batch brings several absences at once: one check for all
    pending = null;
    running = run();
    return running;
  };
  /** The next check, which has not begun yet. */
  const check = (): Promise<void> => (pending ??= begin());
  const schedule = (): void => {
    if (closed) return;
    timer = setTimeout(() => void check().then(schedule, schedule), failure === null ? EVERY_MS : AGAIN_MS).unref();
  };

  void check().then(schedule, schedule);
  return {
    name: String(nameOf(present)),
    questions,
    judge,
    check,
    throwIfFailed(trace): void {
      if (failure === null) return;
      trace?.note('canary', `fails: ${failure.message}; the store is not asked until it recovers`);
      throw failure;
    },
    close(): void {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** The kind of questions that share a canary: what they are about, or `key TABLE` for a table. */
export function kindOf(question: Question): string {
  return question.about === 'key' ? `key ${question.table}` : question.about;
}

function nameOf(question: Question): Said {
  if (question.about === 'domain') return ofDomain(question.domain);
  if (question.about === 'key') return saying`${question.key} of ${plain(question.table)}`;
  return saying`${`${question.local}@${question.domain}`}`;
}
