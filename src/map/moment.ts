import { andThen } from '../maybe.ts';
import { saying } from '../message.ts';
import type { Store } from '../store/store.ts';
import { type Trace, ending } from '../trace.ts';
import { type Answer, type Maybe, NOBODY, type Question, type Reply } from '../vocabulary.ts';
import { type Handler, UncertainError } from './map.ts';

/** What a kind of map may do with its stores during one request. If somebody explains the request, it has a trace. */
export interface Lookup extends Pick<Store, 'lookup'> {
  readonly trace?: Trace | undefined;
}

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
  const attempt = (key: string | null, triesLeft: number, trace: Trace | undefined): Maybe<Reply> => {
    if (triesLeft === 0) throw new UncertainError(saying`the store changed ${TRIES} times while it was asked`);
    const questions: Question[] = [];
    const answers: Answer[] = [];
    const recorder: Lookup = {
      trace,
      lookup(question) {
        return andThen(store.lookup(trace === undefined ? question : { ...question, trace }), (answer) => {
          questions.push(question);
          answers.push(answer);
          return answer;
        });
      },
    };
    return andThen(resolve(key, recorder), (reply) => {
      if (reply.kind !== 'NOTFOUND' && reply.kind !== 'PERM' && !isCaught(questions, answers)) return reply;
      if (questions.length === 0) return reply; // for example, the key cannot be an address
      if (questions.length === 1 && store.hasOneStoreFor(questions[0] as Question)) {
        trace?.note('moment', 'one question to one store: certain without a second look');
        return reply;
      }
      const isAsBefore = (again: readonly Answer[]): boolean =>
        answers.every((answer, at) => isSame(answer, again[at] as Answer));
      return andThen(askAgain(store, questions, isAsBefore, trace), (again) =>
        isAsBefore(again) ? reply : attempt(key, triesLeft - 1, trace),
      );
    });
  };
  return (key, trace) => attempt(key, TRIES, trace);
}

/** Asks all questions of a request once more, as of one moment. */
function askAgain(
  store: Stores,
  questions: readonly Question[],
  isAsBefore: (again: readonly Answer[]) => boolean,
  trace: Trace | undefined,
): Maybe<readonly Answer[]> {
  if (trace === undefined) return store.lookupAtOnce(questions);
  const step = trace.begin('moment', `asks the same ${questions.length} questions again, as of one moment`);
  return ending(
    step,
    () => store.lookupAtOnce(questions.map((question) => ({ ...question, trace: step }))),
    (again) => (isAsBefore(again) ? 'the same answers: certain' : 'another answer: starts again'),
  );
}

/** Whether a catch-all was found. It takes the mail of absent addresses. */
function isCaught(questions: readonly Question[], answers: readonly Answer[]): boolean {
  return questions.some((asked, at) => asked.about === 'alias' && asked.local === NOBODY && answers[at] !== null);
}

function isSame(before: Answer, now: Answer): boolean {
  if (before === null || now === null) return before === now;
  return before.value === now.value && before.state === now.state;
}
