import { foreign, saying } from '../../../message.ts';
import type { Wire } from '../../dial.ts';
import { EndedError } from '../../sessions.ts';
import { ClosedError, StoreError, toStoreError } from '../../store.ts';
import { type Reply, createReplyReader, wordsOfReply } from './reply.ts';

/** The commands and replies of one connection. When something goes wrong, it is lost for good. */
export interface Dialogue {
  /** Waits for the reply that nobody asked for: the greeting. */
  greeting(timeoutMs: number): Promise<Reply>;
  /** Writes commands at once, and waits for the reply to each. */
  say(commands: readonly string[], timeoutMs: number): Promise<readonly Reply[]>;
  /** Whether it was lost or closed. */
  ended(): boolean;
  /** Says goodbye. What is awaited fails. */
  close(): void;
  /** Leaves the socket, so that TLS can start on it. Throws if the server sent more than it was asked for. */
  release(): void;
}

interface Awaited {
  readonly count: number;
  readonly replies: Reply[];
  resolve(replies: readonly Reply[]): void;
  reject(cause: StoreError): void;
}

const BUSY = 421; // RFC 5321 section 3.8: the server ends the connection
const GOODBYE_MS = 1_000;
const UNASKED = 'the server sent a reply without a command';

/**
 * Talks over a wire. `busy` is called if the server ends the connection by the reply 421. A reply that
 * nobody waits for ends the connection: it could be taken for the reply to another command.
 */
export function createDialogue({ socket, read }: Wire, busy: () => void = () => {}): Dialogue {
  const reader = createReplyReader();
  let awaited: Awaited | null = null;
  let lost: StoreError | null = null;

  const lose = (cause: StoreError): void => {
    lost ??= cause;
    const failed = awaited;
    awaited = null;
    failed?.reject(lost);
    socket.destroy();
  };
  /** The server ends the connection. Before its first reply to a command, it may not even have seen that command. */
  const end = (cause: StoreError): void => {
    const isUnanswered = awaited === null || awaited.replies.length === 0;
    lose(isUnanswered ? new EndedError(cause.said, { cause }) : cause);
  };
  const take = (reply: Reply): void => {
    if (reply.code === BUSY) {
      if (awaited !== null) busy();
      return end(new StoreError(saying`the server ends the connection: ${foreign(wordsOfReply(reply))}`));
    }
    if (awaited === null) return lose(new StoreError(UNASKED));
    awaited.replies.push(reply);
    if (awaited.replies.length < awaited.count) return;
    const complete = awaited;
    awaited = null; // now, so that one reply more in the same packet is one without a command
    complete.resolve(complete.replies);
  };
  const onData = (data: Buffer): void => {
    try {
      for (const reply of reader.take(data)) if (lost === null) take(reply);
      if (awaited === null && reader.pending()) lose(new StoreError(UNASKED)); // the next reply would complete it
    } catch (cause) {
      lose(new StoreError(`the server does not speak SMTP: ${(cause as Error).message}`, { cause }));
    }
  };
  const onError = (cause: Error): void => {
    if (lost !== null) socket.destroy();
    else end(toStoreError(cause));
  };
  const onEnd = (): void => {
    if (lost !== null) socket.destroy();
    else end(new StoreError('the server ended the connection'));
  };
  const unread = read(onData);
  socket.on('error', onError).on('end', onEnd).on('close', onEnd);

  const wait = (count: number, timeoutMs: number): Promise<readonly Reply[]> =>
    new Promise((resolve, reject) => {
      if (lost !== null) return reject(lost);
      const timer = setTimeout(() => lose(new StoreError(`no reply within ${timeoutMs} ms`)), timeoutMs);
      awaited = {
        count,
        replies: [],
        resolve(replies) {
          clearTimeout(timer);
          resolve(replies);
        },
        reject(cause) {
          clearTimeout(timer);
          reject(cause);
        },
      };
    });

  return {
    async greeting(timeoutMs) {
      const [reply] = await wait(1, timeoutMs);
      return reply as Reply;
    },
    say(commands, timeoutMs) {
      if (lost === null) socket.write(commands.map((command) => `${command}\r\n`).join(''));
      return wait(commands.length, timeoutMs);
    },
    ended: () => lost !== null,
    close() {
      if (lost !== null) return;
      const isIdle = awaited === null;
      lost = new ClosedError();
      if (!isIdle) return lose(lost);
      socket.end('QUIT\r\n');
      setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
    },
    release() {
      if (lost !== null) throw lost;
      unread();
      socket.off('error', onError).off('end', onEnd).off('close', onEnd);
    },
  };
}
