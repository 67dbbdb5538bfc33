import { formatAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { formatTargets } from '../address/target.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Maybe, NOBODY, type Reply } from '../vocabulary.ts';
import { type AliasOptions, askAlias, createChain, hasMailbox, type Link, linksOf } from './chain.ts';
import { type Handler, NOTFOUND, UncertainError } from './map.ts';
import { type Recipient, readRecipient } from './recipient.ts';

const WILDCARD = /^(?:\+[+*])?@(?!.*@)/s; // what Sendmail asks for at the end: `++@domain`, `+*@domain`, `@domain`

/**
 * What does this address stand for? OK with its targets, NOTFOUND where it is certain to stand for itself. Asked for a
 * bare domain, as Postfix does where virtual_alias_domains is left at its default, it answers whether that is an alias
 * domain. Throws where the store does, and UncertainError for a loop.
 */
export function createAliasMap(options: AliasOptions, store: Store): Handler {
  const find = createChain(options, store);
  const findOwn = createChain({ ...options, catchAll: 'none' }, store);
  const reply = (links: readonly Link[] | null): Reply =>
    links === null ? NOTFOUND : { kind: 'OK', value: formatTargets(textsOf(links)) };

  /** What is in an alias domain by another one's mailbox is to be delivered there. */
  const rewritten = (recipient: Recipient): Maybe<Reply> => {
    if (!recipient.ofAliasDomain) return NOTFOUND;
    const address = formatAddress(recipient.written, recipient.domain);
    return andThen(hasMailbox(recipient, options, store), (has) => (has ? { kind: 'OK', value: address } : NOTFOUND));
  };
  const answer = (recipient: Recipient): Maybe<Reply> =>
    andThen(find(recipient), (links) => (links === null ? rewritten(recipient) : reply(links)));
  /** Who was asked for each address before has the catch-all already, where it is due; here a mailbox would lose its mail. */
  const wholeDomain = (domainText: string): Maybe<Reply> => {
    const domain = options.catchAll === 'any' ? parseDomain(domainText) : null;
    if (domain === null) return NOTFOUND;
    const hosted = options.aliasDomains.get(domain) ?? domain;
    return andThen(askAlias(store, NOBODY, hosted, options), (found) => reply(linksOf(found)));
  };
  /** Such as `example.org`, `localhost`, or a user; a catch-all of the default domain must not catch the first. */
  const bareWord = (key: string, domain: string): Maybe<Reply> =>
    andThen(store.lookup({ about: 'domain', domain }), (found) => {
      if (found?.value === 'alias') return { kind: 'OK', value: key };
      const dotted = domain.includes('.');
      if (dotted && options.defaultDomain === null) return NOTFOUND;
      const recipient = readRecipient(key, options);
      if (recipient === null) return NOTFOUND;
      return dotted ? andThen(findOwn(recipient), reply) : answer(recipient);
    });

  return (key) => {
    if (key === null) return NOTFOUND;
    const wildcard = WILDCARD.exec(key);
    if (wildcard !== null) return wholeDomain(key.slice(wildcard[0].length));
    const domain = key.includes('@') ? null : parseDomain(key);
    if (domain !== null) return bareWord(key, domain);
    const recipient = readRecipient(key, options);
    return recipient === null ? NOTFOUND : answer(recipient);
  };
}

/** Each once: several aliases may lead to the same. */
function textsOf(links: readonly Link[]): readonly string[] {
  const special = links.find(({ kind }) => kind === 'special');
  if (special === undefined) return [...new Set(links.map(({ text }) => text))];
  throw new UncertainError(`an alias leads to ${special.text}, which only the mail server's own aliases file can do`);
}
