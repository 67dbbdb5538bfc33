import { andThen } from '../maybe.ts';
import type { About, Answer, Maybe, Question } from '../vocabulary.ts';
import { lookupInTurn } from './failover.ts';
import { type Store, StoreError } from './store.ts';

/** One store for each kind of question, such as mailboxes from a database and aliases from a file. */
export function createDispatch(stores: ReadonlyMap<About, Store>): Store {
  const lookup = (question: Question): Maybe<Answer> => {
    const store = stores.get(question.about);
    if (store === undefined) throw new StoreError(`no store to ask about a ${question.about}`);
    return store.lookup(question);
  };
  return {
    lookup,
    lookupAtOnce: (questions) => lookupInTurn(questions, lookup),
    atomic: false,
    close: () =>
      [...new Set(stores.values())].reduce<Maybe<void>>(
        (closing, store) => andThen(closing, () => store.close()),
        undefined,
      ),
  };
}
