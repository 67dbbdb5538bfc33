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
import { NOTFOUND } from './map.ts';
import type { Lookup, Resolver } from './moment.ts';
import { type Recipient, readRecipient } from './recipient.ts';
import { askAlias, hasMailbox, linksOf, readAll, textOf } from './step.ts';

const WILDCARD = /^(?:\+[+*])?@(?!.*@)/s; // what Sendmail asks for at the end: `++@domain`, `+*@domain`, `@domain`

/** What addresses stand for. It asks for mailboxes only where it found a catch-all, or for an alias domain. */
export const alias: Kind<AliasOptions> = {
  keys: () => aliasKeys,
  questions: ({ catchAll, aliasDomains }) =>
    catchAll === 'unknown' || aliasDomains.size > 0 ? [ALIAS, DOMAIN, MAILBOX] : [ALIAS, DOMAIN],
  isRare: ({ about }) => about === 'mailbox',
  create: createAliasMap,
  aliases: (options) => options,
};

/**
 * What does this address stand for? OK with its targets, NOTFOUND where it is certain to stand for itself. Asked for a
 * bare domain, as Postfix does where virtual_alias_domains is left at its default, it answers whether that is an alias
 * domain. Throws where the store does, and UncertainError for a loop.
 */
export function createAliasMap(options: AliasOptions): Resolver {
  const find = createChain(options);
  const findOwn = createChain({ ...options, catchAll: 'none' });
  const reply = (texts: readonly string[] | null): Reply =>
    texts === null ? NOTFOUND : { kind: 'OK', value: formatTargets(texts) };

  /** What is in an alias domain by another one's mailbox is to be delivered there. */
  const rewritten = (recipient: Recipient, store: Lookup): Maybe<Reply> => {
    if (!recipient.ofAliasDomain) return NOTFOUND;
    const value = formatAddress(recipient.written, recipient.domain);
    return andThen(hasMailbox(recipient, options, store), (has) => (has ? { kind: 'OK', value } : NOTFOUND));
  };
  const answer = (recipient: Recipient, store: Lookup): Maybe<Reply> =>
    andThen(find(recipient, store), (texts) => (texts === null ? rewritten(recipient, store) : reply(texts)));
  /** Who was asked for each address before has the catch-all already, where it is due; here a mailbox would lose its mail. */
  const wholeDomain = (domainText: string, store: Lookup): Maybe<Reply> => {
    const domain = options.catchAll === 'any' ? parseDomain(domainText) : null;
    if (domain === null) return NOTFOUND;
    const hosted = options.aliasDomains.get(domain) ?? domain;
    return andThen(askAlias(store, NOBODY, hosted, options), (found) => {
      const links = linksOf(found, { written: NOBODY, separator: '' }, '', options);
      return reply(links === null ? null : readAll(links).map(textOf));
    });
  };
  /** Such as `example.org`, `localhost`, or a user; a catch-all of the default domain must not catch the first. */
  const bareWord = (key: string, domain: string, store: Lookup): Maybe<Reply> =>
    andThen(store.lookup({ about: 'domain', domain }), (found) => {
      if (found !== null && classOf(found, domain) === 'alias') return { kind: 'OK', value: key };
      const dotted = domain.includes('.');
      if (dotted && options.defaultDomain === null) return NOTFOUND;
      const recipient = readRecipient(key, options);
      if (recipient === null) return NOTFOUND;
      return dotted ? andThen(findOwn(recipient, store), reply) : answer(recipient, store);
    });

  return (key, store) => {
    if (key === null) return NOTFOUND;
    const wildcard = WILDCARD.exec(key);
    if (wildcard !== null) return wholeDomain(key.slice(wildcard[0].length), store);
    const domain = key.includes('@') ? null : parseDomain(key);
    if (domain !== null) return bareWord(key, domain, store);
    const recipient = readRecipient(key, options);
    return recipient === null ? NOTFOUND : answer(recipient, store);
  };
}
