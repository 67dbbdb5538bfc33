import type { Flaw } from '../address/address.ts';
import type { Question } from '../vocabulary.ts';
import { PARAMETERS, type Parameter, type QueryName, valueOf } from './asked.ts';

/**
 * A text with its parameters taken out: `parts` has one more than there are parameters, and stands around them. The text
 * `box:{local}!` has the parts `box:` and `!`, and the parameter `local`.
 */
export interface Template {
  readonly parts: readonly string[];
  readonly parameters: readonly Parameter[];
}

/** How an administrator writes parameters into a text. */
export interface Notation {
  /** Cuts a text into tokens. The first group is the name of a parameter. */
  readonly tokens: RegExp;
  /** A parameter as it is written, from its name. */
  readonly write: (name: string) => string;
  /** What any other token stands for. */
  readonly read: (token: string) => string | Flaw;
}

/** Writes a parameter as `:name`. */
export const withColon = (name: string): string => `:${name}`;

/** Reads a text that a query of this name has. It may have no parameter at all. */
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

/** Whether a query of this name has such a parameter. */
export function isParameter(name: QueryName, word: string): word is Parameter {
  return (PARAMETERS[name] as readonly string[]).includes(word);
}

/** The flaw of a text that asks for a parameter that its query does not have. */
export function unknownParameter(name: QueryName, word: string, write: Notation['write']): Flaw {
  return { flaw: `asks for ${write(word)}, and has only ${PARAMETERS[name].map(write).join(', ')}` };
}

/** The flaw of a text that needs a parameter and has none. */
export function withoutParameter(name: QueryName, write: Notation['write']): Flaw {
  return { flaw: `has no parameter, such as ${write(PARAMETERS[name][0])}: it would say the same of all` };
}

/** Puts something in the place of each parameter. */
export function replace({ parts, parameters }: Template, put: (parameter: Parameter, at: number) => string): string {
  return parts.reduce((text, part, at) => text + put(parameters[at - 1] as Parameter, at - 1) + part);
}

/** The text for a question. */
export function fill(template: Template, question: Question): string {
  return replace(template, (parameter) => valueOf(question, parameter));
}
