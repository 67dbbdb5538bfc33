import type { Reply } from '../vocabulary.ts';
import type { Framing } from './framing.ts';

const TOO_LONG: Reply = { kind: 'TEMP', reason: 'reply too long' };
const NO_LINE: Reply = { kind: 'TEMP', reason: 'reply is not a line' };

/**
 * The payload of a reply. There is always a blank after the word: Sendmail 8.17 crashes on a bare `OK`, and OpenSMTPD takes a
 * bare `NOTFOUND` for a failure. A payload over `maxBytes` becomes TEMP, because Postfix would drop it.
 */
export function formatReply(reply: Reply, maxBytes: number): string {
  const payload = payloadOf(reply);
  return isOver(payload, maxBytes) ? payloadOf(TOO_LONG) : payload;
}

/** The reply that a client gets and the log shows: TEMP instead of a reply that is too long or does not fit into a frame. */
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

/** Reads the reply of a server. Null if it breaks the protocol: an unknown word, or an `OK` without a blank. */
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
