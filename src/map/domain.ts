import { parseDomain } from '../address/domain.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Handler, NOTFOUND } from './map.ts';

export interface DomainOptions {
  /** Domains that stand for another one: hosted where that one is. */
  readonly aliasDomains: ReadonlyMap<string, string>;
}

/**
 * Do we host this domain? OK where the store has a mailbox in it; NOTFOUND where it is certain to have none, and for what
 * cannot be a domain, such as the addresses that Postfix asks its alias maps for. Throws where the store does.
 */
export function createDomainMap({ aliasDomains }: DomainOptions, store: Store): Handler {
  return (key) => {
    const domain = key === null ? null : parseDomain(key);
    if (key === null || domain === null) return NOTFOUND;
    const hosted = store.lookup({ about: 'domain', domain: aliasDomains.get(domain) ?? domain });
    return andThen(hosted, (answer) => (answer === null ? NOTFOUND : { kind: 'OK', value: key }));
  };
}
