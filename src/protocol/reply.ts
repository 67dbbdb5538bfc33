import type { Reply } from '../vocabulary.ts';

/**
 * The payload of a reply. The blank after the word is always there: Sendmail 8.17 crashes on a bare `OK`, and
 * OpenSMTPD takes a bare `NOTFOUND` for a failure. A payload over `maxBytes` becomes TEMP, since Postfix drops it.
 */
export function formatReply(reply: Reply, maxBytes: number): string {
  const text =
    reply.kind === 'NOTFOUND' ? 'NOTFOUND ' : `${reply.kind} ${reply.kind === 'OK' ? reply.value : reply.reason}`;
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes ? 'TEMP reply too long' : text;
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
