import { connect } from 'node:net';
import { type Endpoint, formatEndpoint } from '../endpoint.ts';
import { FRAMINGS, type SocketMapProtocol } from '../protocol/framing.ts';
import { FramingError } from '../protocol/netstring.ts';
import { readableOf } from '../protocol/payload.ts';
import { formatRequest } from '../protocol/request.ts';

/** The connection failed, or it ended before the reply. */
export class ConnectionError extends Error {
  override name = 'ConnectionError';
  /** The system does not let this user connect. */
  readonly isDenied: boolean;

  constructor(message: string, isDenied = false) {
    super(message);
    this.isDenied = isDenied;
  }
}

/** The server sent something that is not a socket map reply. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

/** No reply came in time. The connection cannot be used after that, because the reply may still come. */
export class TimeoutError extends Error {
  override name = 'TimeoutError';
}

/** A client of any socket map server. It sends one request at a time. */
export interface Client {
  /** Resolves to the payload of the reply. Rejects with one of the errors above; the client must then be closed. */
  ask(map: string, key: string): Promise<string>;
  close(): void;
}

export interface ClientOptions {
  readonly timeoutMs: number;
  readonly replyBytes: number;
  readonly protocol: SocketMapProtocol;
}

/** Connects. Rejects with ConnectionError or TimeoutError. */
export async function openClient(endpoint: Endpoint, options: ClientOptions): Promise<Client> {
  const where = formatEndpoint(endpoint);
  const socket = endpoint.kind === 'unix' ? connect(endpoint.path) : connect(endpoint.port, endpoint.host);
  const framing = FRAMINGS[options.protocol];
  const decoder = framing.decoder(options.replyBytes);
  let settle: ((result: string | Error) => void) | null = null;
  let broken: Error | null = null;

  const fail = (error: Error): void => {
    broken ??= error;
    socket.destroy();
    settle?.(broken);
  };
  /** Starts something, and waits for its result. */
  const waitFor = (start: () => void): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => fail(new TimeoutError(`no reply within ${options.timeoutMs} ms`)),
        options.timeoutMs,
      );
      settle = (result) => {
        settle = null;
        clearTimeout(timer);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      start();
    });

  socket.on('data', (chunk) => {
    decoder.push(chunk);
    try {
      const payload = decoder.next();
      if (payload === null && settle !== null) return;
      if (settle === null) fail(new ProtocolError('the server sent a reply without a request'));
      else if (decoder.unfinished) fail(new ProtocolError('the server sent more than the reply'));
      else settle(payload === null ? '' : readableOf(payload));
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      fail(new ProtocolError(`the server did not send a ${options.protocol}: ${error.message}`));
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) =>
    fail(new ConnectionError(`${where}: ${explain(error)}`, error.code === 'EACCES')),
  );
  socket.on('close', () => fail(new ConnectionError(`${where}: closed without a reply`)));

  await waitFor(() => socket.once('connect', () => settle?.('')));
  return {
    ask: (map, key) =>
      broken === null ? waitFor(() => socket.write(framing.encode(formatRequest(map, key)))) : Promise.reject(broken),
    close: () => void socket.destroy(),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the socket does not exist; is the server running?',
  ECONNREFUSED: 'no server listens there; is it running?',
  EACCES: "permission denied; see the socket's mode, owner and folders",
};

function explain(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? error.message;
}
