import type { Answer, Question } from '../../../vocabulary.ts';
import { queryNameOf } from '../../asked.ts';
import { lookupEach } from '../../each.ts';
import type { Row } from '../../row.ts';
import { type Bulk, failureAt, QuestionError } from '../../store.ts';
import { contentFor } from './body.ts';
import { createExchange } from './exchange.ts';
import type { HttpConfig } from './keys.ts';
import { valuesAt } from './path.ts';
import { createPause } from './pause.ts';
import type { HttpRequest } from './request.ts';
import { answerFor, rowsOf } from './rows.ts';
import { createSecrets, type Secrets } from './secrets.ts';
import { targetOf } from './template.ts';
import { judge } from './verdict.ts';

/** The options of an HTTP store. Each of the `connections` carries one request at a time. */
export interface HttpOptions extends Pick<HttpConfig, 'connections' | 'headers' | 'requests' | 'timeoutMs' | 'tls'> {
  readonly secrets: Secrets;
}

/** The JSON of a response, and the rows in it. */
interface Found {
  readonly content: unknown;
  readonly rows: readonly Row[];
}

/** Answers from a server over HTTP. It asks what `requests` has for a question, one after the other. */
export function createHttp(options: HttpOptions): Bulk {
  const { requests, headers, secrets, timeoutMs } = options;
  const exchange = createExchange(options);
  const pause = createPause();

  const secretHeaders = createSecrets(secrets, timeoutMs);

  /** What a request finds. null: it is certain that there is nothing. */
  const ask = async (question: Question, request: HttpRequest, answered?: unknown): Promise<Found | null> => {
    const { method, url, encoding, body, signs, fields } = request;
    try {
      pause.throwIfPaused();
      const target = targetOf(url, question, encoding, answered);
      const content = method === 'POST' ? contentFor(question, body) : null;
      const all = { ...headers, ...request.headers, ...(await secretHeaders()) };
      const response = await exchange.send({ method, url, target, headers: all, body: content });
      pause.heed(response);
      const found = judge(response, signs);
      return found === null ? null : { ...found, rows: rowsOf(found.content, fields) };
    } catch (cause) {
      throw failureAt(url.socket ?? `${url.host}:${url.port}`, cause);
    }
  };

  /** The rows that a request finds, with what the next one adds to them. */
  const askAll = async (question: Question, request: HttpRequest): Promise<readonly Row[] | null> => {
    const found = await ask(question, request);
    const { next } = request;
    if (found === null || next === null) return found?.rows ?? null;
    if (next.when !== null && valuesAt(found.content, next.when).length === 0) return found.rows;
    const more = await ask(question, next, found.content);
    return found.rows.map((row) => completed(row, more?.rows[0]));
  };

  const lookup = async (question: Question): Promise<Answer> => {
    const name = queryNameOf(question);
    const own = requests[name];
    if (own === undefined)
      throw new QuestionError(`the store has no request for ${name}: add one, ${name} = "http://..."`);
    // An entry may move to a place that was already asked. So an absence needs the first ones once more.
    for (const request of [...own, ...own.slice(0, -1)]) {
      const rows = await askAll(question, request);
      const answer = rows === null ? null : answerFor(question, rows);
      if (answer !== null) return answer;
    }
    return null;
  };

  return {
    lookupAll: (questions) => lookupEach(questions, lookup),
    atomic: false,
    close: () => exchange.close(),
  };
}

function completed(row: Row, more: Row | undefined): Row {
  return { ...row, ...more };
}
