import { foldLocal, parseAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';

/** The texts of a configuration, read. Each throws where the text is none, with a reason that completes "KEY: ...". */
export function absolutePath(text: string): string {
  if (!text.startsWith('/')) throw new Error(`"${text}" is not absolute`);
  return text;
}

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

/** A name that can be the second word of a request, or of a line. */
export function tableName(text: string): string {
  if (!/^[^\s\x00-\x1f\x7f]+$/.test(text)) throw new Error(`"${text}" is no name without blanks`);
  return text;
}
