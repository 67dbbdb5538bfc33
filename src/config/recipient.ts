import type { Mistake } from '../toml/type.ts';
import type { Fold } from '../address/address.ts';
import type { RecipientOptions } from '../map/recipient.ts';

/** The keys of a `[map.NAME]` whose keys are addresses, each read by itself. */
export interface RecipientKeys {
  readonly default_domain?: string | undefined;
  readonly local_domains: readonly string[];
  readonly alias_domains: ReadonlyMap<string, string>;
  readonly fold: Fold;
  readonly detail: { readonly separators: readonly string[] };
}

/** What of them does not fit together. */
export function mistakesOfRecipient(raw: RecipientKeys): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const refuse = (reason: string, remedy: string): void => void mistakes.push({ key: 'local_domains', reason, remedy });
  const both = raw.local_domains.filter((local) => raw.alias_domains.has(local));
  if (both.length > 0) refuse(`and alias_domains both have ${both.join(', ')}`, 'let each stand for one domain');
  if (raw.local_domains.length > 0 && raw.default_domain === undefined) {
    refuse('means the default domain, and there is none', 'set default_domain, or remove local_domains');
  }
  return mistakes;
}

export function recipientOptions(raw: RecipientKeys): RecipientOptions {
  return {
    defaultDomain: raw.default_domain ?? null,
    localDomains: new Set(raw.local_domains),
    aliasDomains: raw.alias_domains,
    separators: raw.detail.separators,
    fold: raw.fold,
  };
}
