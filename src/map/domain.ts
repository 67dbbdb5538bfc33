import { parseDomain } from '../address/domain.ts';
import { andThen } from '../maybe.ts';
import type { DomainClass } from '../vocabulary.ts';
import { classOf } from './class.ts';
import { NOTFOUND } from './map.ts';
import type { Resolver } from './moment.ts';
import { formatValue } from './value.ts';

export interface DomainOptions {
  /** Domains that stand for another one: hosted where that one is. */
  readonly aliasDomains: ReadonlyMap<string, string>;
  /** Only domains of this class; null: any. */
  readonly class: DomainClass | null;
  readonly reply: 'key' | 'value' | { readonly text: string };
}

/**
 * Do we host this domain? OK where the store has it, or a mailbox in it; NOTFOUND where it is certain to have neither, and
 * for what cannot be a domain, such as an address. Throws where the store does, and UncertainError for a class that smmap does not
 * know, where the map is for one class.
 */
export function createDomainMap({ aliasDomains, class: wanted, reply }: DomainOptions): Resolver {
  return (key, store) => {
    const domain = key === null ? null : parseDomain(key);
    if (key === null || domain === null) return NOTFOUND;
    const hosted = aliasDomains.get(domain) ?? domain;
    return andThen(store.lookup({ about: 'domain', domain: hosted }), (answer) => {
      if (answer === null || (wanted !== null && classOf(answer, hosted) !== wanted)) return NOTFOUND;
      return {
        kind: 'OK',
        value: formatValue(reply, { key, local: '', user: '', domain: hosted, value: answer.value }),
      };
    });
  };
}
