import { type Answer, isSameAnswer } from '../../vocabulary.ts';

/** The moments of answers to questions that were asked at once. */
export interface Together {
  /** Call this with the answers, before `momentOf`. Returns them. */
  told(answers: readonly Answer[]): readonly Answer[];
  /** The number of the moment of one of them. */
  momentOf(at: number): number;
}

/**
 * Numbers moments. Answers that are asked at once are as of one moment if the store is `atomic`. A store without moments
 * must have said the same just before: what moves during the second time was seen the first time. Otherwise each answer
 * has a moment of its own.
 */
export function createMoments(atomic: boolean) {
  let next = 0;
  return {
    next: (): number => next++,
    /** `before` is what the store said just before. Undefined: nothing. */
    together(before: readonly (Answer | undefined)[]): Together {
      const first = next;
      next += before.length;
      let isOne = atomic;
      return {
        told(answers) {
          isOne ||= before.every((said, at) => said !== undefined && isSameAnswer(said, answers[at] as Answer));
          return answers;
        },
        momentOf: (at) => (isOne ? first : first + at),
      };
    },
  };
}
