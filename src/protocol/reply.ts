import type { Reply } from '../vocabulary.ts';

const TOO_LONG: Reply = { kind: 'TEMP', reason: 'reply too long' };
const MOST_BEFORE = 'NOTFOUND '.length; // characters before the text
const NO_LINE = /[\r\n\0]/;
const NOT_A_LINE: Reply = { kind: 'TEMP', reason: 'reply is not a line' };

/**
 * The payload of a reply. There is always a blank after the word: Sendmail 8.17 crashes on a bare `OK`, and OpenSMTPD takes a
 * bare `NOTFOUND` for a failure. A payload over `maxBytes` becomes TEMP, because Postfix would drop it.
 */
export function formatReply(reply: Reply, maxBytes: number): string {
  return payloadOf(isOver(reply, maxBytes) ? TOO_LONG : reply);
}

/**
 * The reply that a client gets and the log shows: TEMP instead of one that is too long, or has a character that ends a text or a
 * line. Mail servers put values into SMTP replies, headers and C strings: it would be cut there, or be two lines.
 */
export function sendable(reply: Reply, maxBytes: number): Reply {
  if (isOver(reply, maxBytes)) return TOO_LONG;
  return NO_LINE.test(textOf(reply)) ? NOT_A_LINE : reply;
}

function payloadOf(reply: Reply): string {
  return `${reply.kind} ${textOf(reply)}`;
}

function textOf(reply: Reply): string {
  if (reply.kind === 'NOTFOUND') return '';
  return reply.kind === 'OK' ? reply.value : reply.reason;
}

function isOver(reply: Reply, maxBytes: number): boolean {
  const mostBytes = (MOST_BEFORE + textOf(reply).length) * 3;
  return mostBytes > maxBytes && Buffer.byteLength(payloadOf(reply)) > maxBytes;
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
