import { messageOf } from '../../message.ts';
import type { Maybe, Question } from '../../vocabulary.ts';
import { ClosedError, EmptyStoreError, QuestionError, type Store, StoreError } from '../store.ts';

export interface BreakerOptions {
  /** So many failures in a row, and the store is asked by probes only. */
  readonly failures: number;
  readonly probeMs: number;
  /** What a probe asks; any answer to it will do. */
  readonly probe: Question;
}

/** What becomes of a store that may be out of reach. */
export interface Availability {
  /** The store answers, or answers again. */
  opened(): void;
  /** Told once for each outage and cause, not once for each lookup. */
  unavailable(cause: unknown): void;
}

/**
 * A store that is not asked while it is known to fail: its questions fail at once, so that none of them waits for a timeout and
 * none piles up behind it, and one probe after the other finds out when it is back. The first probe goes at once. A question
 * that fails by its own fault counts for nothing. While an outage lasts, the newest cause is the one that is told.
 */
export function createBreaker(store: Store, options: BreakerOptions, events: Availability): Store {
  let state: 'unknown' | 'well' | 'broken' = 'unknown';
  let refusal = new StoreError('not asked yet');
  let told = '';
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const well = (): void => {
    failures = 0;
    if (state === 'well' || closed) return;
    state = 'well';
    events.opened();
  };
  const ill = (cause: unknown): void => {
    if (cause instanceof QuestionError || cause instanceof EmptyStoreError) return well();
    failures++;
    if (closed || (state === 'well' && failures < options.failures)) return;
    const reason = messageOf(cause);
    if (state === 'broken' && reason === told) return;
    const begins = state !== 'broken';
    state = 'broken';
    told = reason;
    refusal = new StoreError(`not asked, since it failed: ${reason}`, { cause });
    events.unavailable(cause);
    if (begins) schedule();
  };
  const schedule = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void probe(), options.probeMs).unref();
  };
  const probe = async (): Promise<void> => {
    try {
      await store.lookup(options.probe);
      well();
    } catch (cause) {
      ill(cause);
    }
    if (state === 'broken' && !closed) schedule();
  };
  /** What was asked before an outage and is settled in it says nothing of the store as it is now. */
  const settled = (judge: () => void): void => {
    if (state !== 'broken') judge();
  };
  const guarded = <T>(asking: () => Maybe<T>): Maybe<T> => {
    if (closed) throw new ClosedError();
    if (state === 'broken') throw refusal;
    try {
      const answer = asking();
      if (answer instanceof Promise) {
        answer.then(
          () => settled(well),
          (cause: unknown) => settled(() => ill(cause)),
        );
      }
      return answer;
    } catch (cause) {
      ill(cause);
      throw cause;
    }
  };

  void probe();
  return {
    lookup: (question) => guarded(() => store.lookup(question)),
    lookupAtOnce: (questions) => guarded(() => store.lookupAtOnce(questions)),
    atomic: store.atomic,
    close() {
      closed = true;
      clearTimeout(timer);
      return store.close();
    },
  };
}
