import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Context, Mistake } from '../../../toml/type.ts';

/** Header fields that node:http sets itself. */
const OURS = /^(?:connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** The header fields of a store, by the keys that give them. */
interface HeaderKeys {
  readonly headers: Readonly<Record<string, string>>;
  readonly headerFiles: Readonly<Record<string, string>>;
  readonly tokenFile: string | null;
}

/** Adds the mistakes in the header fields of a store. */
export function complainOfHeaders({ headers, headerFiles, tokenFile }: HeaderKeys, context: Context): void {
  const files = Object.keys(headerFiles);
  const byToken = tokenFile === null ? null : 'token_file';
  const setBy = (name: string, others: readonly string[]): string | null => {
    if (byToken !== null && name.toLowerCase() === 'authorization') return byToken;
    return others.some((other) => other.toLowerCase() === name.toLowerCase()) ? 'header_files' : null;
  };
  const complain = (key: string, name: string, flaw: readonly [string, string] | null): void => {
    if (flaw === null) return;
    const [message, remedy] = flaw;
    context.add([key, name], message, remedy);
  };
  for (const [name, said] of Object.entries(headers)) {
    complain('headers', name, flawOfHeader(name, said, setBy(name, files)));
  }
  for (const name of files) complain('header_files', name, flawOfHeader(name, '', setBy(name, [])));
}

/** The mistakes in the header fields of one request. */
export function mistakesInHeaders(key: string, headers: Readonly<Record<string, string>>): readonly Mistake[] {
  return Object.entries(headers).flatMap(([name, said]) => {
    const flaw = flawOfHeader(name, said);
    return flaw === null ? [] : [{ key, reason: flaw[0], remedy: flaw[1] }];
  });
}

/** Why a header field cannot be sent, and the remedy. null: it can be sent. */
function flawOfHeader(name: string, said: string, setBy: string | null = null): readonly [string, string] | null {
  try {
    validateHeaderName(name);
  } catch {
    return ['is not a valid name of a header field', 'use letters, digits and hyphens'];
  }
  try {
    validateHeaderValue(name, said);
  } catch {
    return ['has a character that is not allowed in a header field', 'use characters of Latin-1, without line breaks'];
  }
  if (OURS.test(name)) return ['is set by smmap itself', 'remove it'];
  return setBy === null ? null : [`is already set from ${setBy}`, `remove this header or ${setBy}`];
}
