import { type Flaw, parseAddress } from '../address/address.ts';
import { type Owner, parseOwner } from '../store/record/owner.ts';

/** Reads an address, `@domain`, or a bare user, who is one of the default domain. */
export function readOwner(text: string, defaultDomain: string | null): Owner | Flaw {
  const address = text.startsWith('@') ? null : parseAddress(text);
  if (address === null || 'flaw' in address || address.domain !== null) return parseOwner(text);
  if (defaultDomain === null) return { flaw: `${text}: has no domain; give --default-domain` };
  return { local: address.local.normalize('NFC'), domain: defaultDomain };
}

/** Lower case as makemap(8) and ZMailer make it, of ASCII only: a key that is folded further would never be asked for. */
export function lowerAscii(local: string): string {
  return local.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
