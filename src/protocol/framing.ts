import { LineDecoder, encodeLine, isLine } from './line.ts';
import { NetstringDecoder, encodeNetstring } from './netstring.ts';
import type { Payload } from './payload.ts';

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
  /** Whether a payload can be put into a frame. */
  carries(payload: string): boolean;
  /**
   * Whether clients wait for a reply without a limit, and never connect again, as table-socketmap of OpenSMTPD does. No reply
   * comes too late for such a client, and it is never closed for being idle.
   */
  readonly patient: boolean;
}

export const FRAMINGS = {
  netstring: {
    decoder: (maxBytes) => new NetstringDecoder(maxBytes),
    encode: encodeNetstring,
    carries: () => true,
    patient: false,
  },
  line: { decoder: (maxBytes) => new LineDecoder(maxBytes), encode: encodeLine, carries: isLine, patient: true },
} as const satisfies Readonly<Record<string, Framing>>;

export type Protocol = keyof typeof FRAMINGS;
