import { z } from 'zod';
import type { Mistake } from '../config/config.ts';

/**
 * What the sections of the TOML file are made of. A description completes the sentence "give ...".
 */

export { z };
export type Schema<T = unknown> = z.ZodType<T>;
export type Issue = z.core.$ZodIssue;
export type Context = z.RefinementCtx;

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
