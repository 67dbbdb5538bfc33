import { formatAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { formatTargets } from '../address/target.ts';
import { ALIAS, DOMAIN, MAILBOX } from '../example.ts';
import { andThen } from '../maybe.ts';
import { type Maybe, NOBODY, type Reply } from '../vocabulary.ts';
import { aliasKeys } from './alias-keys.ts';
import { type AliasOptions, createChain } from './chain.ts';
import { classOf } from './class.ts';
import type { Kind } from './kind.ts';
import { NOTFOUND, NO_ADDRESS } from './map.ts';
import type { Lookup, Resolver } from './moment.ts';
import { recipientVariants } from './recipient-keys.ts';
import { type Recipient, readRecipient } from './recipient.ts';
import { askAlias, hasMailbox, linksOf, readAll, textOf } from './step.ts';

const WILDCARD = /^(?:\+[+*])?@(?!.*@)/s; // the last questions of Sendmail: `++@domain`, `+*@domain`, `@domain`

/** The kind `alias`: the targets of an address. It asks for mailboxes only in an alias domain and for a catch-all. */
export const alias: Kind<AliasOptions> = {
  keys: () => aliasKeys,
  questions: ({ catchAll, aliasDomains }) =>
    catchAll === 'unknown' || aliasDomains.size > 0 ? [ALIAS, DOMAIN, MAILBOX] : [ALIAS, DOMAIN],
  isRare: ({ about }) => about === 'mailbox',
  create: createAliasMap,
  aliases: (options) => options,
  isSame: (one, other) => inOrder(one) === inOrder(other),
  variants(options) {
    const caught = { setting: 'catch_all = "unknown"', options: { ...options, catchAll: 'unknown' as const } };
    return [...(options.catchAll === 'none' ? [caught] : []), ...recipientVariants(options)];
  },
};

/** Targets in one order: stores may list them in any. */
function inOrder(targets: string): string {
  return targets.split(', ').toSorted().join(', ');
}

/**
 * Which targets does this address have? OK with the targets, NOTFOUND if the address is certainly not an alias. If the
 * key is a bare domain, it answers whether the domain has the class `alias`: Postfix asks so if virtual_alias_domains
 * has its default. Throws if the store throws, and UncertainError for a loop.
 */
export function createAliasMap(options: AliasOptions): Resolver {
  const find = createChain(options);
  const findOwn = createChain({ ...options, catchAll: 'none' });
  const reply = (texts: readonly string[] | null): Reply =>
    texts === null ? NOTFOUND : { kind: 'OK', value: formatTargets(texts) };

  /** An address in an alias domain leads to the mailbox in the domain that it stands for. */
  const rewritten = (recipient: Recipient, store: Lookup): Maybe<Reply> => {
    if (!recipient.ofAliasDomain) return NOTFOUND;
    const value = formatAddress(recipient.written, recipient.domain);
    return andThen(hasMailbox(recipient, options, store), (has) => {
      store.trace?.note(
        'alias',
        has ? `of an alias domain: leads to the mailbox ${value}` : `of an alias domain, but ${value} has no mailbox`,
      );
      return has ? { kind: 'OK', value } : NOTFOUND;
    });
  };
  const answer = (recipient: Recipient, store: Lookup): Maybe<Reply> =>
    andThen(find(recipient, store), (texts) => (texts === null ? rewritten(recipient, store) : reply(texts)));
  /**
   * Answers `@domain` only with `catch_all = "any"`. Otherwise the question for the address, which came before, already
   * found the catch-all if the address has no mailbox. If it has one, a catch-all here would take its mail.
   */
  const wholeDomain = (domainText: string, store: Lookup): Maybe<Reply> => {
    const domain = options.catchAll === 'any' ? parseDomain(domainText) : null;
    if (domain === null) {
      store.trace?.note('catch-all', 'a key for a whole domain is only answered with catch_all = "any"', 'catch_all');
      return NOTFOUND;
    }
    const hosted = options.aliasDomains.get(domain) ?? domain;
    return andThen(askAlias(store, NOBODY, hosted, options), (found) => {
      const links = linksOf(found, { written: NOBODY, separator: '' }, '', options);
      return reply(links === null ? null : readAll(links).map(textOf));
    });
  };
  /** A key such as `example.org` or `localhost`, which may also be a user. A catch-all must not catch `example.org`. */
  const bareWord = (key: string, domain: string, store: Lookup): Maybe<Reply> =>
    andThen(store.lookup({ about: 'domain', domain }), (found) => {
      if (found !== null && classOf(found, domain) === 'alias') return { kind: 'OK', value: key };
      store.trace?.note('class', `the bare word ${key} is not a domain of class alias`);
      const dotted = domain.includes('.');
      if (dotted && options.defaultDomain === null) return NOTFOUND;
      const recipient = readRecipient(key, options, store.trace);
      if (recipient === null) return NO_ADDRESS;
      return dotted ? andThen(findOwn(recipient, store), reply) : answer(recipient, store);
    });

  return (key, store) => {
    if (key === null) return NO_ADDRESS;
    const wildcard = WILDCARD.exec(key);
    if (wildcard !== null) return wholeDomain(key.slice(wildcard[0].length), store);
    const domain = key.includes('@') ? null : parseDomain(key);
    if (domain !== null) return bareWord(key, domain, store);
    const recipient = readRecipient(key, options, store.trace);
    return recipient === null ? NO_ADDRESS : answer(recipient, store);
  };
}
