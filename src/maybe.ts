import type { Maybe } from './vocabulary.ts';

/** Goes on with a value at once where it is here, and after the promise where it is not. */
export function andThen<T, U>(value: Maybe<T>, next: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
