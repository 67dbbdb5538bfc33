import { andThen } from '../../maybe.ts';
import type { Answer, Question } from '../../vocabulary.ts';
import type { Store } from '../store.ts';

/** A store that is not asked for what it cannot hold, whatever its servers say and while they say nothing. */
export function createImpossible(store: Store, cannotHold: (question: Question) => boolean): Store {
  return {
    lookup(question) {
      if (!cannotHold(question)) return store.lookup(question);
      question.trace?.note('server', 'is not asked: the store cannot hold such a name, so it is absent');
      return null;
    },
    lookupAtOnce(questions, anew) {
      const possible = questions.filter((question) => !cannotHold(question));
      return andThen(store.lookupAtOnce(possible, anew), (answers) => {
        const answerOf = new Map(possible.map((question, at) => [question, answers[at] as Answer]));
        return questions.map((question) => answerOf.get(question) ?? null);
      });
    },
    atomic: store.atomic,
    close: () => store.close(),
  };
}
