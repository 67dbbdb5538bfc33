import type { Answer, Maybe, Question } from '../vocabulary.ts';
import { type Store, StoreError } from './store.ts';

/** What is known of a store from elsewhere, for a kind of question. */
export interface Canary {
  /** What the store has to find. */
  readonly present: Question;
  /** What it has to miss. */
  readonly absent: Question;
}

export interface CanaryEvents {
  /** It finds what it should and misses what it should, again. */
  sang(): void;
  /** Told once, when it is noticed. */
  fellSilent(cause: unknown): void;
}

/** What a store says of what is known about it is wrong, so nothing that it says can be trusted. */
export class CanaryError extends StoreError {
  override name = 'CanaryError';
}

const EVERY_MS = 10_000; // for who asks nothing absent, and so that the alarm does not wait for the first refusal
const AGAIN_MS = 1_000; // while it fails

/**
 * A store whose absences count only where it finds a canary after them: a table that was emptied, a wrong search base, a Redis that
 * was flushed would otherwise refuse everybody. While the canary is silent, every question of its kind fails. One check
 * serves all the absences that were there before it began.
 */
export function createCanary(store: Store, canaries: ReadonlyMap<string, Canary>, events: CanaryEvents): Store {
  const guards = new Map([...canaries].map(([kind, canary]) => [kind, createGuard(store, canary, events)]));
  return {
    lookup(question) {
      const guard = guards.get(kindOf(question));
      return guard === undefined ? store.lookup(question) : guard.lookup(question);
    },
    close() {
      for (const guard of guards.values()) guard.close();
      return store.close();
    },
  };
}

function createGuard(store: Store, { present, absent }: Canary, events: CanaryEvents) {
  let silent: CanaryError | null = null;
  let pending: Promise<void> | null = null;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const judge = (found: Answer, missed: Answer): void => {
    const before = silent;
    silent =
      found === null
        ? new CanaryError(`the canary ${nameOf(present)} is not found`)
        : missed !== null
          ? new CanaryError(`${nameOf(absent)} is found, which nobody has`)
          : null;
    if (before === null && silent !== null) events.fellSilent(silent);
    if (before !== null && silent === null) events.sang();
    if (silent !== null) throw silent;
  };
  const run = async (): Promise<void> => {
    const [found, missed] = await Promise.all([store.lookup(present), store.lookup(absent)]);
    judge(found, missed);
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
    timer = setTimeout(() => void check().then(schedule, schedule), silent === null ? EVERY_MS : AGAIN_MS).unref();
  };
  const confirm = (answer: Answer): Maybe<Answer> => answer ?? check().then(() => null);

  void check().then(schedule, schedule);
  return {
    lookup(question: Question): Maybe<Answer> {
      if (silent !== null) throw silent;
      const answer = store.lookup(question);
      return answer instanceof Promise ? answer.then(confirm) : confirm(answer);
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
