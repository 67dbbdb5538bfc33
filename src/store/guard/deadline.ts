import type { Maybe } from '../../vocabulary.ts';
import type { Store } from '../store.ts';
import { within } from '../within.ts';

/** A store that fails if it takes longer than `timeoutMs` for an answer. A later answer is ignored. */
export function createDeadline(store: Store, timeoutMs: number): Store {
  const limit = <T>(answer: Maybe<T>): Maybe<T> =>
    answer instanceof Promise ? within(answer, timeoutMs, 'answer') : answer;
  return {
    lookup: (question) => limit(store.lookup(question)),
    lookupAtOnce: (questions) => limit(store.lookupAtOnce(questions)),
    atomic: store.atomic,
    close: () => store.close(),
  };
}
