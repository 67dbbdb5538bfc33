import { andThen } from '../../maybe.ts';
import { type Said, ofDomain, plain, saying } from '../../message.ts';
import type { Identity } from '../../record/record.ts';
import type { Trace } from '../../trace.ts';
import type { Answer, Maybe, Question } from '../../vocabulary.ts';
import { type Store, StoreError } from '../store.ts';

/** Two questions of one kind, about one domain if they are about addresses. It is known what a store must answer. */
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

/** How the guard asks a store that asks for its canaries itself beside each absence. */
export interface Proof {
  /** Whether what it finds counts also while a canary fails. */
  readonly foundCounts: boolean;
  /** How often the guard asks for the canaries while none fails. Null: never, nor for what must be absent. */
  readonly everyMs: number | null;
  /** The same while one fails. */
  readonly againMs: number;
}

const EVERY_MS = 10_000; // so the alarm does not wait until the store is asked for something absent
const AGAIN_MS = 1_000; // while it fails
const STRICT: Proof = { foundCounts: false, everyMs: EVERY_MS, againMs: AGAIN_MS };

/** What is found counts also while a canary fails: it is there. */
export const LENIENT: Proof = { ...STRICT, foundCounts: true };

/**
 * A store whose absences count only if it finds its canaries, too. If canaries are in the domain of a question, only
 * they count for it, else all of its kind. Otherwise an emptied table, a wrong search base or a
 * flushed Redis would refuse everybody. An atomic store is asked for both as of one moment, so a table that is emptied
 * and filled again never causes an absence. Any other store is asked for its canary after the absence, and then for the
 * same again: it may have recovered between the two. One check confirms all absences from before it began. While the
 * canary fails, every question of its kind fails.
 *
 * `proves`: the store itself asks for its canaries beside each absence (proof.ts). Then they are only asked for from time
 * to time, and when the store misses one. It says so by a CanaryError, or by an error that has one as its cause.
 */
export function createCanary(
  store: Store,
  canaries: ReadonlyMap<string, readonly Canary[]>,
  events: CanaryEvents,
  proves: boolean | Proof = false,
): Store {
  if (canaries.size === 0) return store;
  const proof = typeof proves === 'object' ? proves : STRICT;
  const flocks = new Map([...canaries].map(([kind, each]) => [kind, createFlock(each, store, events, proof)]));
  const checkersOf = (question: Question): readonly Checker[] => flocks.get(kindOf(question))?.of(question) ?? [];
  const checkersFor = (questions: readonly Question[]): readonly Checker[] => [
    ...new Set(questions.flatMap(checkersOf)),
  ];

  /** Asks for the canaries as well. Without them, no absence is believed. */
  const askWithCanaries = (questions: readonly Question[], asked: readonly Checker[]): Maybe<readonly Answer[]> => {
    const all = store.lookupAtOnce([...questions, ...asked.flatMap((checker) => checker.questions)]);
    return andThen(all, (answers) => {
      let from = questions.length;
      for (const checker of asked) checker.judge(answers.slice(from, (from += checker.questions.length)));
      return answers.slice(0, questions.length);
    });
  };
  /** Asks for the canaries, and then for `absent` once more. */
  const askBehind = async (absent: readonly Question[], asked: readonly Checker[]): Promise<readonly Answer[]> => {
    await Promise.all(asked.map((checker) => checker.check()));
    for (const { trace } of absent) noteFound(trace, asked);
    return await store.lookupAtOnce(absent, true);
  };
  const confirm = (question: Question, asked: readonly Checker[]): Maybe<Answer> => {
    if (proves !== false) {
      noteFound(question.trace, asked);
      return null;
    }
    if (!store.atomic) return askBehind([question], asked).then(([answer]) => answer as Answer);
    return andThen(askWithCanaries([question], asked), ([answer]) => {
      noteFound(question.trace, asked);
      return answer as Answer;
    });
  };

  /** Checks at once if the store itself misses a canary, so that the alarm does not wait. */
  const noticing = <T>(asking: Maybe<T>, asked: readonly Checker[]): Maybe<T> => {
    if (proves !== false && asking instanceof Promise) {
      asking.catch((cause: unknown) => {
        if (canaryErrorIn(cause) !== null) for (const checker of asked) checker.check().catch(() => {});
      });
    }
    return asking;
  };

  return {
    lookup(question) {
      const asked = checkersOf(question);
      if (asked.length === 0) return store.lookup(question);
      if (!proof.foundCounts) for (const checker of asked) checker.throwIfFailed(question.trace);
      return andThen(noticing(store.lookup(question), asked), (answer) => answer ?? confirm(question, asked));
    },
    lookupAtOnce(questions) {
      const asked = checkersFor(questions);
      if (!proof.foundCounts) for (const checker of asked) checker.throwIfFailed(questions[0]?.trace);
      if (store.atomic) return askWithCanaries(questions, asked);
      const asking = noticing(store.lookupAtOnce(questions), asked);
      if (proves !== false) return asking;
      return andThen(asking, async (answers) => {
        const absent = questions.filter((question, at) => answers[at] === null && checkersOf(question).length > 0);
        if (absent.length === 0) return answers;
        const again = [...(await askBehind(absent, checkersFor(absent)))];
        return questions.map((question, at) => (absent.includes(question) ? again.shift() : answers[at]) as Answer);
      });
    },
    atomic: store.atomic,
    close() {
      for (const flock of flocks.values()) flock.close();
      return store.close();
    },
  };
}

function noteFound(trace: Trace | undefined, asked: readonly Checker[]): void {
  for (const { name } of asked) trace?.note('canary', `${name} is found: the absence is certain`);
}

/**
 * For a driver that asks for canaries itself: what must be found for the absence of something to count. It is the same
 * as for the guard, but nothing for the questions of the guard, which judges them.
 */
export function canariesOf(
  canaries: ReadonlyMap<string, readonly Canary[]>,
): (question: Question) => readonly Question[] {
  const own = new Set([...canaries.values()].flat().flatMap(({ present, absent }) => [present, absent]));
  return (question) => {
    if (own.has(question)) return [];
    const all = (canaries.get(kindOf(question)) ?? []).map(({ present }) => present);
    const near = all.filter((present) => domainOf(present) === domainOf(question));
    return near.length > 0 ? near : all;
  };
}

/** The canaries of one kind of question. */
interface Flock {
  /** Those that an absence needs. */
  of(question: Question): readonly Checker[];
  close(): void;
}

function createFlock(canaries: readonly Canary[], store: Store, events: CanaryEvents, proof: Proof): Flock {
  const domains = new Set(canaries.map(({ present }) => domainOf(present)));
  const byDomain = new Map(
    [...domains].map((domain) => {
      const own = canaries.filter(({ present }) => domainOf(present) === domain);
      return [domain, [createChecker(store, own, events, proof)]];
    }),
  );
  const all = [...byDomain.values()].flat();
  return {
    of: (question) => byDomain.get(domainOf(question)) ?? all,
    close() {
      for (const checker of all) checker.close();
    },
  };
}

/** The domain of an address. Null for a question about something else, whose canaries all count. */
function domainOf(question: Question): string | null {
  return question.about === 'mailbox' || question.about === 'alias' ? question.domain : null;
}

/** Checks canaries of one kind of question that belong together. */
interface Checker {
  /** The names of the canaries. */
  readonly name: string;
  /** The questions that must be found, and last the one that must be absent. */
  readonly questions: readonly Question[];
  /** Throws CanaryError if the answers to `questions` are wrong. */
  judge(answers: readonly Answer[]): void;
  /** Asks `questions` after everything that is under way. An absence from before is certain then. */
  check(): Promise<void>;
  throwIfFailed(trace: Trace | undefined): void;
  close(): void;
}

function createChecker(store: Store, canaries: readonly Canary[], events: CanaryEvents, proof: Proof): Checker {
  const { everyMs, againMs } = proof;
  let failure: CanaryError | null = null;
  let pending: Promise<void> | null = null;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const { absent } = canaries[0] as Canary; // all of them have the same
  const presents = canaries.map(({ present }) => present);
  const questions = everyMs === null ? presents : [...presents, absent];
  const flawOf = (answers: readonly Answer[]): CanaryError | null => {
    const missing = canaries.find((_, at) => answers[at] === null);
    if (missing !== undefined) return new CanaryError(saying`the canary ${nameOf(missing.present)} is not found`);
    if (everyMs === null || answers.at(-1) === null) return null;
    return new CanaryError(saying`${nameOf(absent)} is found, although it does not exist`);
  };
  const settle = (flaw: CanaryError | null): void => {
    const before = failure;
    failure = flaw;
    if (before === null && failure !== null) {
      events.failed(failure);
      schedule(); // sooner than it was
    }
    if (before !== null && failure === null) events.recovered();
    if (failure !== null) throw failure;
  };
  const judge = (answers: readonly Answer[]): void => settle(flawOf(answers));
  const run = async (): Promise<void> => {
    try {
      judge(await store.lookupAtOnce(questions));
    } catch (cause) {
      const missed = canaryErrorIn(cause);
      if (missed !== null && missed !== failure) settle(missed); // a store that asks for its canaries itself
      throw cause;
    }
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
    clearTimeout(timer);
    const waitMs = failure === null ? everyMs : againMs;
    if (closed || waitMs === null) return;
    timer = setTimeout(() => void check().then(schedule, schedule), waitMs).unref();
  };

  if (everyMs !== null) void check().then(schedule, schedule);
  return {
    name: canaries.map(({ present }) => String(nameOf(present))).join(', '),
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

function canaryErrorIn(cause: unknown): CanaryError | null {
  for (let each = cause; each instanceof Error; each = each.cause) if (each instanceof CanaryError) return each;
  return null;
}

/** The kind of questions that share a canary, and of records: what they are about, or `key TABLE` for a table. */
export function kindOf(identity: Identity): string {
  return identity.about === 'key' ? `key ${identity.table}` : identity.about;
}

/** The name of a canary, for a message. */
export function nameOf(question: Question): Said {
  if (question.about === 'domain') return ofDomain(question.domain);
  if (question.about === 'key') return saying`${question.key} of ${plain(question.table)}`;
  return saying`${`${question.local}@${question.domain}`}`;
}
