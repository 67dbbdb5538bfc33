import type { Socket } from 'node:net';
import { saying } from '../../../message.ts';
import { StoreError } from '../../store.ts';
import { type Encode, type LdapEntry, type LdapMessage, decodeMessage } from './message.ts';

/** The result of a request. A search also has entries. */
export interface Result {
  readonly code: number;
  readonly text: string;
  readonly entries: readonly LdapEntry[];
  /** The parts of the directory that are on other servers, each with its URLs. */
  readonly refers: readonly (readonly string[])[];
}

/** One connection and its requests. When it is lost, all its requests reject, and it never connects again. */
export interface Wire {
  /** Sends a request, and waits for its result. */
  request(kind: 'bind' | 'search' | 'extended', encode: Encode): Promise<Result>;
  lost(): boolean;
  destroy(cause: StoreError): void;
  /** Gives the socket back, to start TLS on it. Throws if the server sent data too early: TLS did not protect it. */
  release(): void;
}

interface Pending {
  readonly kind: 'bind' | 'search' | 'extended';
  readonly entries: LdapEntry[];
  readonly refers: (readonly string[])[];
  /** Of all its messages. */
  bytes: number;
  resolve(result: Result): void;
  reject(cause: unknown): void;
}

const MOST_ON_THE_WAY = 64; // slapd ends a connection that has over 100 requests waiting (conn_max_pending)
const MOST_BYTES = 1 << 20; // an entry with the few attributes that we ask for is far smaller
const MOST_BYTES_OF_ALL = 16 << 20; // of one search: a server may ignore the size limit, and never come to an end
const LAST_ID = 0x7fff_ffff; // RFC 4511 section 4.1.1.1

/** Speaks LDAP on a connected socket. A request that takes longer than `timeoutMs` ends the connection. */
export function createWire(socket: Socket, timeoutMs: number): Wire {
  const pending = new Map<number, Pending>();
  const waiting: (() => void)[] = [];
  let received: Buffer = Buffer.alloc(0);
  let last = 0;
  let lost: StoreError | null = null;

  const destroy = (cause: StoreError): void => {
    lost ??= cause;
    for (const request of pending.values()) request.reject(lost);
    pending.clear();
    proceed();
    socket.destroy();
  };
  const proceed = (): void => {
    while (waiting.length > 0 && pending.size < MOST_ON_THE_WAY) waiting.shift()?.();
  };
  const onData = (data: Buffer): void => {
    received = received.length === 0 ? data : Buffer.concat([received, data]);
    try {
      for (let length = lengthOf(received); length !== null; length = lengthOf(received)) {
        const message = decodeMessage(received.subarray(0, length));
        received = received.subarray(length);
        take(message, length);
      }
    } catch (cause) {
      const reason = `the server does not speak LDAP (check host and port of url): ${(cause as Error).message}`;
      destroy(cause instanceof StoreError ? cause : new StoreError(reason, { cause }));
    }
  };
  const take = (message: LdapMessage, length: number): void => {
    if (message.id === 0)
      throw new StoreError(saying`the server ends the connection: ${'text' in message ? message.text : ''}`);
    const request = pending.get(message.id);
    if (request === undefined) throw new Error(`an answer to request ${message.id}, which was not made`);
    request.bytes += length;
    if (request.bytes > MOST_BYTES_OF_ALL)
      throw new StoreError(`the server sent over ${MOST_BYTES_OF_ALL} bytes for one search: make its filter narrower`);
    if (request.kind === 'search' && message.kind === 'entry') {
      request.entries.push(message.entry);
    } else if (request.kind === 'search' && message.kind === 'reference') {
      request.refers.push(message.urls);
    } else if (message.kind === request.kind && 'code' in message) {
      pending.delete(message.id);
      const { entries, refers } = request;
      request.resolve({ code: message.code, text: message.text, entries, refers });
      proceed();
    } else {
      throw new Error(`an answer of type ${message.kind} to a ${request.kind} request`);
    }
  };
  const onError = (cause: Error): void => destroy(new StoreError(cause.message, { cause }));
  const onEnd = (): void => destroy(new StoreError('the server ended the connection'));
  socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);

  return {
    request(kind, encode) {
      return new Promise<Result>((resolve, reject) => {
        const timer = setTimeout(() => destroy(new StoreError(`no answer within ${timeoutMs} ms`)), timeoutMs);
        const settle = <T>(next: (value: T) => void) => {
          return (value: T): void => {
            clearTimeout(timer);
            next(value);
          };
        };
        const request = { kind, entries: [], refers: [], bytes: 0, resolve: settle(resolve), reject: settle(reject) };
        waiting.push(() => {
          if (lost !== null) return request.reject(lost);
          last = last === LAST_ID ? 1 : last + 1;
          try {
            socket.write(encode(last));
            pending.set(last, request);
          } catch (cause) {
            request.reject(cause);
          }
        });
        proceed();
      });
    },
    lost: () => lost !== null,
    destroy,
    release() {
      if (received.length > 0)
        destroy(new StoreError('the server sent data before TLS without a request, so the connection is not safe'));
      if (lost !== null) throw lost;
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
    },
  };
}

/** The length of the first message in `bytes`, or null if it is not complete yet. Throws if no message begins there. */
function lengthOf(bytes: Buffer): number | null {
  const [tag, first] = bytes;
  if (tag === undefined) return null;
  if (tag !== 0x30) throw new Error(`a message begins with 0x${tag.toString(16)}`);
  if (first === undefined) return null;
  const more = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || more > 4) throw new Error('a message has no length');
  if (bytes.length < 2 + more) return null;
  const length = more === 0 ? first : bytes.readUIntBE(2, more);
  if (length > MOST_BYTES) throw new Error(`a message has ${length} bytes, over ${MOST_BYTES}`);
  return bytes.length < 2 + more + length ? null : 2 + more + length;
}
