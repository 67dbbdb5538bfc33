import { foreign, saying } from '../../../message.ts';
import { FramingError, NetstringDecoder, encodeNetstring } from '../../../protocol/netstring.ts';
import { type Payload, textOf } from '../../../protocol/payload.ts';
import { parseReply } from '../../../protocol/reply.ts';
import type { Reply } from '../../../vocabulary.ts';
import type { Wire } from '../../dial.ts';
import { EndedError, type Session } from '../../sessions.ts';
import { QuestionError, StoreError } from '../../store.ts';
import { NO_VERDICT } from './verdict.ts';

/** A connection to a socket map server. */
export interface SocketmapSession extends Session {
  /** Sends one request after the other, each in one write and each after the reply to the one before. */
  askAll(payloads: readonly string[]): Promise<readonly Reply[]>;
}

const MOST_BYTES = 100_000; // of a reply, as in Postfix

interface Asking {
  readonly payloads: readonly string[];
  readonly replies: Reply[];
  readonly done: (result: readonly Reply[] | StoreError) => void;
}

/**
 * Speaks on a wire. The connection ends at the first byte that was not expected, and if not all
 * replies have come within `timeoutMs`: a later reply would be taken for the reply to another request.
 */
export function openSession({ socket, read }: Wire, timeoutMs: number): SocketmapSession {
  const decoder = new NetstringDecoder(MOST_BYTES);
  let asking: Asking | null = null;
  let broken: StoreError | null = null;

  const breakOff = (error: StoreError): void => {
    broken ??= error;
    socket.destroy();
    asking?.done(broken);
  };
  const send = ({ payloads, replies }: Asking): void => {
    socket.write(encodeNetstring(payloads[replies.length] as string));
  };
  const take = (payload: Payload, { payloads, replies, done }: Asking): void => {
    const text = textOf(payload);
    const reply = text === null ? null : parseReply(text);
    const flaw = decoder.unfinished ? 'the server sent more than the reply' : reply === null ? UNKNOWN : flawOf(reply);
    if (flaw !== null) return breakOff(typeof flaw === 'string' ? new StoreError(flaw) : flaw);
    replies.push(reply as Reply);
    if (replies.length === payloads.length) done(replies);
    else send({ payloads, replies, done });
  };

  read((bytes) => {
    if (asking === null) return breakOff(new StoreError('the server sent a reply without a request'));
    decoder.push(bytes);
    try {
      const payload = decoder.next();
      if (payload !== null) take(payload, asking);
      decoder.keep();
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      breakOff(new StoreError(`the server did not send a netstring: ${error.message}`));
    }
  });
  const onEnd = (): void => {
    const ended = decoder.unfinished ? StoreError : EndedError; // a part of a reply is not asked for again
    breakOff(new ended('the server ended the connection without a reply'));
  };
  socket.on('end', onEnd).on('close', onEnd).on('error', onEnd);

  return {
    askAll: (payloads) =>
      new Promise((resolve, reject) => {
        if (broken !== null) return reject(broken);
        const late = (): void => breakOff(new StoreError(`no reply within ${timeoutMs} ms`));
        const timer = setTimeout(late, timeoutMs);
        asking = {
          payloads,
          replies: [],
          done(result) {
            asking = null;
            clearTimeout(timer);
            if (result instanceof StoreError) reject(result);
            else resolve(result);
          },
        };
        send(asking);
      }),
    ended: () => broken !== null,
    close: () => void socket.destroy(),
  };
}

const UNKNOWN = 'the reply of the server is none of OK, NOTFOUND, TEMP, TIMEOUT and PERM';

/** Why a session cannot go on after this reply. Null if it can. */
function flawOf(reply: Reply): StoreError | null {
  if (reply.kind !== 'PERM' || !NO_VERDICT.test(reply.reason)) return null;
  const said = saying`the server says PERM: ${foreign(reply.reason)}`;
  return reply.reason.startsWith('Bad protocol') ? new StoreError(said) : new QuestionError(said);
}
