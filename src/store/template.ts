import type { Flaw } from '../address/address.ts';
import type { Question } from '../vocabulary.ts';
import { PARAMETERS, type Parameter, type QueryName, valueOf } from './asked.ts';

/**
 * A text, cut at its parameters: `parts` is what stands before, between and behind them. The text `box:{local}!` has
 * the parts `box:` and `!`, and the parameter `local`.
 */
export interface Template {
  readonly parts: readonly string[];
  readonly parameters: readonly Parameter[];
}

/** How an administrator writes parameters in a text. */
export interface Notation {
  /** Cuts a text into tokens. The first group is the name of a parameter. */
  readonly tokens: RegExp;
  /** Writes a parameter, from its name. */
  readonly write: (name: string) => string;
  /** Reads any other token: the text that it stands for. */
  readonly read: (token: string) => string | Flaw;
}

/** Writes a parameter as `:name`. */
export const withColon = (name: string): string => `:${name}`;

/** Reads the text of a query. It may have no parameter at all. */
export function parseText(name: QueryName, text: string, { tokens, write, read }: Notation): Template | Flaw {
  const parts: string[] = [];
  const parameters: Parameter[] = [];
  let part = '';
  for (const [token, word] of text.matchAll(tokens)) {
    if (word === undefined) {
      const literal = read(token);
      if (typeof literal !== 'string') return literal;
      part += literal;
    } else if (isParameter(name, word)) {
      parts.push(part);
      parameters.push(word);
      part = '';
    } else {
      return unknownParameter(name, word, write);
    }
  }
  return { parts: [...parts, part], parameters };
}

/** Whether a query may have such a parameter. */
export function isParameter(name: QueryName, word: string): word is Parameter {
  return (PARAMETERS[name] as readonly string[]).includes(word);
}

/** The flaw of a text with a parameter that its query may not have. */
export function unknownParameter(name: QueryName, word: string, write: Notation['write']): Flaw {
  return { flaw: `uses ${write(word)}, but may use only ${PARAMETERS[name].map(write).join(', ')}` };
}

/** The flaw of a text that has no parameter but needs one. */
export function withoutParameter(name: QueryName, write: Notation['write']): Flaw {
  return { flaw: `has no parameter such as ${write(PARAMETERS[name][0])}, so the answer would always be the same` };
}

/** Replaces each parameter by what `put` gives for it. */
export function replace({ parts, parameters }: Template, put: (parameter: Parameter, at: number) => string): string {
  return parts.reduce((text, part, at) => text + put(parameters[at - 1] as Parameter, at - 1) + part);
}

/** Fills in the parameters of a question. */
export function fill(template: Template, question: Question): string {
  return replace(template, (parameter) => valueOf(question, parameter));
}
