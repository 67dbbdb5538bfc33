import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestPlain,
} from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import { ClosedError, StoreError } from '../../store.ts';
import { secureOptions } from '../../tls.ts';
import type { HttpConfig } from './keys.ts';
import type { HttpResponse } from './response.ts';
import type { UrlTemplate } from './template.ts';

/** A request, ready to be sent. */
export interface Outgoing {
  readonly method: 'GET' | 'POST';
  /** Where the server is. */
  readonly url: UrlTemplate;
  /** The path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** null: no content. */
  readonly body: string | null;
}

/** Sends requests over connections that are kept. */
export interface Exchange {
  /** Rejects if the response is cut, too long, or not there in time: then its connection is not used again. */
  send(outgoing: Outgoing): Promise<HttpResponse>;
  /** Fails at once what is under way. */
  close(): void;
}

const MOST_BYTES = 65_536; // an answer has a few fields; a longer content is not an answer

export function createExchange({
  connections,
  timeoutMs,
  tls,
}: Pick<HttpConfig, 'connections' | 'timeoutMs' | 'tls'>): Exchange {
  const agents = createAgents(connections);
  let closed = false;
  const underWay = new Set<ClientRequest>();

  const send = (outgoing: Outgoing, fresh: boolean) =>
    new Promise<HttpResponse>((resolve, reject) => {
      if (closed) throw new ClosedError();
      const { method, url, target, headers, body } = outgoing;
      const settings: RequestOptions = {
        ...(url.secure && secureOptions(tls, url.host)),
        ...(url.socket === null ? { host: url.host, port: url.port } : { socketPath: url.socket }),
        method,
        path: target,
        agent: agents.choose(url.secure, fresh),
        headers: {
          accept: 'application/json',
          host: `${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`,
          ...headers,
          ...(body !== null && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      };
      const request = (url.secure ? requestSecure : requestPlain)(settings);
      let before = 0;
      const timer = setTimeout(() => request.destroy(new StoreError(`no answer within ${timeoutMs} ms`)), timeoutMs);
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
        if (stale) resolve(send(outgoing, true));
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

  return {
    send: (outgoing) => send(outgoing, false),
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
