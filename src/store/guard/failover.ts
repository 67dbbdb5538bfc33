import { andThen } from '../../maybe.ts';
import { type Trace, ending } from '../../trace.ts';
import type { About, Answer, Maybe, Question } from '../../vocabulary.ts';
import { wordsOf, wordsOfAnswer } from '../asked.ts';
import { type Store, StoreError } from '../store.ts';

/** A store of a map, and what it can be asked about. */
export interface Member {
  /** For `smmap explain`. */
  readonly name?: string;
  readonly store: Store;
  readonly answers: ReadonlySet<About>;
}

/** The stores of a map, as one store. */
export interface Failover extends Store {
  /** Whether only one store can answer such a question. Then the answer is true at one moment. */
  hasOneStoreFor(question: Question): boolean;
  /** Whether at least one store can be asked about this. */
  canAnswer(about: About): boolean;
}

/**
 * Asks stores in order, each for what it can answer. The first entry that is found is the answer. It is null only if
 * every store was certain. A null of a later store never hides a failure: the failure is thrown, unless a later store
 * finds the entry. lookupAtOnce, the look before a refusal, throws it also then: what a later store has may be a mailbox
 * that is disabled there, and active in the store that failed. Two stores share no moment, so lookupAtOnce asks several stores past their caches. Otherwise an
 * entry that moved from one to the other a second ago could be absent from both: from the old answer of the one and the
 * new answer of the other.
 */
export function createFailover(stores: readonly Member[]): Failover {
  const members = stores.filter(({ answers }) => answers.size > 0);
  const byKind = new Map<About, Member[]>();
  for (const member of members) {
    for (const about of member.answers) byKind.set(about, [...(byKind.get(about) ?? []), member]);
  }
  const membersFor = ({ about }: Question): readonly Member[] => {
    const able = byKind.get(about);
    if (able === undefined) throw new StoreError(`no store to ask about a ${about}`);
    return able;
  };

  const ask = (question: Question, able: readonly Member[], at: number, failure: Failure | null): Maybe<Answer> => {
    const member = able[at];
    if (member === undefined) {
      if (failure !== null) throw failure.cause;
      return null;
    }
    let answer: Maybe<Answer>;
    try {
      answer =
        question.trace === undefined ? member.store.lookup(question) : explained(member, question, question.trace);
    } catch (cause) {
      return ask(question, able, at + 1, failure ?? { cause });
    }
    if (answer instanceof Promise) return askLater(answer, question, able, at, failure);
    return answer ?? ask(question, able, at + 1, failure);
  };
  const askLater = (
    answer: Promise<Answer>,
    question: Question,
    able: readonly Member[],
    at: number,
    failure: Failure | null,
  ): Promise<Answer> =>
    answer.then(
      (found) => found ?? ask(question, able, at + 1, failure),
      (cause: unknown) => ask(question, able, at + 1, failure ?? { cause }),
    );

  /** Asks a store for what no store before it has found. `answers` and `failures` have the order of the questions. */
  const askAtOnce = (
    questions: readonly Question[],
    member: number,
    answers: Answer[],
    failures: (Failure | undefined)[],
  ): Maybe<readonly Answer[]> => {
    const asked = members[member];
    if (asked === undefined) {
      const at = questions.findIndex((_, index) => failures[index] !== undefined);
      if (at !== -1) throw (failures[at] as Failure).cause;
      return answers;
    }
    const open = Array.from(questions.keys()).filter(
      (at) => answers[at] === null && asked.answers.has((questions[at] as Question).about),
    );
    const next = (): Maybe<readonly Answer[]> => askAtOnce(questions, member + 1, answers, failures);
    if (open.length === 0) return next();
    const found = (settled: readonly Answer[]): Maybe<readonly Answer[]> => {
      open.forEach((at, index) => (answers[at] = settled[index] as Answer));
      return next();
    };
    const failed = (cause: unknown): Maybe<readonly Answer[]> => {
      for (const at of open) failures[at] ??= { cause };
      return next();
    };
    let settled: Maybe<readonly Answer[]>;
    try {
      settled = askMember(
        asked,
        open.map((at) => questions[at] as Question),
        true,
      );
    } catch (cause) {
      return failed(cause);
    }
    return settled instanceof Promise ? settled.then(found, failed) : found(settled);
  };

  return {
    lookup: (question) => ask(question, membersFor(question), 0, null),
    lookupAtOnce(questions) {
      questions.forEach(membersFor); // throws if no store can answer
      if (members.length === 1) return askMember(members[0] as Member, questions);
      return askAtOnce(
        questions,
        0,
        questions.map(() => null),
        [],
      );
    },
    atomic: members.length === 1 && (members[0] as Member).store.atomic,
    canAnswer: (about) => byKind.has(about),
    hasOneStoreFor: (question) => membersFor(question).length === 1,
    close: () => stores.reduce<Maybe<void>>((closing, { store }) => andThen(closing, () => store.close()), undefined),
  };
}

/** Asks a store for one entry, and says so. */
function explained({ name = '', store }: Member, question: Question, trace: Trace): Maybe<Answer> {
  const step = trace.begin('store', `${name}: ${wordsOf(question)}`);
  return ending(step, () => store.lookup({ ...question, trace: step }), wordsOfAnswer);
}

function askMember(
  { name = '', store }: Member,
  questions: readonly Question[],
  anew?: boolean,
): Maybe<readonly Answer[]> {
  const trace = questions[0]?.trace;
  if (trace === undefined) return store.lookupAtOnce(questions, anew);
  const step = trace.begin('store', `${name}: ${questions.map(wordsOf).join(', ')}`);
  return ending(
    step,
    () =>
      store.lookupAtOnce(
        questions.map((question) => ({ ...question, trace: step })),
        anew,
      ),
    (answers) => answers.map(wordsOfAnswer).join(', '),
  );
}

interface Failure {
  readonly cause: unknown;
}
