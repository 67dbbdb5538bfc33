import type { Flaw } from '../../../address/address.ts';
import type { Question } from '../../../vocabulary.ts';
import { PARAMETERS, type QueryName, queryNameOf, valueOf } from '../../asked.ts';
import { fill, parseText, type Template } from '../../template.ts';
import { NOTATION } from './template.ts';

/** A content in JSON whose texts may have parameters. So no value of a question can leave its text. */
export type BodyTemplate =
  | { readonly text: Template }
  | { readonly list: readonly BodyTemplate[] }
  | { readonly table: Readonly<Record<string, BodyTemplate>> }
  | { readonly literal: unknown };

/** Reads the content of a POST. Each text in it is a template. */
export function parseBody(name: QueryName, raw: unknown): BodyTemplate | Flaw {
  if (typeof raw === 'string') {
    const text = parseText(name, raw, NOTATION);
    return 'flaw' in text ? text : { text };
  }
  if (Array.isArray(raw)) {
    const list = raw.map((each) => parseBody(name, each));
    return list.find((each) => 'flaw' in each) ?? { list: list as readonly BodyTemplate[] };
  }
  if (typeof raw !== 'object' || raw === null) return { literal: raw };
  const entries = Object.entries(raw).map(([key, each]) => [key, parseBody(name, each)] as const);
  const flaw = entries.find(([, each]) => 'flaw' in each)?.[1];
  return flaw ?? { table: Object.fromEntries(entries) as Record<string, BodyTemplate> };
}

/** Whether a parameter stands in it. */
export function hasParameter(body: BodyTemplate): boolean {
  if ('text' in body) return body.text.parameters.length > 0;
  if ('literal' in body) return false;
  return ('list' in body ? body.list : Object.values(body.table)).some(hasParameter);
}

/** The content for a question, as JSON. null: the question itself, see docs/stores/http.md. */
export function contentFor(question: Question, body: BodyTemplate | null): string {
  return JSON.stringify(body === null ? questionAsJson(question) : filledBody(body, question));
}

function filledBody(body: BodyTemplate, question: Question): unknown {
  if ('text' in body) return fill(body.text, question);
  if ('literal' in body) return body.literal;
  if ('list' in body) return body.list.map((each) => filledBody(each, question));
  return Object.fromEntries(Object.entries(body.table).map(([key, each]) => [key, filledBody(each, question)]));
}

function questionAsJson(question: Question): object {
  const name = queryNameOf(question);
  const parameters = PARAMETERS[name].map((parameter) => [parameter, valueOf(question, parameter)] as const);
  return { question: name, ...Object.fromEntries(parameters), exact: 'exact' in question && question.exact };
}
