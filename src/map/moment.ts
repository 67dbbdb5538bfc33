import { andThen } from '../maybe.ts';
import { saying } from '../message.ts';
import type { Store } from '../store/store.ts';
import { type Trace, ending } from '../trace.ts';
import { type Answer, type Maybe, NOBODY, type Question, type Reply, isSameAnswer } from '../vocabulary.ts';
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
    const told: Told[] = [];
    const recorder: Lookup = {
      trace,
      lookup(question) {
        const answer = store.lookup(trace === undefined ? question : { ...question, trace });
        if (answer instanceof Promise) return toldLater(told, question, answer);
        told.push({ question, answer });
        return answer;
      },
    };
    const reply = resolve(key, recorder);
    if (reply instanceof Promise) return reply.then((said) => certain(key, said, told, triesLeft, trace));
    return certain(key, reply, told, triesLeft, trace);
  };
  /** The reply, if it is one that needs no second look, or if that shows the same. */
  const certain = (
    key: string | null,
    reply: Reply,
    told: readonly Told[],
    triesLeft: number,
    trace: Trace | undefined,
  ): Maybe<Reply> => {
    if (!mayRefuse(reply) && !told.some(isCaught)) return reply;
    const [first] = told;
    if (first === undefined) return reply; // for example, the key cannot be an address
    if (told.length === 1 && store.hasOneStoreFor(first.question)) {
      trace?.note('moment', 'one question to one store: certain without a second look');
      return reply;
    }
    const isAsBefore = (again: readonly Answer[]): boolean =>
      told.every(({ answer }, at) => isSameAnswer(answer, again[at] as Answer));
    const questions = told.map(({ question }) => question);
    return andThen(askAgain(store, questions, isAsBefore, trace), (again) =>
      isAsBefore(again) ? reply : attempt(key, triesLeft - 1, trace),
    );
  };
  return (key, trace) => attempt(key, TRIES, trace);
}

/** A question of a request, and what the store said. */
interface Told {
  readonly question: Question;
  readonly answer: Answer;
}

async function toldLater(told: Told[], question: Question, answer: Promise<Answer>): Promise<Answer> {
  const settled = await answer;
  told.push({ question, answer: settled });
  return settled;
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

/** Whether a reply may refuse mail for good. So may TEMP: a listener for policy has a text for a full mailbox. */
function mayRefuse(reply: Reply): boolean {
  return reply.kind === 'NOTFOUND' || reply.kind === 'PERM' || 'why' in reply;
}

/** Whether a catch-all was found. It takes the mail of absent addresses. */
function isCaught({ question, answer }: Told): boolean {
  return question.about === 'alias' && question.local === NOBODY && answer !== null;
}
