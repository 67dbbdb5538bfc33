import type { Asked, Reply, Request } from '../vocabulary.ts';
import { LineDecoder, encodeLine } from './line.ts';
import { NetstringDecoder, encodeNetstring } from './netstring.ts';
import type { Payload } from './payload.ts';
import { POLICY, policyFraming } from './policy.ts';
import { formatReply } from './reply.ts';
import { parseRequest } from './request.ts';

/** Cuts a byte stream into payloads: push what was read, call `next()` until it returns null, then `keep()` the rest. */
export interface Decoder {
  /** Whether a payload has begun and its end was not read yet. */
  readonly unfinished: boolean;
  push(chunk: Buffer, length?: number): void;
  /** The next payload, or null if more bytes are needed. Throws FramingError. */
  next(): Payload | null;
  keep(): void;
}

/** How requests and replies are framed. */
export interface Framing {
  decoder(maxBytes: number): Decoder;
  encode(payload: string): string;
  /**
   * Whether clients wait for a reply without a limit, and never connect again, as table-socketmap of OpenSMTPD does. No reply
   * comes too late for such a client, and it is never closed for being idle.
   */
  readonly patient: boolean;
  /** What a payload asks. A reply: no map need be asked. Null: it is not a request. */
  parse(payload: Payload, asked?: Asked): Request | Reply | null;
  /** A reply in its frame. One over `maxBytes` becomes TEMP. */
  respond(reply: Reply, maxBytes: number): string;
}

export const FRAMINGS = {
  netstring: {
    decoder: (maxBytes) => new NetstringDecoder(maxBytes),
    encode: encodeNetstring,
    patient: false,
    parse: parseRequest,
    respond: (reply, maxBytes) => encodeNetstring(formatReply(reply, maxBytes)),
  },
  line: {
    decoder: (maxBytes) => new LineDecoder(maxBytes),
    encode: encodeLine,
    patient: true,
    parse: parseRequest,
    respond: (reply, maxBytes) => encodeLine(formatReply(reply, maxBytes)),
  },
  policy: policyFraming(() => POLICY),
} as const satisfies Readonly<Record<string, Framing>>;

/** What a listener can speak. */
export type Protocol = keyof typeof FRAMINGS;

/** What a client of a socket map server can speak. */
export type SocketMapProtocol = Exclude<Protocol, 'policy'>;

/** Whether a listener with this protocol can be asked as a socket map. */
export function isSocketMap(protocol: Protocol): protocol is SocketMapProtocol {
  return protocol !== 'policy';
}
