import { Buffer } from 'node:buffer';
import type { Payload } from './payload.ts';

/** Netstrings, `<length>:<payload>,` (D. J. Bernstein, 1997). The socket map protocol frames its requests and replies so. */

const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const COMMA = 0x2c;
const EMPTY = Buffer.alloc(0);

/** The bytes are not a netstring, or one over the limit. We cannot know where the next frame starts, so the stream is lost. */
export class FramingError extends Error {
  override name = 'FramingError';
}

/** Puts a payload into a frame. The length counts bytes, not characters. */
export function encodeNetstring(payload: string): string {
  return `${Buffer.byteLength(payload)}:${payload},`;
}

/**
 * Cuts a byte stream into payloads, wherever it was split. Push what was read, call `next()` until it returns null, then
 * call `keep()` before you use the pushed buffer again. An unfinished payload is copied into a buffer that doubles, so a
 * client uses no more memory than twice what it has sent, and a length alone allocates nothing.
 */
export class NetstringDecoder {
  readonly #maxBytes: number;
  readonly #maxDigits: number;
  #buffer: Buffer = EMPTY;
  #borrowed = true;
  #start = 0;
  #end = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxDigits = String(maxBytes).length;
  }

  /** Whether a frame has begun and its end was not read yet. Valid once `next()` has returned null. */
  get unfinished(): boolean {
    return this.#start < this.#end;
  }

  /** Takes the first `length` bytes of a buffer. */
  push(chunk: Buffer, length = chunk.length): void {
    const waiting = this.#end - this.#start;
    if (waiting === 0) {
      this.#buffer = chunk;
      this.#borrowed = true;
      this.#start = 0;
      this.#end = length;
      return;
    }
    if (this.#borrowed || this.#end + length > this.#buffer.length) this.#move(Math.max(2 * waiting, waiting + length));
    chunk.copy(this.#buffer, this.#end, 0, length);
    this.#end += length;
  }

  /** Copies the unfinished bytes, so that the buffer of the last push is free for another read. */
  keep(): void {
    if (this.#borrowed && this.#start < this.#end) this.#move(this.#end - this.#start);
  }

  /** Moves the unfinished bytes to a buffer of our own. */
  #move(bytes: number): void {
    const own = Buffer.allocUnsafeSlow(bytes);
    this.#end = this.#buffer.copy(own, 0, this.#start, this.#end);
    this.#start = 0;
    this.#buffer = own;
    this.#borrowed = false;
  }

  /** The next payload, or null if more bytes are needed. Throws FramingError. */
  next(): Payload | null {
    const buffer = this.#buffer;
    let at = this.#start;
    let length = 0;
    for (; at < this.#end; at++) {
      const byte = buffer[at] as number;
      if (byte === COLON && at > this.#start) break;
      if (byte < ZERO || byte > NINE)
        throw new FramingError('a netstring starts with its length in digits and a colon');
      if (length === 0 && at > this.#start) throw new FramingError('a length has a leading zero');
      if (at - this.#start === this.#maxDigits) throw new FramingError(`a length is over ${this.#maxBytes} bytes`);
      length = length * 10 + byte - ZERO;
    }
    if (length > this.#maxBytes) throw new FramingError(`a length is over ${this.#maxBytes} bytes`);
    const from = at + 1;
    const to = from + length;
    if (to >= this.#end) return null;
    if (buffer[to] !== COMMA) throw new FramingError('a netstring does not end with a comma');
    this.#start = to + 1;
    if (this.#start === this.#end) {
      this.#buffer = EMPTY; // an idle client holds nothing
      this.#start = this.#end = 0;
    }
    return buffer.toString('latin1', from, to);
  }
}
