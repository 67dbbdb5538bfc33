import type { Answer, Question } from '../../vocabulary.ts';
import { answerOf, type Row } from '../row.ts';
import { QuestionError, StoreError } from '../store.ts';

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

const FIELDS: readonly string[] = ['value', 'state', 'address', 'local', 'domain', 'folder', 'key'];
const QUESTION_AT_FAULT: ReadonlySet<number> = new Set([400, 414, 422, 431]);

/**
 * What a response says of a question: 200 with a JSON object or an array of them found it, 404 and an empty array did
 * not. Throws StoreError for everything else, and QuestionError where it is the question that the server objects to.
 */
export function answerTo(question: Question, { status, contentType, body }: HttpResponse): Answer {
  if (status === 404) return null;
  if (QUESTION_AT_FAULT.has(status)) throw new QuestionError(`status ${status}`);
  if (status !== 200) throw new StoreError(`status ${status}`);
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType)) {
    throw new StoreError(`the content is ${contentType === '' ? 'of no type' : contentType}, and no JSON`);
  }
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new StoreError('the content is no JSON', { cause });
  }
  return answerOf(question, (Array.isArray(content) ? content : [content]).map(rowOf));
}

/** An object with a field that we know and no other type in those than text. `{"error":"..."}` is none. */
function rowOf(item: unknown): Row {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new StoreError('the content is no object');
  const fields = Object.entries(item).filter(([name]) => FIELDS.includes(name));
  if (fields.length === 0) throw new StoreError(`the content has none of the fields ${FIELDS.join(', ')}`);
  for (const [name, value] of fields) {
    if (typeof value !== 'string') throw new StoreError(`the field ${name} is no text`);
  }
  return Object.fromEntries(fields);
}
