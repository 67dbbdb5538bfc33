import { isDeepStrictEqual } from 'node:util';
import { type JsonPath, isObject, standingAt, valuesAt } from './path.ts';
import { type HttpResponse, isJson, JSON_TYPE, jsonOf, typeOf } from './response.ts';

/**
 * What the application itself sends for something that exists, or for something that is absent. A response must match
 * all of it, because a proxy may send pages of its own.
 */
export interface Match {
  readonly status: number;
  /** The content type. JSON_TYPE also means any `+json`, and then the content is read. null: any. */
  readonly type: string | null;
  /** Fields of the header. Their names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What must stand at a path of the JSON. */
  readonly fields: readonly (readonly [path: JsonPath, value: string | number | boolean])[];
  /** Where one or several values must stand: texts that are not empty, numbers, true or false. */
  readonly has: readonly JsonPath[];
  /** Where nothing may stand in a JSON object. */
  readonly lacks: readonly JsonPath[];
  /** The whole JSON. Undefined: any. */
  readonly json: unknown;
  /** The whole content. null: any. */
  readonly text: string | null;
}

/** Any JSON with this status. */
export function anyJson(status: number): Match {
  return { status, type: JSON_TYPE, headers: {}, fields: [], has: [], lacks: [], json: undefined, text: null };
}

/** Why a response does not match, as the end of a sentence. null: it matches. Its status is compared elsewhere. */
export function flawOf(response: HttpResponse, match: Match): string | null {
  const { type, headers, text } = match;
  const isType = type === null || (type === JSON_TYPE ? isJson(response) : typeOf(response) === type);
  if (!isType) return `its content type is ${typeOf(response) || 'missing'} instead of ${type}`;
  for (const [name, value] of Object.entries(headers)) {
    if (response.headers[name] !== value) return `its header has no ${name}: ${value}`;
  }
  if (text !== null && response.body.toString() !== text) return 'its content is not the text that was configured';
  if (type !== JSON_TYPE) return null;
  const content = jsonOf(response);
  return content === undefined ? 'its content is not JSON' : flawOfJson(content, match);
}

function flawOfJson(content: unknown, { json, fields, has, lacks }: Match): string | null {
  if (json !== undefined && !isDeepStrictEqual(content, json)) return `its content is not ${JSON.stringify(json)}`;
  for (const [path, value] of fields) {
    if (!standingAt(content, path).includes(value)) return `its content has no ${path.text} = ${JSON.stringify(value)}`;
  }
  for (const path of has) {
    const values = valuesAt(content, path);
    if (values.length === 0 || !values.every(isValue)) return `its content has no value at ${path.text}`;
  }
  if (lacks.length > 0 && !isObject(content)) return 'its content is not a JSON object';
  for (const path of lacks) {
    if (standingAt(content, path).length > 0) return `its content has a field ${path.text}`;
  }
  return null;
}

function isValue(each: unknown): boolean {
  return (typeof each === 'string' && each !== '') || typeof each === 'number' || typeof each === 'boolean';
}
