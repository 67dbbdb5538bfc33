import type { Schema } from '../toml/type.ts';
import type { About, Question } from '../vocabulary.ts';
import type { Resolver } from './moment.ts';
import type { StepOptions } from './step.ts';

/** A kind of map: what a `[map.NAME]` of it may hold, what it asks its stores, and how it answers. */
export interface Kind<O = unknown> {
  /** The keys of a `[map.NAME]`, but for `kind` and `stores`, which any map may have. They come to plain data, which can be compared. */
  keys(name: string): Schema<O>;
  /** What it asks its stores, by an example of each question. A configuration needs a store that can answer, for each of them. */
  questions(options: O): readonly Question[];
  /** What it asks only those of its stores that can answer. It works where none can. */
  wishes?(options: O): readonly Question[];
  /** Whether it asks such a question for a few keys only, so that it works with a store that was never filled with the answers. */
  isRare?(question: Question): boolean;
  /** Its lookup; `canAnswer` tells what its stores can be asked about. */
  create(options: O, canAnswer: (about: About) => boolean): Resolver;
  /** How it follows aliases, for `smmap check`, which looks for loops; null where it follows none. */
  aliases?(options: O): StepOptions | null;
  /** Whether its NOTFOUND refuses mail, so that the log tells of it. */
  readonly refuses?: boolean;
}

/** A map of a configuration: the name of its kind, and what the keys of that kind came to, which only the kind can read. */
export interface MapKind {
  readonly kind: string;
  readonly options: unknown;
}
