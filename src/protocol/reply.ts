import type { Reply } from '../vocabulary.ts';
import type { Framing } from './framing.ts';

const TOO_LONG: Reply = { kind: 'TEMP', reason: 'reply too long' };
const NO_LINE: Reply = { kind: 'TEMP', reason: 'reply is no line' };

/**
 * The payload of a reply. The blank after the word is always there: Sendmail 8.17 crashes on a bare `OK`, and
 * OpenSMTPD takes a bare `NOTFOUND` for a failure. A payload over `maxBytes` becomes TEMP, since Postfix drops it.
 */
export function formatReply(reply: Reply, maxBytes: number): string {
  const payload = payloadOf(reply);
  return isOver(payload, maxBytes) ? payloadOf(TOO_LONG) : payload;
}

/** What a client gets for a reply, so that the log can say it: the reply, or TEMP where it is too long or fits into no frame. */
export function sendable(reply: Reply, maxBytes: number, framing: Pick<Framing, 'carries'>): Reply {
  const payload = payloadOf(reply);
  if (isOver(payload, maxBytes)) return TOO_LONG;
  return framing.carries(payload) ? reply : NO_LINE;
}

function payloadOf(reply: Reply): string {
  return reply.kind === 'NOTFOUND' ? 'NOTFOUND ' : `${reply.kind} ${reply.kind === 'OK' ? reply.value : reply.reason}`;
}

function isOver(payload: string, maxBytes: number): boolean {
  return payload.length * 3 > maxBytes && Buffer.byteLength(payload) > maxBytes;
}

/** Reads a server's reply; null where it breaks the protocol: no known word, or an `OK` without its blank. */
export function parseReply(payload: string): Reply | null {
  const blank = payload.indexOf(' ');
  const word = blank === -1 ? payload : payload.slice(0, blank);
  const rest = blank === -1 ? '' : payload.slice(blank + 1);
  switch (word) {
    case 'OK':
      return blank === -1 ? null : { kind: 'OK', value: rest };
    case 'NOTFOUND':
      return { kind: 'NOTFOUND' };
    case 'TEMP':
    case 'TIMEOUT':
    case 'PERM':
      return { kind: word, reason: rest };
    default:
      return null;
  }
}
