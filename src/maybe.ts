import type { Maybe } from './vocabulary.ts';

/** Continues at once with a value, or after its promise. */
export function andThen<T, U>(value: Maybe<T>, next: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Asks for `count` values, one after the other, and returns the first that is not null. Null if all are null. */
export function firstOf<T>(count: number, ask: (at: number) => Maybe<T | null>, from = 0): Maybe<T | null> {
  for (let at = from; at < count; at++) {
    const value = ask(at);
    if (value instanceof Promise) return value.then((settled) => settled ?? firstOf(count, ask, at + 1));
    if (value !== null) return value;
  }
  return null;
}
