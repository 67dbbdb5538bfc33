import { andThen } from '../../maybe.ts';
import { joined, messageOf, saidOf } from '../../message.ts';
import type { Trace } from '../../trace.ts';
import type { Maybe } from '../../vocabulary.ts';
import { type Store, StoreError } from '../store.ts';

/**
 * Several servers with the same data, asked in order. The first that is certain, of an entry or of its absence, gives
 * the answer. A server that lags behind the others is not certain of an absence: it fails, and the next one is asked.
 */
export function createReplicas(stores: readonly Store[], names: readonly string[] = []): Store {
  const [only, ...others] = stores;
  if (only !== undefined && others.length === 0) return only;

  const ask = <T>(
    asking: (store: Store) => Maybe<T>,
    trace: Trace | undefined,
    at = 0,
    failures: readonly unknown[] = [],
  ): Maybe<T> => {
    const store = stores[at];
    if (store === undefined) throw new StoreError(joined(failures.map(saidOf), '; '), { cause: failures[0] });
    const failed = (cause: unknown): Maybe<T> => {
      trace?.note('server', `${names[at] ?? at + 1} is not certain: ${messageOf(cause)}`);
      return ask(asking, trace, at + 1, [...failures, cause]);
    };
    trace?.note('server', `asks ${names[at] ?? at + 1}`);
    try {
      const answer = asking(store);
      return answer instanceof Promise ? answer.catch(failed) : answer;
    } catch (cause) {
      return failed(cause);
    }
  };
  return {
    lookup: (question) => ask((store) => store.lookup(question), question.trace),
    lookupAtOnce: (questions) => ask((store) => store.lookupAtOnce(questions), questions[0]?.trace),
    atomic: stores.every(({ atomic }) => atomic),
    close: () => stores.reduce<Maybe<void>>((closing, store) => andThen(closing, () => store.close()), undefined),
  };
}
