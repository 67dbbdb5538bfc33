import type { Flaw } from '../address/address.ts';
import { type Owner, parseFileOwner } from '../record/owner.ts';

/** Reads an address, `@domain`, or a user without a domain, who gets the default domain. */
export function readOwner(text: string, defaultDomain: string | null): Owner | Flaw {
  return parseFileOwner(text, defaultDomain, 'give --default-domain');
}

/** Lower case of ASCII only, as makemap(8) and ZMailer make it. They never ask for a key that is folded further. */
export function lowerAscii(local: string): string {
  return local.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
