import { formatAddress, formatLocal } from '../address/address.ts';
import { splitDetail } from '../address/detail.ts';
import { parseDomain } from '../address/domain.ts';
import { formatTargets, parseTarget, parseTargets } from '../address/target.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Answer, type Maybe, NOBODY, type Reply } from '../vocabulary.ts';
import { type Handler, NOTFOUND, UncertainError } from './map.ts';
import { type Recipient, type RecipientOptions, askMailbox, readRecipient } from './recipient.ts';

export interface AliasOptions extends RecipientOptions {
  /** Whether `user+detail` goes to `target+detail` where only `user` is an alias, as Postfix does with its own tables. */
  readonly carryDetail: boolean;
  /** One step, since Postfix and Sendmail ask again for each target; or all the way, for who takes the answer as it is. */
  readonly expand: 'once' | 'fully';
  /** What `@domain` catches: what has no mailbox of its own; whatever has no alias, as in Postfix's own tables; or nothing. */
  readonly catchAll: 'unknown' | 'any' | 'none';
}

const LONGEST_CHAIN = 20; // aliases; Sendmail follows 10 (MAXRCRSN in conf.h)
const MOST_TARGETS = 1_000; // of one question; Postfix follows as many (virtual_alias_expansion_limit)

const WILDCARD = /^(?:\+[+*])?@(?!.*@)/s; // what Sendmail asks for at the end: `++@domain`, `+*@domain`, `@domain`

/** Aliases lead back to where they came from: the last of the path is in it twice. */
export class LoopError extends UncertainError {
  override name = 'LoopError';
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super(`aliases in a loop: ${path.join(' -> ')}`);
    this.path = path;
  }
}

/**
 * What does this address stand for? OK with its targets, NOTFOUND where it is certain to stand for itself. Asked for a
 * bare domain, as Postfix does where virtual_alias_domains is left at its default, it answers whether that is an alias
 * domain. Throws where the store does, and UncertainError for a loop.
 */
export function createAliasMap(options: AliasOptions, store: Store): Handler {
  const find = createAliases(options, store);
  const findOwn = createAliases({ ...options, catchAll: 'none' }, store);
  const reply = (targets: readonly string[] | null): Reply =>
    targets === null ? NOTFOUND : { kind: 'OK', value: formatTargets(targets.map(asAddress)) };

  /** What is in an alias domain by another one's mailbox is to be delivered there. */
  const rewritten = (recipient: Recipient): Maybe<Reply> => {
    if (!recipient.ofAliasDomain) return NOTFOUND;
    const address = formatAddress(recipient.written, recipient.domain);
    return andThen(hasMailbox(recipient, options, store), (has) => (has ? { kind: 'OK', value: address } : NOTFOUND));
  };
  const answer = (recipient: Recipient): Maybe<Reply> =>
    andThen(find(recipient), (targets) => (targets === null ? rewritten(recipient) : reply(targets)));
  /** Who was asked for each address before has the catch-all already, where it is due; here a mailbox would lose its mail. */
  const wholeDomain = (domainText: string): Maybe<Reply> => {
    const domain = options.catchAll === 'any' ? parseDomain(domainText) : null;
    if (domain === null) return NOTFOUND;
    const hosted = options.aliasDomains.get(domain) ?? domain;
    return andThen(askAlias(store, NOBODY, hosted, options), (found) => reply(targetsOf(found)));
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

/** Resolves to the targets of an address, or to null where it is certain to be no alias. Throws LoopError. */
export function createAliases(
  options: AliasOptions,
  store: Store,
): (recipient: Recipient) => Maybe<readonly string[] | null> {
  /** One step, in the order of Postfix's tables: `user+detail@domain`, `user@domain`, `@domain`. */
  const step = (recipient: Recipient): Maybe<readonly string[] | null> => {
    const { local, user, domain } = recipient;
    const adapted = (detail: string) => (answer: Answer) =>
      targetsOf(answer)?.map((target) => adapt(target, recipient, detail, options)) ?? null;
    const caught = (): Maybe<readonly string[] | null> => {
      if (options.catchAll === 'none') return null;
      return andThen(askAlias(store, NOBODY, domain, options), (answer) => {
        if (answer === null || options.catchAll === 'any') return adapted('')(answer);
        return andThen(hasMailbox(recipient, options, store), (has) => (has ? null : adapted('')(answer)));
      });
    };
    const unextended = (): Maybe<readonly string[] | null> => {
      if (user === null) return caught();
      return andThen(andThen(askAlias(store, user, domain, options), adapted(recipient.detail)), (targets) =>
        targets === null ? caught() : targets,
      );
    };
    return andThen(andThen(askAlias(store, local, domain, options), adapted('')), (targets) =>
      targets === null ? unextended() : targets,
    );
  };

  return (recipient) =>
    andThen(step(recipient), (targets) => {
      if (targets === null) return null;
      let asked = 0;
      /** Goes down to addresses that are no aliases; `path` is what led there. */
      const follow = (texts: readonly string[], path: readonly string[]): Maybe<string[]> =>
        texts.reduce<Maybe<string[]>>(
          (before, text) =>
            andThen(before, (ends) =>
              andThen(end(text, path), (more) => {
                ends.push(...more);
                return ends;
              }),
            ),
          [],
        );
      const end = (text: string, path: readonly string[]): Maybe<readonly string[]> => {
        const next = recipientOf(text, options);
        if (next === null) return [text];
        const name = formatAddress(next.local, next.domain);
        if (name === path.at(-1)) return [text]; // it keeps its own mail
        if (path.includes(name)) throw new LoopError([...path, name]);
        if (path.length > LONGEST_CHAIN) throw new UncertainError(`over ${LONGEST_CHAIN} aliases in a row at ${name}`);
        if (++asked > MOST_TARGETS) throw new UncertainError(`over ${MOST_TARGETS} targets behind ${path[0]}`);
        return andThen(step(next), (found) =>
          found === null
            ? [next.ofAliasDomain ? formatAddress(next.written, next.domain) : text]
            : follow(found, [...path, name]),
        );
      };
      const ends = follow(targets, [formatAddress(recipient.local, recipient.domain)]);
      return andThen(ends, (all) => (options.expand === 'once' ? targets : [...new Set(all)]));
    });
}

/** Whether there is a mailbox of that name, detail or not, in whatever state. */
function hasMailbox(recipient: Recipient, { fold }: AliasOptions, store: Store): Maybe<boolean> {
  const { local, user, domain } = recipient;
  return andThen(askMailbox(store, { local, domain }, fold), (found) => {
    if (found !== null || user === null) return found !== null;
    return andThen(askMailbox(store, { local: user, domain }, fold), (inbox) => inbox !== null);
  });
}

function askAlias(store: Store, local: string, domain: string, { fold }: AliasOptions): Maybe<Answer> {
  return store.lookup({ about: 'alias', local, domain, exact: fold !== 'both' });
}

function targetsOf(answer: Answer): readonly string[] | null {
  if (answer === null) return null;
  const targets = parseTargets(answer.value);
  if ('flaw' in targets) throw new UncertainError(`an alias cannot be read: ${targets.flaw}`);
  return targets;
}

/** Puts the detail behind a target that has none of its own, and the local part before a target that is only a domain. */
function adapt(text: string, { written, separator }: Recipient, detail: string, options: AliasOptions): string {
  const target = parseTarget(text);
  if ('flaw' in target || target.kind === 'special') return text;
  if (target.kind === 'domain') return formatAddress(written, target.domain);
  if (detail === '' || !options.carryDetail || splitDetail(target.local, options.separators) !== null) return text;
  const local = `${target.local}${separator}${detail}`;
  return target.domain === null ? formatLocal(local) : formatAddress(local, target.domain);
}

/** Null for what is not an address of ours to look up. */
function recipientOf(text: string, options: AliasOptions): Recipient | null {
  const target = parseTarget(text);
  if ('flaw' in target || target.kind !== 'address') return null;
  if (target.domain === null && options.defaultDomain === null) return null;
  return readRecipient(text, options);
}

function asAddress(text: string): string {
  const target = parseTarget(text);
  if ('flaw' in target || target.kind !== 'special') return text;
  throw new UncertainError(`an alias leads to ${text}, which only the mail server's own aliases file can do`);
}
