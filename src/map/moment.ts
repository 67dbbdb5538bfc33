import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Answer, type Maybe, NOBODY, type Question, type Reply } from '../vocabulary.ts';
import { type Handler, UncertainError } from './map.ts';

/** What a kind of map may do with its stores during one request. */
export type Lookup = Pick<Store, 'lookup'>;

/** Replies to one key of a map. Asks `store`. May throw or reject: that becomes TEMP. */
export type Resolver = (key: string | null, store: Lookup) => Maybe<Reply>;

/** The stores of a map. */
export interface Stores extends Store {
  /** Whether one store alone answers this question. Then the answer is of one moment. */
  hasOneStoreFor(question: Question): boolean;
}

const TRIES = 3;

/**
 * Makes a handler that refuses only if all its answers were true at the same moment. Several answers may be of
 * different moments: fred changes from an alias to a mailbox, the map asks for his mailbox before the change and for
 * his alias after it, and finds neither. So before the handler refuses, or gives fred's mail to a catch-all, it asks
 * the same questions again, all at once. If an answer differs, it starts again. After three times it throws
 * UncertainError.
 */
export function atOneMoment(resolve: Resolver, store: Stores): Handler {
  const attempt = (key: string | null, triesLeft: number): Maybe<Reply> => {
    if (triesLeft === 0) throw new UncertainError(`the store changed ${TRIES} times while it was asked`);
    const questions: Question[] = [];
    const answers: Answer[] = [];
    const recorder: Lookup = {
      lookup(question) {
        return andThen(store.lookup(question), (answer) => {
          questions.push(question);
          answers.push(answer);
          return answer;
        });
      },
    };
    return andThen(resolve(key, recorder), (reply) => {
      if (reply.kind !== 'NOTFOUND' && reply.kind !== 'PERM' && !isCaught(questions, answers)) return reply;
      if (questions.length === 0) return reply; // for example, the key cannot be an address
      if (questions.length === 1 && store.hasOneStoreFor(questions[0] as Question)) return reply;
      return andThen(store.lookupAtOnce(questions), (again) =>
        answers.every((answer, at) => isSame(answer, again[at] as Answer)) ? reply : attempt(key, triesLeft - 1),
      );
    });
  };
  return (key) => attempt(key, TRIES);
}

/** Whether a catch-all was found. It takes the mail of absent addresses. */
function isCaught(questions: readonly Question[], answers: readonly Answer[]): boolean {
  return questions.some((asked, at) => asked.about === 'alias' && asked.local === NOBODY && answers[at] !== null);
}

function isSame(before: Answer, now: Answer): boolean {
  if (before === null || now === null) return before === now;
  return before.value === now.value && before.state === now.state;
}
