import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';

/** A page: its media type and text, and its status. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a client asked for. */
export interface Asked {
  /** The headers of these names; empty: there was none. */
  readonly accept: string;
  readonly host: string;
  /** Whether a browser says that another site asks. */
  readonly isCrossSite: boolean;
  readonly query: URLSearchParams;
}

/** The pages by their paths. */
export type Pages = Readonly<Record<string, (asked: Asked) => Promise<Page>>>;

/** Serves pages over HTTP, on sockets that a listener accepted. */
export interface PageServer {
  serve(socket: Socket): void;
  /** Ends all connections. */
  close(): void;
}

const MOST_CONNECTIONS = 20;
const LONGEST_MS = 10_000; // as long as Prometheus waits by default (scrape_timeout)
const MOST_HEADER_BYTES = 8_192;
const PLAIN = 'text/plain; charset=utf-8';

/**
 * Only GET and HEAD. A connection is for one request, and ends after ten seconds, so no client can hold it. Twenty connections
 * at most: mail servers need the descriptors.
 */
export function createPageServer(pages: Pages): PageServer {
  const connections = new Set<Socket>();
  const asked = new WeakSet<Socket>();
  const server = createServer({ maxHeaderSize: MOST_HEADER_BYTES }, (request, response) => {
    const { socket } = request;
    if (asked.has(socket)) return void socket.destroy(); // thousands fit into one read, and mail servers would wait for all
    asked.add(socket);
    void answer(pages, request, response);
  });
  return {
    serve(socket) {
      if (connections.size >= MOST_CONNECTIONS) return void socket.destroy();
      connections.add(socket);
      const timer = setTimeout(() => socket.destroy(), LONGEST_MS).unref();
      socket.on('error', () => {}); // the client has gone
      socket.on('close', () => {
        clearTimeout(timer);
        connections.delete(socket);
      });
      server.emit('connection', socket); // as the documentation of node:http allows
      socket.resume(); // it was accepted with pauseOnConnect
    },
    close() {
      for (const socket of connections) socket.destroy();
    },
  };
}

async function answer(
  pages: Pages,
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  response.shouldKeepAlive = false;
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, { status: 405, type: PLAIN, text: 'only GET and HEAD\n' });
  }
  if (page === undefined) {
    return send(response, { status: 404, type: PLAIN, text: `there is only ${Object.keys(pages).join(', ')}\n` });
  }
  try {
    const { accept = '', host = '' } = headers;
    const isCrossSite = headers['sec-fetch-site'] === 'cross-site';
    send(response, await page({ accept, host, isCrossSite, query: new URLSearchParams(query) }));
  } catch (cause) {
    send(response, { status: 500, type: PLAIN, text: `a bug in smmap, please report it: ${nameOf(cause)}\n` });
  }
}

/** Without the message, which may have an address in it. */
function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : 'unknown';
}

function send(response: ServerResponse, { status, type, text, headers = {} }: Page): void {
  response.writeHead(status, { ...headers, 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}
