import { messageOf, saying, saidOf } from '../../message.ts';
import type { Trace } from '../../trace.ts';
import type { Maybe, Question } from '../../vocabulary.ts';
import { ClosedError, EmptyStoreError, QuestionError, type Store, StoreError } from '../store.ts';

export interface BreakerOptions {
  /** After so many failures in a row, only probes ask the store. */
  readonly failures: number;
  /** The time between two probes. */
  readonly probeMs: number;
  /** What a probe asks. Any answer will do. */
  readonly probe: Question;
}

/** Is told whether a store is available. */
export interface Availability {
  /** The store answers for the first time, or again. */
  opened(): void;
  /** Called once for each outage and cause, not once for each lookup. */
  unavailable(cause: unknown): void;
}

/**
 * A store that is not asked while it is unavailable. Its questions fail at once, so none waits for a timeout and none
 * piles up. One probe after the other finds out when the store is available again; the first probe goes at once. A
 * question that fails by its own fault does not count as a failure. During an outage, the newest cause is reported.
 */
export function createBreaker(store: Store, options: BreakerOptions, events: Availability): Store {
  let state: 'unknown' | 'available' | 'unavailable' = 'unknown';
  let refusal = new StoreError('not asked yet');
  let reported = '';
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let probing = false;

  const succeeded = (): void => {
    failures = 0;
    if (state === 'available' || closed) return;
    state = 'available';
    events.opened();
  };
  const failed = (cause: unknown): void => {
    if (cause instanceof QuestionError || cause instanceof EmptyStoreError) return succeeded();
    failures++;
    if (closed || (state === 'available' && failures < options.failures)) return;
    const reason = messageOf(cause);
    if (state === 'unavailable' && reason === reported) return;
    const begins = state !== 'unavailable';
    state = 'unavailable';
    reported = reason;
    refusal = new StoreError(saying`not asked, because it failed: ${saidOf(cause)}`, { cause });
    events.unavailable(cause);
    if (begins && !probing) void probe(); // at once: it may have stumbled over questions of strangers
  };
  const schedule = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void probe(), options.probeMs).unref();
  };
  const probe = async (): Promise<void> => {
    probing = true;
    try {
      await store.lookup(options.probe);
      succeeded();
    } catch (cause) {
      failed(cause);
    }
    probing = false;
    if (state === 'unavailable' && !closed) schedule();
  };
  /** What was asked before an outage and settles during it says nothing about the store now. */
  const answered = (): void => {
    if (state !== 'unavailable') succeeded();
  };
  const rejected = (cause: unknown): void => {
    if (state !== 'unavailable') failed(cause);
  };
  const guarded = <T>(asking: () => Maybe<T>, trace: Trace | undefined): Maybe<T> => {
    if (closed) throw new ClosedError();
    if (state === 'unavailable') {
      trace?.note('breaker', `open: the server is not asked, and is probed every ${options.probeMs} ms`);
      throw refusal;
    }
    try {
      const answer = asking();
      if (answer instanceof Promise) answer.then(answered, rejected);
      return answer;
    } catch (cause) {
      failed(cause);
      throw cause;
    }
  };

  void probe();
  return {
    lookup: (question) => guarded(() => store.lookup(question), question.trace),
    lookupAtOnce: (questions) => guarded(() => store.lookupAtOnce(questions), questions[0]?.trace),
    atomic: store.atomic,
    close() {
      closed = true;
      clearTimeout(timer);
      return store.close();
    },
  };
}
