import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Answer, type Maybe, NOBODY, type Question, type Reply } from '../vocabulary.ts';
import { type Handler, UncertainError } from './map.ts';

/** What a kind of map may do with its stores while it answers one request. */
export type Lookup = Pick<Store, 'lookup'>;

/** Answers one key of a map by what it looks up. May throw or reject: that is TEMP. */
export type Resolver = (key: string | null, store: Lookup) => Maybe<Reply>;

/** The stores of a map. */
export interface Stores extends Store {
  /** Whether one answer to such a question is of one moment, since one store gives it. */
  hasOneStoreFor(question: Question): boolean;
}

const TRIES = 3;

/**
 * A handler that refuses only by what was true at one moment. NOTFOUND from several answers may be put together from different moments:
 * fred is an alias while his mailbox is asked for, and a mailbox while his alias is. So before it refuses, or lets a catch-all have
 * fred's mail, it asks the same questions again, all at once. Where an answer differs, it starts again, and after three times it is
 * not certain.
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
      if (questions.length === 0) return reply; // such as what cannot be an address
      if (questions.length === 1 && store.hasOneStoreFor(questions[0] as Question)) return reply;
      return andThen(store.lookupAtOnce(questions), (again) =>
        answers.every((answer, at) => isSame(answer, again[at] as Answer)) ? reply : attempt(key, triesLeft - 1),
      );
    });
  };
  return (key) => attempt(key, TRIES);
}

/** Whether a catch-all was found, which takes mail of those who are absent. */
function isCaught(questions: readonly Question[], answers: readonly Answer[]): boolean {
  return questions.some((asked, at) => asked.about === 'alias' && asked.local === NOBODY && answers[at] !== null);
}

function isSame(before: Answer, now: Answer): boolean {
  if (before === null || now === null) return before === now;
  return before.value === now.value && before.state === now.state;
}
