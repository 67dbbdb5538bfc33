import type { Answer, Question } from '../../../vocabulary.ts';
import { answerOf, type Row } from '../../row.ts';
import { QuestionError, StoreError } from '../../store.ts';

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** What the application itself sends where there is none. All of it has to be there, since a proxy has pages of its own. */
export interface Absence {
  readonly status: number;
  /** Of the content, without parameters; `application/json` is any `+json` too, and the content is read. Null: any. */
  readonly type: string | null;
  /** Fields of the header, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of the JSON object. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** The whole content. Null: any. */
  readonly text: string | null;
}

export const ABSENT: Absence = { status: 404, type: 'application/json', headers: {}, fields: {}, text: null };

/** How an application answers. */
export interface Answering {
  readonly absent: Absence;
  /** The field that a JSON string stands for, where the application sends no objects. */
  readonly stringIs: 'value' | 'address' | 'domain' | null;
}

const FIELDS: readonly string[] = ['value', 'state', 'address', 'local', 'domain', 'folder', 'key'];
const QUESTION_AT_FAULT: ReadonlySet<number> = new Set([400, 414, 422, 431]);

/**
 * What a response says of a question: 200 with a JSON object or an array of them found it; an empty array and `absent` did not.
 * Throws StoreError for everything else, a 404 of anybody else among it, and QuestionError where it is the question that the
 * server objects to.
 */
export function answerTo(question: Question, response: HttpResponse, { absent, stringIs }: Answering): Answer {
  const { status } = response;
  if (status === absent.status) {
    const flaw = flawOf(response, absent);
    if (flaw === null) return null;
    if (status !== 200)
      throw new StoreError(`status ${status}, and ${flaw}: it may not be the application that says so`);
  }
  if (QUESTION_AT_FAULT.has(status)) throw new QuestionError(`status ${status}`);
  if (status !== 200) throw new StoreError(`status ${status}`);
  if (!isJson(response)) throw new StoreError(`the content is ${typeOf(response) || 'of no type'}, and no JSON`);
  const content = jsonOf(response);
  if (content === undefined) throw new StoreError('the content is no JSON');
  return answerOf(
    question,
    (Array.isArray(content) ? content : [content]).map((item) => rowOf(item, stringIs)),
  );
}

/** Why a response is not this absence, as the end of a sentence; null where it is. */
function flawOf(response: HttpResponse, { type, headers, fields, text }: Absence): string | null {
  const isType = type === null || (type === ABSENT.type ? isJson(response) : typeOf(response) === type);
  if (!isType) return `its content is ${typeOf(response) || 'of no type'} instead of ${type}`;
  for (const [name, value] of Object.entries(headers)) {
    if (response.headers[name] !== value) return `its header has no ${name}: ${value}`;
  }
  if (text !== null && response.body.toString() !== text) return 'its content is another page';
  if (type !== ABSENT.type) return null;
  const content = jsonOf(response);
  if (content === undefined) return 'its content is no JSON';
  for (const [name, value] of Object.entries(fields)) {
    const found = isObject(content) && Object.hasOwn(content, name) ? content[name] : undefined;
    if (found !== value) return `its content has no ${JSON.stringify({ [name]: value })}`;
  }
  return null;
}

function typeOf({ contentType }: HttpResponse): string {
  return (contentType.split(';')[0] as string).trim().toLowerCase();
}

function isJson(response: HttpResponse): boolean {
  return /^application\/(?:[\w.-]+\+)?json$/.test(typeOf(response));
}

/** Undefined where it is none. */
function jsonOf({ body }: HttpResponse): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function isObject(content: unknown): content is Readonly<Record<string, unknown>> {
  return typeof content === 'object' && content !== null && !Array.isArray(content);
}

/** An object with a field that we know and no other type in those than text. `{"error":"..."}` is none. */
function rowOf(item: unknown, stringIs: Answering['stringIs']): Row {
  if (stringIs !== null && typeof item === 'string') return { [stringIs]: item };
  if (!isObject(item)) throw new StoreError('the content is no object');
  const fields = Object.entries(item).filter(([name]) => FIELDS.includes(name));
  if (fields.length === 0) throw new StoreError(`the content has none of the fields ${FIELDS.join(', ')}`);
  for (const [name, value] of fields) {
    if (typeof value !== 'string') throw new StoreError(`the field ${name} is no text`);
  }
  return Object.fromEntries(fields);
}
