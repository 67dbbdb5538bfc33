import { parseDomain, unicodeOf } from '../../address/domain.ts';
import { andThen } from '../../maybe.ts';
import type { Answer, Maybe, Question } from '../../vocabulary.ts';
import { wordsOf } from '../asked.ts';
import { type Store, UnstorableError } from '../store.ts';

/**
 * A store that others fill. They may write `bücher.example` where smmap asks for `xn--bcher-kva.example`. What is
 * absent under one spelling of the domain is asked under both spellings, as of one moment, with all that is asked with it.
 */
export function createSpellings(store: Store): Store {
  /** Asks for both spellings. `others` has null for a question without another one. */
  const askBoth = async (
    questions: readonly Question[],
    others: readonly (Question | null)[],
    anew?: boolean,
  ): Promise<readonly Answer[]> => {
    const more = others.filter((other) => other !== null);
    const all = await store.lookupAtOnce([...questions, ...more], anew);
    const rest = all.slice(questions.length);
    return others.map((other, at) => {
      const found = other === null ? null : (rest.shift() as Answer);
      return (all[at] as Answer) ?? found;
    });
  };
  /** The same. If the store cannot hold one of the other spellings, that one is absent. */
  const askStorable = async (
    questions: readonly Question[],
    others: readonly (Question | null)[],
    anew?: boolean,
  ): Promise<readonly Answer[]> => {
    try {
      return await askBoth(questions, others, anew);
    } catch (cause) {
      if (!(cause instanceof UnstorableError)) throw cause;
      const storable = await Promise.all(others.map(orUnstorable));
      return await askBoth(questions, storable, anew);
    }
  };
  const orUnstorable = async (question: Question | null): Promise<Question | null> => {
    if (question === null) return null;
    try {
      await store.lookup(question);
      return question;
    } catch (cause) {
      if (cause instanceof UnstorableError) return null;
      throw cause;
    }
  };
  const lookupAtOnce = (questions: readonly Question[], anew?: boolean): Maybe<readonly Answer[]> =>
    andThen(store.lookupAtOnce(questions, anew), (answers) => {
      const others = questions.map(otherSpelling);
      const isComplete = others.every((other, at) => other === null || answers[at] !== null);
      return isComplete ? answers : askStorable(questions, others, anew); // also for what was found: it may change
    });

  return {
    lookup(question) {
      return andThen(store.lookup(question), (answer) => {
        const other = answer === null ? otherSpelling(question) : null;
        if (other === null) return answer;
        question.trace?.note('spelling', `absent by this spelling, so asks for the ${wordsOf(other)} too`);
        return askStorable([question], [other]).then(([found]) => found as Answer);
      });
    },
    lookupAtOnce,
    atomic: store.atomic,
    close: () => store.close(),
  };
}

/** The same question with its domain in Unicode, or (key of a table) in its other spelling; null if there is none. */
export function otherSpelling(question: Question): Question | null {
  if (question.about !== 'key') {
    const domain = unicodeOf(question.domain);
    return domain === null ? null : { ...question, domain };
  }
  const start = question.key.lastIndexOf('@') + 1;
  const written = question.key.slice(start);
  const domain = /[^\0-\x7f]/.test(written) ? parseDomain(written) : unicodeOf(written);
  return domain === null ? null : { ...question, key: question.key.slice(0, start) + domain };
}
