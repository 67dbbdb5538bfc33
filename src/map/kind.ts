import type { Schema } from '../toml/type.ts';
import type { About, Question } from '../vocabulary.ts';
import type { Resolver } from './moment.ts';
import type { StepOptions } from './step.ts';

/** The word of `shadow = "accept"`. No map of this name can reply for another one. */
export const ACCEPT = 'accept';

/** The value after an OK that is made up. */
export type Value = (key: string | null) => string;

/** A kind of map: which keys its `[map.NAME]` has, what it asks its stores, and how it replies. */
export interface Kind<O = unknown> {
  /** The keys of its `[map.NAME]`, without `kind` and `stores`, which every map has. They are read as plain data. */
  keys(name: string): Schema<O>;
  /** One example of each question that it asks its stores. A configuration needs a store for each of them. */
  questions(options: O): readonly Question[];
  /** Examples of the questions that it asks only stores that can answer them. It works without such a store. */
  wishes?(options: O): readonly Question[];
  /** Whether it asks this only for a few keys. If so, it works with a store that was never filled with such entries. */
  isRare?(question: Question): boolean;
  /** What to change so that it asks for no folders. */
  withoutFolders?(options: O): string;
  /** Makes its lookup. `canAnswer` says whether one of its stores can answer questions about this. */
  create(options: O, canAnswer: (about: About) => boolean): Resolver;
  /** How it follows aliases; null if it does not. `smmap check` finds loops with it. */
  aliases?(options: O): StepOptions | null;
  /** Other settings, with which it may find a key that it does not find now. `smmap explain` tries them. */
  variants?(options: O): readonly Variant<O>[];
  /**
   * What follows an OK for a key that it did not find, for `shadow = "accept"`. Without it, a made-up OK would send mail
   * elsewhere, so its maps cannot be in this shadow.
   */
  accepts?(options: O): Value;
  /** Whether two values after OK say the same. Without it, only that there is one counts. */
  isSame?(one: string, other: string): boolean;
  /** Whether its NOTFOUND refuses mail. If so, the log has a line for it. */
  readonly refuses?: boolean;
}

/** Options that differ by one setting, and that setting as it stands in a configuration. */
export interface Variant<O> {
  readonly setting: string;
  readonly options: O;
}

/** A map of a configuration: the name of its kind, and its keys as that kind reads them. Only the kind can use them. */
export interface MapKind {
  readonly kind: string;
  readonly options: unknown;
}
