import { type Socket, connect as connectSocket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import type { Endpoint } from '../endpoint.ts';
import { toStoreError } from './store.ts';
import { type TlsOptions, secureOptions } from './tls.ts';

/** Makes the sockets of one connection. Each function rejects if its step fails. */
export interface Dialler {
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
  try {
    return await steps({
      async connect(endpoint) {
        const socket = endpoint.kind === 'unix' ? connectSocket(endpoint.path) : connectSocket(endpoint);
        sockets.push(socket);
        await happens(socket, 'connect');
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        return socket;
      },
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
