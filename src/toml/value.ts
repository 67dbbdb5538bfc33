import { foldLocal, parseAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';

/**
 * Readers for texts of a configuration. Each throws if the text is not valid, with a reason that completes "KEY: ...".
 */

/** An absolute path. */
export function absolutePath(text: string): string {
  if (!text.startsWith('/')) throw new Error(`"${text}" is not absolute`);
  return text;
}

/** A domain in its canonical form. */
export function domain(text: string): string {
  const parsed = parseDomain(text);
  if (parsed === null) throw new Error(`"${text}" is not a domain`);
  return parsed;
}

/** An address with its domain, its local part folded. */
export function addressOf(text: string): { local: string; domain: string } {
  const parsed = parseAddress(text);
  if ('flaw' in parsed) throw new Error(`"${text}" ${parsed.flaw}`);
  if (parsed.domain === null) throw new Error(`"${text}" has no domain`);
  return { local: foldLocal(parsed.local), domain: parsed.domain };
}

/** The name of a table. It has no blanks, because it is one word of a request or a line. */
export function tableName(text: string): string {
  if (!/^[^\s\x00-\x1f\x7f]+$/.test(text)) throw new Error(`"${text}" is not a name without blanks`);
  return text;
}
