import type { Flaw } from '../address/address.ts';
import { type Owner, parseFileOwner } from '../record/owner.ts';

/** Reads an address, `@domain`, or a bare user, who is one of the default domain. */
export function readOwner(text: string, defaultDomain: string | null): Owner | Flaw {
  return parseFileOwner(text, defaultDomain, 'give --default-domain');
}

/** Lower case as makemap(8) and ZMailer make it, of ASCII only: a key that is folded further would never be asked for. */
export function lowerAscii(local: string): string {
  return local.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
