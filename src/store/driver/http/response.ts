import type { Answer, Question } from '../../../vocabulary.ts';
import { answerOf, type Row } from '../../row.ts';
import { QuestionError, StoreError } from '../../store.ts';

/** A response of a server. */
export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  /** Their names are in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/**
 * What the application itself sends for an absence. A response must match all of it, because a proxy may send pages of
 * its own.
 */
export interface Absence {
  readonly status: number;
  /**
   * The content type, without parameters. `application/json` also means any `+json`, and then the content is read.
   * null: any.
   */
  readonly type: string | null;
  /** Fields of the header. Their names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of the JSON object. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** The whole content. null: any. */
  readonly text: string | null;
}

/** The absence of a store without a preset and without the key `absent`. */
export const ABSENT: Absence = { status: 404, type: 'application/json', headers: {}, fields: {}, text: null };

/** How an application answers. */
export interface Answering {
  readonly absent: Absence;
  /** The field that a JSON string stands for, if the application sends strings and no objects. */
  readonly stringIs: 'value' | 'address' | 'domain' | null;
}

const FIELDS: readonly string[] = ['value', 'state', 'address', 'local', 'domain', 'folder', 'key'];
const QUESTION_AT_FAULT: ReadonlySet<number> = new Set([400, 414, 422, 431]);

/**
 * The answer to a question, from a response. Found: status 200 with a JSON object, or with an array of them. Absent: an
 * empty array, or what `absent` describes. Throws QuestionError if the server refuses the question, and StoreError for
 * everything else, such as a 404 that does not come from the application.
 */
export function answerTo(question: Question, response: HttpResponse, { absent, stringIs }: Answering): Answer {
  const { status } = response;
  if (status === absent.status) {
    const flaw = flawOf(response, absent);
    if (flaw === null) return null;
    if (status !== 200)
      throw new StoreError(
        `status ${status}, but ${flaw}, so it may not come from the application: check url and absent`,
      );
  }
  if (QUESTION_AT_FAULT.has(status)) throw new QuestionError(`status ${status}`);
  if (status !== 200) throw new StoreError(`status ${status}${remedyFor(status)}`);
  if (!isJson(response))
    throw new StoreError(`the content type is ${typeOf(response) || 'missing'}, not ${ABSENT.type}`);
  const content = jsonOf(response);
  if (content === undefined) throw new StoreError('the content is not JSON');
  return answerOf(
    question,
    (Array.isArray(content) ? content : [content]).map((item) => rowOf(item, stringIs)),
  );
}

/** What the administrator can do about a status, as the end of a message. */
function remedyFor(status: number): string {
  if (status === 401 || status === 403) return ': check token_file and headers';
  return status >= 300 && status < 400 ? ': smmap does not follow redirects, so give the final URL' : '';
}

/** Why a response is not this absence, as the end of a sentence. null: it is this absence. */
function flawOf(response: HttpResponse, { type, headers, fields, text }: Absence): string | null {
  const isType = type === null || (type === ABSENT.type ? isJson(response) : typeOf(response) === type);
  if (!isType) return `its content type is ${typeOf(response) || 'missing'} instead of ${type}`;
  for (const [name, value] of Object.entries(headers)) {
    if (response.headers[name] !== value) return `its header has no ${name}: ${value}`;
  }
  if (text !== null && response.body.toString() !== text) return 'its content is not the text of absent';
  if (type !== ABSENT.type) return null;
  const content = jsonOf(response);
  if (content === undefined) return 'its content is not JSON';
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

/** The content as JSON. Undefined if it is not JSON in UTF-8. */
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

/**
 * Reads an object as a row: it must have a known field, and known fields must be texts. `{"error":"..."}` is not a row.
 */
function rowOf(item: unknown, stringIs: Answering['stringIs']): Row {
  if (stringIs !== null && typeof item === 'string') return { [stringIs]: item };
  if (!isObject(item)) throw new StoreError('the content is not a JSON object');
  const fields = Object.entries(item).filter(([name]) => FIELDS.includes(name));
  if (fields.length === 0) throw new StoreError(`the content has none of the fields ${FIELDS.join(', ')}`);
  for (const [name, value] of fields) {
    if (typeof value !== 'string') throw new StoreError(`the field ${name} is not a string`);
  }
  return Object.fromEntries(fields);
}
