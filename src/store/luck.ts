import type { Answer } from '../vocabulary.ts';
import type { QueryName } from './asked.ts';
import type { StoreError } from './store.ts';

/**
 * How often a part of a question was enough lately: one that is cheaper to ask, and whose active entry is the answer of
 * the whole question. Whom it does not find active, the whole question must find.
 */
export interface Luck {
  /** Whether to ask the part before the whole question. */
  tries(name: QueryName): boolean;
  /** Of so many questions that were tried, the part was enough for some. */
  note(name: QueryName, enough: number, asked: number): void;
}

const MEMORY = 16; // tries
const AGAIN = 16; // one question in so many tries, while it is not worth it

/**
 * `worth` is the share of tries that must be enough, so that what these save is more than what the others cost. It
 * begins with hope: most questions are about who exists.
 */
export function createLuck(worth: number): Luck {
  const shares = new Map<QueryName, number>();
  let untried = 0;
  return {
    tries: (name) => (shares.get(name) ?? 1) >= worth || ++untried % AGAIN === 0,
    note(name, enough, asked) {
      const share = shares.get(name) ?? 1;
      shares.set(name, share + (enough / asked - share) / MEMORY);
    },
  };
}

/** Whether this is the answer of the whole question, also if only the part was asked. */
export function isActive(answer: Answer | StoreError | undefined): boolean {
  return answer !== null && answer !== undefined && !(answer instanceof Error) && answer.state === 'active';
}
