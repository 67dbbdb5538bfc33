import { isAscii, isUtf8 } from 'node:buffer';
import type { Asked, Request } from '../vocabulary.ts';

const BLANK = 0x20;

/** Splits a payload at its first blank, because keys may have blanks (`"a b"@example.org`). Null if it has no blank. */
export function parseRequest(payload: Buffer, asked?: Asked): Request | null {
  if (isAscii(payload)) {
    const text = payload.toString('latin1'); // half the time of decoding UTF-8
    const blank = text.indexOf(' ');
    return blank === -1 ? null : { map: text.slice(0, blank), key: text.slice(blank + 1), asked };
  }
  const blank = payload.indexOf(BLANK);
  if (blank === -1) return null;
  const key = payload.subarray(blank + 1);
  return { map: payload.toString('utf8', 0, blank), key: isUtf8(key) ? key.toString('utf8') : null, asked };
}

/** The payload that asks for a key in a map. */
export function formatRequest(map: string, key: string): string {
  return `${map} ${key}`;
}
