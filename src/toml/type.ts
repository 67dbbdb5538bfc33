import { z } from 'zod';

/**
 * What the sections of the TOML file are made of. A description completes the sentence "give ...".
 */

export { z };
export type Schema<T = unknown> = z.ZodType<T>;
/** What a table comes to. */
export type Read<S extends Schema> = z.output<S>;
export type Issue = z.core.$ZodIssue;
export type Context = z.RefinementCtx;

/** One thing that is wrong in a configuration, and what would be right. */
export interface Mistake {
  readonly key: string;
  readonly reason: string;
  readonly remedy: string;
}

type Shape = Readonly<Record<string, Schema>>;
type Camel<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail> & string>}` : K;
type InCamelCase<T> = { readonly [K in keyof T as Camel<K>]: T[K] };

/** What a `section` of these keys is read as. */
export type Section<S extends Shape> = InCamelCase<z.output<z.ZodObject<S>>>;

/**
 * A table of the file, such as `[limits]`. Its keys are written `timeout_ms` there and read as `timeoutMs`; a key that is not in `shape` is a mistake.
 * `check` sees the keys as they are written, and adds mistakes of several of them.
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

/** A key that may be left out: null then. */
export function optional<T extends Schema>(type: T) {
  return type.nullable().default(null as never);
}

export function wholeNumber(from: number, to: number, fallback: number, what: string) {
  return z.int().min(from).max(to).default(fallback).describe(`${what}, from ${from} to ${to}`);
}

export function text(what: string) {
  return z.string().min(1).describe(what);
}

export function oneOf<const T extends readonly [string, ...string[]]>(words: T, fallback: T[number]) {
  return z
    .enum(words)
    .default(fallback as never)
    .describe(`one of ${words.join(', ')}`);
}

export function yesOrNo(fallback: boolean) {
  return z.boolean().default(fallback).describe('true or false');
}

/** A string that `parse` reads, or throws why not. */
export function parsedBy<T>(what: string, parse: (raw: string) => T) {
  return z
    .string()
    .transform((raw, context) => {
      try {
        return parse(raw);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    })
    .describe(what);
}

/** Adds mistakes of keys of a section to what zod finds itself. */
export function complain(context: Context, mistakes: readonly Mistake[]): void {
  for (const { key, reason, remedy } of mistakes) {
    const path = key === '' ? [] : key.split('.');
    context.addIssue({ code: 'custom', path, message: reason, params: { remedy } });
  }
}
