import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestPlain,
} from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import type { Answer, Question } from '../../../vocabulary.ts';
import { PARAMETERS, queryNameOf, valueOf } from '../../asked.ts';
import { lookupEach } from '../../each.ts';
import { type Bulk, ClosedError, failureAt, QuestionError, StoreError } from '../../store.ts';
import { secureOptions } from '../../tls.ts';
import { within } from '../../within.ts';
import type { HttpConfig } from './keys.ts';
import { type HttpResponse, answerTo } from './response.ts';
import { type HttpRequest, targetOf } from './template.ts';

/** The options of an HTTP store. Each of the `connections` carries one request at a time. */
export interface HttpOptions extends Pick<
  HttpConfig,
  'absent' | 'connections' | 'headers' | 'requests' | 'timeoutMs' | 'tls'
> {
  /** The token for `Authorization: Bearer`. Called for each request. */
  readonly token: (() => Promise<string>) | null;
}

const MOST_BYTES = 65_536; // an answer has a few fields; a longer content is not an answer

/**
 * Answers from a server over HTTP. A GET has the question in its URL. A POST also has it as JSON: `question` (mailbox,
 * folder, alias, domain or key), the parameters of that question, and `exact`.
 */
export function createHttp(options: HttpOptions): Bulk {
  const agents = createAgents(options.connections);
  let closed = false;
  const underWay = new Set<ClientRequest>();

  const send = (
    question: Question,
    { method, url }: Pick<HttpRequest, 'method' | 'url'>,
    fresh: boolean,
    token: string | null,
  ) =>
    new Promise<HttpResponse>((resolve, reject) => {
      if (closed) throw new ClosedError();
      const body = method === 'POST' ? JSON.stringify(bodyOf(question)) : null;
      const settings: RequestOptions = {
        ...(url.secure && secureOptions(options.tls, url.host)),
        ...(url.socket === null ? { host: url.host, port: url.port } : { socketPath: url.socket }),
        method,
        path: targetOf(url, question),
        agent: agents.choose(url.secure, fresh),
        headers: {
          accept: 'application/json',
          host: `${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`,
          ...options.headers,
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== null && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      };
      const request = (url.secure ? requestSecure : requestPlain)(settings);
      let before = 0;
      const timer = setTimeout(
        () => request.destroy(new StoreError(`no answer within ${options.timeoutMs} ms`)),
        options.timeoutMs,
      );
      const done = (): void => {
        clearTimeout(timer);
        underWay.delete(request);
      };
      underWay.add(request);
      request.on('socket', (socket) => (before = socket.bytesRead));
      request.on('error', (cause) => {
        done();
        // The server ended an idle connection just when we used it again, and has not answered: ask again on a new one.
        const stale = request.reusedSocket && request.socket?.bytesRead === before && !(cause instanceof StoreError);
        if (stale) resolve(send(question, { method, url }, true, token));
        else reject(cause);
      });
      let answered = false;
      // If the server switches to another protocol, node:http closes the request without an error.
      request.on('close', () => {
        if (answered) return;
        done();
        reject(new StoreError('the server ended the connection'));
      });
      request.on('response', (response) => {
        answered = true;
        collect(response)
          .then(resolve, (cause: Error) => {
            reject(cause);
            request.destroy();
          })
          .finally(done);
      });
      request.end(body ?? undefined);
    });

  const lookup = async (question: Question): Promise<Answer> => {
    const name = queryNameOf(question);
    const request = options.requests[name];
    if (request === undefined)
      throw new QuestionError(`the store has no request for ${name}: add one, ${name} = "http://..."`);
    const { url, stringIs } = request;
    try {
      const token = options.token === null ? null : await within(options.token(), options.timeoutMs, 'token');
      return answerTo(question, await send(question, request, false, token), { absent: options.absent, stringIs });
    } catch (cause) {
      throw failureAt(url.socket ?? `${url.host}:${url.port}`, cause);
    }
  };

  return {
    lookupAll: (questions) => lookupEach(questions, lookup),
    atomic: false,
    close() {
      closed = true;
      for (const request of underWay) request.destroy(new ClosedError());
      agents.destroy();
    },
  };
}

function createAgents(connections: number) {
  const kept = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections };
  const once = { keepAlive: false, maxSockets: connections };
  const agents = {
    plain: [new Agent(kept), new Agent(once)],
    secure: [new SecureAgent(kept), new SecureAgent(once)],
  } as const;
  return {
    choose: (secure: boolean, fresh: boolean) => agents[secure ? 'secure' : 'plain'][fresh ? 1 : 0],
    destroy(): void {
      for (const agent of [...agents.plain, ...agents.secure]) agent.destroy();
    },
  };
}

function bodyOf(question: Question): object {
  const name = queryNameOf(question);
  const parameters = PARAMETERS[name].map((parameter) => [parameter, valueOf(question, parameter)] as const);
  return { question: name, ...Object.fromEntries(parameters), exact: 'exact' in question && question.exact };
}

/** Reads a whole response. Rejects if it is cut, as node:http reports, or if it is too long for an answer. */
async function collect(response: IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new StoreError(`the content has over ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    headers: response.headers,
    body: Buffer.concat(chunks),
  };
}
