import { andThen } from '../../maybe.ts';
import type { Answer, Maybe, Question } from '../../vocabulary.ts';
import { type Store, StoreError } from '../store.ts';

/** What is known of a store from elsewhere, for a kind of question. */
export interface Canary {
  /** What the store has to find. */
  readonly present: Question;
  /** What it has to miss. */
  readonly absent: Question;
}

export interface CanaryEvents {
  /** It finds what it should and misses what it should, again. */
  recovered(): void;
  /** Told once, when it is noticed. */
  failed(cause: unknown): void;
}

/** What a store says of what is known about it is wrong, so nothing that it says can be trusted. */
export class CanaryError extends StoreError {
  override name = 'CanaryError';
}

const EVERY_MS = 10_000; // for who asks nothing absent, and so that the alarm does not wait for the first refusal
const AGAIN_MS = 1_000; // while it fails

/**
 * A store whose absences count only where it finds a canary with them: a table that was emptied, a wrong search base, a Redis that
 * was flushed would otherwise refuse everybody. An atomic store is asked for both as of one moment, so that a table which is
 * emptied and filled again is no absence; any other one is asked for its canary after the absence, and one check serves all
 * the absences that were there before it began. While the canary fails, every question of its kind fails.
 */
export function createCanary(store: Store, canaries: ReadonlyMap<string, Canary>, events: CanaryEvents): Store {
  if (canaries.size === 0) return store;
  const guards = new Map([...canaries].map(([kind, canary]) => [kind, createGuard(store, canary, events)]));
  const guardsOf = (questions: readonly Question[]): readonly Guard[] => {
    const kinds = new Set(questions.map(kindOf));
    return [...guards].filter(([kind]) => kinds.has(kind)).map(([, guard]) => guard);
  };

  /** Asks for the canaries as well, and believes no absence without them. */
  const askWithCanaries = (questions: readonly Question[], asked: readonly Guard[]): Maybe<readonly Answer[]> => {
    const all = store.lookupAtOnce([...questions, ...asked.flatMap((guard) => guard.questions)]);
    return andThen(all, (answers) => {
      asked.forEach((guard, nth) => guard.judge(answers.slice(questions.length + 2 * nth) as [Answer, Answer]));
      return answers.slice(0, questions.length);
    });
  };
  const confirm = (question: Question, guard: Guard): Maybe<Answer> => {
    if (!store.atomic) return guard.check().then(() => null);
    return andThen(askWithCanaries([question], [guard]), ([answer]) => answer as Answer);
  };

  return {
    lookup(question) {
      const guard = guards.get(kindOf(question));
      if (guard === undefined) return store.lookup(question);
      guard.throwIfFailed();
      return andThen(store.lookup(question), (answer) => answer ?? confirm(question, guard));
    },
    lookupAtOnce(questions) {
      const asked = guardsOf(questions);
      for (const guard of asked) guard.throwIfFailed();
      if (store.atomic) return askWithCanaries(questions, asked);
      return andThen(store.lookupAtOnce(questions), async (answers) => {
        const absent = questions.filter((_, at) => answers[at] === null);
        await Promise.all(guardsOf(absent).map((guard) => guard.check()));
        return answers;
      });
    },
    atomic: store.atomic,
    close() {
      for (const guard of guards.values()) guard.close();
      return store.close();
    },
  };
}

/** The canary of one kind of question. */
interface Guard {
  /** What has to be found, and what has to be missed. */
  readonly questions: readonly [Question, Question];
  /** Throws CanaryError where the answers to `questions` are not what they have to be. */
  judge(answers: readonly [found: Answer, missed: Answer]): void;
  /** Asks them, after all that is under way: what was absent before is certain then. */
  check(): Promise<void>;
  throwIfFailed(): void;
  close(): void;
}

function createGuard(store: Store, { present, absent }: Canary, events: CanaryEvents): Guard {
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
        ? new CanaryError(`the canary ${nameOf(present)} is not found`)
        : missed !== null
          ? new CanaryError(`${nameOf(absent)} is found, which nobody has`)
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
    await new Promise((resolve) => setImmediate(resolve)); // a batch brings several absences at once
    pending = null;
    running = run();
    return running;
  };
  /** A check that has not begun yet. */
  const check = (): Promise<void> => (pending ??= begin());
  const schedule = (): void => {
    if (closed) return;
    timer = setTimeout(() => void check().then(schedule, schedule), failure === null ? EVERY_MS : AGAIN_MS).unref();
  };

  void check().then(schedule, schedule);
  return {
    questions,
    judge,
    check,
    throwIfFailed(): void {
      if (failure !== null) throw failure;
    },
    close(): void {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** What a canary is for: a kind of question, and of tables each by itself. */
export function kindOf(question: Question): string {
  return question.about === 'key' ? `key ${question.table}` : question.about;
}

function nameOf(question: Question): string {
  if (question.about === 'domain') return question.domain;
  if (question.about === 'key') return `${question.key} of ${question.table}`;
  return `${question.local}@${question.domain}`;
}
