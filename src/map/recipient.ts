import { type Address, type Fold, parseAddress, spell } from '../address/address.ts';
import { splitDetail } from '../address/detail.ts';
import type { Answer, Maybe } from '../vocabulary.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';
import type { RecipientOptions } from './recipient-keys.ts';

/** An address, as the stores are asked for it. */
export interface Recipient {
  /** As it was written, without quotes. */
  readonly written: string;
  /** Its one spelling. */
  readonly local: string;
  /** The same without a detail; null where there is none. */
  readonly user: string | null;
  readonly separator: string;
  /** May be empty; its case is for the store to judge. */
  readonly detail: string;
  /** The domain that holds it. */
  readonly domain: string;
  /** Whether it was written with another domain, which stands for this one. */
  readonly ofAliasDomain: boolean;
}

/** Null for what cannot be an address. Throws UncertainError for a bare user of whom nobody said in which domain. */
export function readRecipient(key: string, options: RecipientOptions): Recipient | null {
  const address = parseAddress(key, options.fold);
  if ('flaw' in address) return null;
  if (key === '*' && options.defaultDomain === null) return null; // Postfix asks its transport_maps so, and means no user
  return recipientOf(address, options);
}

/** The same for an address that was read already. */
export function recipientOf({ local: written, domain: asked }: Address, options: RecipientOptions): Recipient {
  const { defaultDomain, localDomains, aliasDomains, separators, fold } = options;
  let domain = asked;
  const isLocal = (name: string): boolean =>
    localDomains.has(name) || (localDomains.has('*') && !aliasDomains.has(name));
  if (domain === null || isLocal(domain)) {
    if (defaultDomain === null) throw new UncertainError('a key without a domain: set default_domain for this map');
    domain = defaultDomain;
  }
  const split = splitDetail(written, separators);
  return {
    written,
    local: spell(written, fold),
    user: split === null ? null : spell(split.user, fold),
    separator: split?.separator ?? '',
    detail: split?.detail.normalize('NFC') ?? '',
    domain: aliasDomains.get(domain) ?? domain,
    ofAliasDomain: aliasDomains.has(domain),
  };
}

/** Asks for a mailbox, or for a folder of it. */
export function askMailbox(
  store: Lookup,
  { local, domain }: { readonly local: string; readonly domain: string },
  fold: Fold,
  folder: string | null = null,
  anyCase = false,
): Maybe<Answer> {
  return store.lookup({ about: 'mailbox', local, domain, exact: fold !== 'both', folder, anyCase });
}

/** As it is named in a message, without quotes; two recipients are the same where their names are. */
export function nameOf({ local, domain }: Recipient): string {
  return `${local}@${domain}`;
}
