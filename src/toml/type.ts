import { z } from 'zod';

/** The building blocks for the sections of the TOML file. A description completes the sentence "give ...". */

export { z };
export type Schema<T = unknown> = z.ZodType<T>;
/** The type of a table after it is read. */
export type Read<S extends Schema> = z.output<S>;
export type Issue = z.core.$ZodIssue;
export type Context = z.RefinementCtx;

/** One mistake in a configuration, and its remedy. */
export interface Mistake {
  readonly key: string;
  readonly reason: string;
  readonly remedy: string;
}

type Shape = Readonly<Record<string, Schema>>;
type Camel<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail> & string>}` : K;
type InCamelCase<T> = { readonly [K in keyof T as Camel<K>]: T[K] };

/** The type of a `section` of these keys after it is read. */
export type Section<S extends Shape> = InCamelCase<z.output<z.ZodObject<S>>>;

/**
 * A table of the file, such as `[limits]`. A key `timeout_ms` of the file is read as `timeoutMs`. A key that is not in
 * `shape` is a mistake. `check` gets the keys as they are in the file, and adds mistakes that concern several keys.
 */
export function section<S extends Shape>(
  shape: S,
  check: (raw: z.output<z.ZodObject<S>>, context: Context) => void = () => {},
) {
  return z
    .strictObject(shape)
    .superRefine((raw, context) => check(raw as z.output<z.ZodObject<S>>, context))
    .transform((raw) => inCamelCase(raw as z.output<z.ZodObject<S>>));
}

function inCamelCase<T extends object>(raw: T): InCamelCase<T> {
  const renamed = Object.entries(raw).map(([key, value]) => [
    key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(renamed) as InCamelCase<T>;
}

/** An optional key. Null if the file does not have it. */
export function optional<T extends Schema>(type: T) {
  return type.nullable().default(null as never);
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
    .enum(words)
    .default(fallback as never)
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
        const params = error instanceof ValueError ? { remedy: error.remedy } : {};
        context.addIssue({ code: 'custom', message: (error as Error).message, params });
        return z.NEVER;
      }
    })
    .describe(what);
}

/** Adds mistakes to those that zod finds itself. */
export function complain(context: Context, mistakes: readonly Mistake[]): void {
  for (const { key, reason, remedy } of mistakes) {
    const path = key === '' ? [] : key.split('.');
    context.addIssue({ code: 'custom', path, message: reason, params: { remedy } });
  }
}
