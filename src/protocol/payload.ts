import { isUtf8 } from 'node:buffer';

/**
 * What a decoder finds in a frame: each character is one byte. To make such a text takes half as long as a view of the bytes,
 * and most payloads are ASCII, so that it is also the text that was meant.
 */
export type Payload = string;

/** The text of a payload, or of a part of it. Null if it is not UTF-8. */
export function textOf(payload: Payload): string | null {
  for (let at = 0; at < payload.length; at++) if (payload.charCodeAt(at) > 0x7f) return textOfUtf8(payload);
  return payload;
}

/** The same. Bytes that are not UTF-8 become U+FFFD. */
export function readableOf(payload: Payload): string {
  return textOf(payload) ?? Buffer.from(payload, 'latin1').toString();
}

function textOfUtf8(payload: Payload): string | null {
  const bytes = Buffer.from(payload, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : null;
}
