import { type Address, type Fold, parseAddress, spell } from '../address/address.ts';
import { splitDetail } from '../address/detail.ts';
import { saying } from '../message.ts';
import type { Trace } from '../trace.ts';
import type { Answer, Maybe } from '../vocabulary.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';
import type { RecipientOptions } from './recipient-keys.ts';

/** An address in the form in which stores are asked for it. */
export interface Recipient {
  /** The local part as it was written, without quotes. */
  readonly written: string;
  /** The local part as it is compared: case-folded, unless `fold` says otherwise. */
  readonly local: string;
  /** The same without its detail. Null if it has no separator. */
  readonly user: string | null;
  readonly separator: string;
  /** May be empty. It keeps its case, because some stores compare it with its case. */
  readonly detail: string;
  /** The domain that has the mailbox: never an alias domain. */
  readonly domain: string;
  /** Whether it was written with an alias domain. */
  readonly ofAliasDomain: boolean;
}

/**
 * Reads a key as an address. Null if it cannot be one. Throws UncertainError for a bare user without a default domain.
 */
export function readRecipient(key: string, options: RecipientOptions, trace?: Trace): Recipient | null {
  const address = parseAddress(key, options.fold);
  if ('flaw' in address) {
    trace?.note('address', `the key cannot be an address: it ${address.flaw}`);
    return null;
  }
  if (key === '*' && options.defaultDomain === null) return null; // Postfix asks transport_maps for `*`: not a user
  const recipient = recipientOf(address, options, trace);
  if (trace !== undefined) noteParts(recipient, options, trace);
  return recipient;
}

/** Says how the local part was read. */
function noteParts(
  { written, local, user, separator, detail }: Recipient,
  options: RecipientOptions,
  trace: Trace,
): void {
  const { fold, separators } = options;
  if (local !== written) trace.note('address', `local part ${local}: case-folded (fold = "${fold}")`, 'fold');
  else trace.note('address', `local part ${local} (fold = "${fold}")`, 'fold');
  if (user !== null)
    trace.note(
      'detail',
      `user ${user}, separator ${separator}, detail ${detail === '' ? '(empty)' : detail}`,
      'detail.separators',
    );
  else
    trace.note(
      'detail',
      separators.length === 0 ? 'none: separators = []' : `none: no ${separators.join(' or ')} behind a user`,
      'detail.separators',
    );
}

/** The same for an address that is already parsed. */
export function recipientOf(
  { local: written, domain: asked }: Address,
  options: RecipientOptions,
  trace?: Trace,
): Recipient {
  const { defaultDomain, aliasDomains, separators, fold } = options;
  let domain = asked;
  if (domain === null || isLocal(domain, options)) {
    if (defaultDomain === null) {
      trace?.note('domain', 'the key has none, and default_domain is not set', 'default_domain');
      throw new UncertainError(saying`a key without a domain: set default_domain for this map`);
    }
    domain = defaultDomain;
  }
  if (trace !== undefined) noteDomain(asked, domain, options, trace);
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

/** Whether a domain stands for the default domain. */
function isLocal(domain: string, { localDomains, aliasDomains }: RecipientOptions): boolean {
  return localDomains.has(domain) || (localDomains.has('*') && !aliasDomains.has(domain));
}

/** Says which setting decided the domain. */
function noteDomain(
  asked: string | null,
  domain: string,
  { aliasDomains, localDomains }: RecipientOptions,
  trace: Trace,
): void {
  if (asked === null)
    trace.note('domain', `${domain}: the key has none, and default_domain = "${domain}"`, 'default_domain');
  else if (asked !== domain || localDomains.has(asked)) {
    const entry = localDomains.has(asked) ? asked : '*';
    trace.note('domain', `${domain}: local_domains has "${entry}", and default_domain = "${domain}"`, 'local_domains');
  } else trace.note('domain', `${domain}: from the key`);
  const hosted = aliasDomains.get(domain);
  if (hosted !== undefined)
    trace.note('domain', `${hosted}: alias_domains has ${domain} = "${hosted}"`, 'alias_domains');
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

/** The name of a recipient in messages, without quotes. Two recipients are the same if their names are equal. */
export function nameOf({ local, domain }: Recipient): string {
  return `${local}@${domain}`;
}
