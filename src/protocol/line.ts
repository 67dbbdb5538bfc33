import { FramingError } from './netstring.ts';
import type { Payload } from './payload.ts';

/** Lines that end with a line feed. table-socketmap of OpenSMTPD frames the same requests and replies so. */

const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Puts a payload into a line. A payload with a line feed would be two lines, so it becomes TEMP. */
export function encodeLine(payload: string): string {
  return `${payload.includes('\n') ? 'TEMP reply is not a line' : payload}\n`;
}

/** Cuts a byte stream into lines without their ends. Keeps at most `maxBytes` of an unfinished line. */
export class LineDecoder {
  readonly #maxBytes: number;
  #buffer: Buffer = EMPTY;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get unfinished(): boolean {
    return this.#buffer.length > 0;
  }

  push(chunk: Buffer, length = chunk.length): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk.subarray(0, length)]); // a copy, so the chunk is free
  }

  keep(): void {}

  next(): Payload | null {
    const end = this.#buffer.indexOf(LINE_FEED);
    if ((end === -1 ? this.#buffer.length : end) > this.#maxBytes) {
      throw new FramingError(`a line is over ${this.#maxBytes} bytes`);
    }
    if (end === -1) return null;
    const line = this.#buffer.toString('latin1', 0, end);
    this.#buffer = end + 1 === this.#buffer.length ? EMPTY : this.#buffer.subarray(end + 1); // an idle client holds nothing
    return line;
  }
}
