import type { Maybe } from './vocabulary.ts';

/** Goes on with a value at once where it is here, and after the promise where it is not. */
export function andThen<T, U>(value: Maybe<T>, next: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Asks for one after the other of `count` values until one is not null, and answers that; null where all are. */
export function firstOf<T>(count: number, ask: (at: number) => Maybe<T | null>, from = 0): Maybe<T | null> {
  for (let at = from; at < count; at++) {
    const value = ask(at);
    if (value instanceof Promise) return value.then((settled) => settled ?? firstOf(count, ask, at + 1));
    if (value !== null) return value;
  }
  return null;
}
