import { parseDomain } from '../address/domain.ts';
import { DOMAIN } from '../example.ts';
import { andThen } from '../maybe.ts';
import { optional, section, z } from '../toml/type.ts';
import { CLASSES } from '../vocabulary.ts';
import { classOf } from './class.ts';
import type { Kind } from './kind.ts';
import { NOTFOUND, NO_ADDRESS } from './map.ts';
import type { Resolver } from './moment.ts';
import { aliasDomains } from './recipient-keys.ts';
import { formatValue, replyForm } from './value.ts';

/** A `[map.NAME]` of kind domain. */
const domainKeys = section({
  alias_domains: aliasDomains,
  /** Only domains of this class are found. Null: of any class. */
  class: optional(z.literal(CLASSES).describe(`one of ${CLASSES.join(', ')}`)),
  /** What follows OK. */
  reply: replyForm(['key', 'value']),
});

/** The keys, as they are read. */
export type DomainOptions = z.output<typeof domainKeys>;

/** The kind `domain`: which domains we host. */
export const domain: Kind<DomainOptions> = {
  keys: () => domainKeys,
  questions: () => [DOMAIN],
  create: createDomainMap,
  isSame: (one, other) => one === other,
  variants: (options) =>
    options.class === null ? [] : [{ setting: 'without class', options: { ...options, class: null } }],
};

/**
 * Do we host this domain? OK if the store has the domain or a mailbox in it. NOTFOUND if it certainly has neither, and
 * for a key that cannot be a domain, such as an address. Throws if the store throws, and UncertainError for an unknown
 * class if the map has only one class.
 */
export function createDomainMap(options: DomainOptions): Resolver {
  const { class: wanted, reply } = options;
  return (key, store) => {
    const asked = key === null ? null : parseDomain(key);
    if (key === null || asked === null) {
      store.trace?.note('domain', 'the key cannot be a domain');
      return NO_ADDRESS;
    }
    const hosted = options.aliasDomains.get(asked) ?? asked;
    if (hosted === asked) store.trace?.note('domain', asked);
    else store.trace?.note('domain', `${hosted}: alias_domains has ${asked} = "${hosted}"`, 'alias_domains');
    return andThen(store.lookup({ about: 'domain', domain: hosted }), (answer) => {
      if (answer === null) return NOTFOUND;
      if (wanted !== null && classOf(answer, hosted) !== wanted) {
        store.trace?.note('class', `is ${classOf(answer, hosted)}, and this map has class = "${wanted}"`, 'class');
        return NOTFOUND;
      }
      return {
        kind: 'OK',
        value: formatValue(reply, { key, local: '', user: '', domain: hosted, value: answer.value }),
      };
    });
  };
}
