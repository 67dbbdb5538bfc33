import type { Asked, Request } from '../vocabulary.ts';
import { type Payload, readableOf, textOf } from './payload.ts';

/** Splits a payload at its first blank, because keys may have blanks (`"a b"@example.org`). Null if it has no blank. */
export function parseRequest(payload: Payload, asked?: Asked): Request | null {
  const blank = payload.indexOf(' ');
  if (blank === -1) return null;
  return { map: readableOf(payload.slice(0, blank)), key: textOf(payload.slice(blank + 1)), asked };
}

/** The payload that asks for a key in a map. */
export function formatRequest(map: string, key: string): string {
  return `${map} ${key}`;
}
