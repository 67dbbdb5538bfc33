import * as z from './schema.ts';
import type { Context, Schema, Shape } from './schema.ts';

/** The building blocks for the sections of the TOML file. A description completes the sentence "give ...". */

export { z };
export type { Context, Issue, Schema } from './schema.ts';
/** The type of a table after it is read. */
export type Read<S extends Schema> = z.output<S>;

/** One mistake in a configuration, and its remedy. */
export interface Mistake {
  readonly key: string;
  readonly reason: string;
  readonly remedy: string;
}

type Camel<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail> & string>}` : K;
type InCamelCase<T> = { readonly [K in keyof T as Camel<K>]: T[K] };

/** The type of a `section` of these keys after it is read. */
export type Section<S extends Shape> = InCamelCase<z.TableOf<S>>;

/**
 * A table of the file, such as `[limits]`. A key `timeout_ms` of the file is read as `timeoutMs`. A key that is not in
 * `shape` is a mistake. `check` gets the keys as they are in the file, and adds mistakes that concern several keys.
 */
export function section<S extends Shape>(shape: S, check: (raw: z.TableOf<S>, context: Context) => void = () => {}) {
  return z
    .strictObject(shape)
    .superRefine(check)
    .transform((raw) => inCamelCase(raw));
}

function inCamelCase<T extends object>(raw: T): InCamelCase<T> {
  const renamed = Object.entries(raw).map(([key, value]) => [
    key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(renamed) as InCamelCase<T>;
}

/** An optional key. Null if the file does not have it. */
export function optional<Out, In>(type: Schema<Out, In>) {
  return type.nullable().default(null);
}

/** A whole number in a range. */
export function wholeNumber(from: number, to: number, fallback: number, what: string) {
  return z.int().min(from).max(to).default(fallback).describe(`${what}, from ${from} to ${to}`);
}

/** A text that is not empty. */
export function text(what: string) {
  return z.string().min(1).describe(what);
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T, fallback: T[number]) {
  return z
    .literal<T[number]>(words)
    .default(fallback)
    .describe(`one of ${words.join(', ')}`);
}

/** True or false. */
export function yesOrNo(fallback: boolean) {
  return z.boolean().default(fallback).describe('true or false');
}

/** Why a text is not valid, for `parsedBy`. Its remedy comes instead of the description of the type. */
export class ValueError extends Error {
  override name = 'ValueError';
  readonly remedy: string | undefined;

  constructor(reason: string, remedy?: string) {
    super(reason);
    this.remedy = remedy;
  }
}

/** A text that `parse` reads. `parse` throws the reason if the text is not valid. */
export function parsedBy<T>(what: string, parse: (raw: string) => T) {
  return z
    .string()
    .transform((raw, context) => {
      try {
        return parse(raw);
      } catch (error) {
        context.add([], (error as Error).message, error instanceof ValueError ? error.remedy : undefined);
        return z.NEVER;
      }
    })
    .describe(what);
}

/** Adds mistakes to those that the types find themselves. */
export function complain(context: Context, mistakes: readonly Mistake[]): void {
  for (const { key, reason, remedy } of mistakes) context.add(key === '' ? [] : key.split('.'), reason, remedy);
}
