import type { Socket } from 'node:net';
import { StoreError } from '../../store.ts';
import { type Encode, type LdapEntry, type LdapMessage, decodeMessage } from './message.ts';

export interface Result {
  readonly code: number;
  readonly text: string;
  readonly entries: readonly LdapEntry[];
  /** Whether a part of the answer is on another server. */
  /** The parts of the directory that are elsewhere, each by its URLs. */
  readonly refers: readonly (readonly string[])[];
}

/** One connection, and what is under way on it. Once it is lost it stays lost, and all that is under way is rejected. */
export interface Wire {
  /** Asks, and awaits the result. */
  request(kind: 'bind' | 'search' | 'extended', encode: Encode): Promise<Result>;
  lost(): boolean;
  destroy(cause: StoreError): void;
  /** Gives the socket back, to be protected by TLS. Whatever came too early is refused: it was not protected. */
  release(): void;
}

interface Pending {
  readonly kind: 'bind' | 'search' | 'extended';
  readonly entries: LdapEntry[];
  readonly refers: (readonly string[])[];
  resolve(result: Result): void;
  reject(cause: unknown): void;
}

const MOST_ON_THE_WAY = 64; // slapd ends a connection that has over 100 requests waiting (conn_max_pending)
const MOST_BYTES = 1 << 20; // an entry with the few attributes that we ask for is far below
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
        take(message);
      }
    } catch (cause) {
      destroy(new StoreError(`what the server says is no LDAP: ${(cause as Error).message}`, { cause }));
    }
  };
  const take = (message: LdapMessage): void => {
    if (message.id === 0) throw new Error(`it ends the connection: ${'text' in message ? message.text : ''}`);
    const request = pending.get(message.id);
    if (request === undefined) throw new Error(`an answer to request ${message.id}, which was not made`);
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
        const request = { kind, entries: [], refers: [], resolve: settle(resolve), reject: settle(reject) };
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
      if (received.length > 0) destroy(new StoreError('the server said more before TLS than it was asked'));
      if (lost !== null) throw lost;
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
    },
  };
}

/** The length of the message that bytes begin with; null where it is not all there yet. Throws where they are none. */
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
