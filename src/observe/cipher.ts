import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** Makes hashes that only the holder of a secret can reveal. */
export interface Cipher {
  /** The hash of a text, such as `hash:q1ZtUx...`. Equal texts have equal hashes. */
  readonly hide: (text: string) => string;
  /** The text of a hash. Null if it was not made with this secret. */
  readonly reveal: (hash: string) => string | null;
}

/** Finds the hashes in a text. */
export const HASH = /hash:[A-Za-z0-9_-]{43,}/g;

const PREFIX = 'hash:';
const BLOCK = 16; // bytes; texts are padded to it, so that a hash tells little about the length of its text
const END = 0x80; // the first byte of the padding

/**
 * Deterministic encryption, built as in RFC 5297 (SIV) with HMAC-SHA-256 and AES-256-CTR of node:crypto: the first 16 bytes
 * are the keyed hash of the text, and the rest is the text, encrypted with that hash as counter.
 */
export function createCipher(secret: Buffer): Cipher {
  const keyFor = (what: string): Buffer => createHmac('sha256', secret).update(what).digest();
  const [hashKey, textKey] = [keyFor('hash'), keyFor('text')];
  const hashOf = (padded: Buffer): Buffer => createHmac('sha256', hashKey).update(padded).digest().subarray(0, BLOCK);
  return {
    hide(text) {
      const bytes = Buffer.from(text);
      const padded = Buffer.alloc((Math.floor(bytes.length / BLOCK) + 1) * BLOCK);
      padded[bytes.copy(padded)] = END;
      const hash = hashOf(padded);
      const encrypted = createCipheriv('aes-256-ctr', textKey, hash).update(padded);
      return PREFIX + Buffer.concat([hash, encrypted]).toString('base64url');
    },
    reveal(text) {
      const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url');
      if (!text.startsWith(PREFIX) || bytes.length < 2 * BLOCK) return null;
      const hash = bytes.subarray(0, BLOCK);
      const padded = createDecipheriv('aes-256-ctr', textKey, hash).update(bytes.subarray(BLOCK));
      return hashOf(padded).equals(hash) ? padded.toString('utf8', 0, padded.lastIndexOf(END)) : null;
    },
  };
}
