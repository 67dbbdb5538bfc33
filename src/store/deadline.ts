import type { Answer } from '../vocabulary.ts';
import { type Store, StoreError } from './store.ts';

/** A store that fails where it takes longer than `timeoutMs` for an answer; what it says later goes nowhere. */
export function createDeadline(store: Store, timeoutMs: number): Store {
  return {
    lookup(question) {
      const answer = store.lookup(question);
      if (!(answer instanceof Promise)) return answer;
      return new Promise<Answer>((resolve, reject) => {
        const timer = setTimeout(() => reject(new StoreError(`no answer within ${timeoutMs} ms`)), timeoutMs);
        const settled = <T>(settle: (value: T) => void) => {
          return (value: T): void => {
            clearTimeout(timer);
            settle(value);
          };
        };
        answer.then(settled(resolve), settled(reject));
      });
    },
    close: () => store.close(),
  };
}
