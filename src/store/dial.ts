import { type OnReadOpts, type Socket, connect as connectSocket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import type { Endpoint } from '../endpoint.ts';
import { toStoreError } from './store.ts';
import { type TlsOptions, secureOptions } from './tls.ts';

/** A connected socket, and the bytes that come on it. */
export interface Wire {
  readonly socket: Socket;
  /**
   * Gives all bytes to `take`, until the returned function is called. Copy what must stay: the next read of any socket
   * uses the same memory.
   */
  readonly read: (take: (bytes: Buffer) => void) => () => void;
}

/** Makes the sockets of one connection. Each function rejects if its step fails. */
export interface Dialler {
  /** Connects without TLS. Call `read` of the wire at once: bytes that nobody takes end the connection. */
  readonly open: (endpoint: Endpoint) => Promise<Wire>;
  /** Connects a socket that gives its bytes as `data`, for TLS or for a library. */
  readonly connect: (endpoint: Endpoint) => Promise<Socket>;
  /** Starts TLS on a socket. `host` must be the name in the certificate, if `tls` gives no other. */
  readonly secure: (socket: Socket, tls: TlsOptions | null, host: string) => Promise<Socket>;
}

/**
 * Makes a connection in steps. If a step fails, or all of them take more than `timeoutMs`, it destroys every socket of
 * the connection and rejects with a StoreError.
 */
export async function dial<T>(timeoutMs: number, steps: (dialler: Dialler) => Promise<T>): Promise<T> {
  const sockets: Socket[] = [];
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy(new Error(`no connection within ${timeoutMs} ms`));
  }, timeoutMs);
  const connect = async (endpoint: Endpoint, onread?: OnReadOpts): Promise<Socket> => {
    const socket = connectSocket(onread === undefined ? { ...endpoint } : { ...endpoint, onread });
    sockets.push(socket);
    await happens(socket, 'connect');
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  };
  try {
    return await steps({
      async open(endpoint) {
        let taker: ((bytes: Buffer) => void) | null = null;
        const callback = (length: number): boolean => {
          if (taker === null) socket.destroy(new Error('the server sent a reply without a request'));
          else taker(SHARED.subarray(0, length));
          return true;
        };
        const socket = await connect(endpoint, { buffer: SHARED, callback });
        return {
          socket,
          read(take) {
            taker = take;
            return () => (taker = null);
          },
        };
      },
      connect: (endpoint) => connect(endpoint),
      async secure(socket, tls, host) {
        const secure = connectSecure({ ...secureOptions(tls, host), socket });
        sockets.push(secure);
        socket.on('error', (error) => secure.destroy(error));
        await happens(secure, 'secureConnect');
        return secure;
      },
    });
  } catch (cause) {
    for (const socket of sockets) socket.on('error', () => {}).destroy();
    throw toStoreError(cause);
  } finally {
    clearTimeout(timer);
  }
}

/** A wire of a socket that gives its bytes as `data`. */
export function wireOf(socket: Socket): Wire {
  return {
    socket,
    read(take) {
      socket.on('data', take);
      return () => void socket.off('data', take);
    },
  };
}

const SHARED = Buffer.allocUnsafeSlow(65_536); // as much as libuv reads at once; `data` allocates this for each read
const KEEP_ALIVE_MS = 30_000; // finds out that a firewall dropped the connection, before a question is lost

function happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the server ended the connection'));
    socket.once('error', reject).once('close', onClose);
    socket.once(event, () => {
      socket.off('error', reject).off('close', onClose);
      resolve();
    });
  });
}
