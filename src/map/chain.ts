import { formatAddress, formatLocal } from '../address/address.ts';
import { splitDetail } from '../address/detail.ts';
import { parseTargets, type Target } from '../address/target.ts';
import { andThen } from '../maybe.ts';
import type { Store } from '../store/store.ts';
import { type Answer, type Maybe, NOBODY } from '../vocabulary.ts';
import { UncertainError } from './map.ts';
import { type Recipient, type RecipientOptions, askMailbox, recipientOf } from './recipient.ts';

export interface AliasOptions extends RecipientOptions {
  /** Whether `user+detail` goes to `target+detail` where only `user` is an alias, as Postfix does with its own tables. */
  readonly carryDetail: boolean;
  /** One step, since Postfix and Sendmail ask again for each target; or all the way, for who takes the answer as it is. */
  readonly expand: 'once' | 'fully';
  /** What `@domain` catches: what has no mailbox of its own; whatever has no alias, as in Postfix's own tables; or nothing. */
  readonly catchAll: 'unknown' | 'any' | 'none';
}

/** Where an alias leads, with its text as it is answered. */
export type Link = Target & { readonly text: string };

const LONGEST_CHAIN = 20; // aliases; Sendmail follows 10 (MAXRCRSN in conf.h)
const MOST_TARGETS = 1_000; // of one question; Postfix follows as many (virtual_alias_expansion_limit)

/** Aliases lead back to where they came from: the last of the path is in it twice. */
export class LoopError extends UncertainError {
  override name = 'LoopError';
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super(`aliases in a loop: ${path.join(' -> ')}`);
    this.path = path;
  }
}

/** Resolves to where an address leads, or to null where it is certain to be no alias. Throws LoopError. */
export function createChain(
  options: AliasOptions,
  store: Store,
): (recipient: Recipient) => Maybe<readonly Link[] | null> {
  /** One step, in the order of Postfix's tables: `user+detail@domain`, `user@domain`, `@domain`. */
  const step = (recipient: Recipient): Maybe<readonly Link[] | null> => {
    const { local, user, domain } = recipient;
    const read = (detail: string) => (answer: Answer) =>
      linksOf(answer)?.map((link) => adapt(link, recipient, detail, options)) ?? null;
    const whole = read('');
    const caught = (): Maybe<readonly Link[] | null> => {
      if (options.catchAll === 'none') return null;
      return andThen(askAlias(store, NOBODY, domain, options), (answer) => {
        if (answer === null || options.catchAll === 'any') return whole(answer);
        return andThen(hasMailbox(recipient, options, store), (has) => (has ? null : whole(answer)));
      });
    };
    const unextended = (): Maybe<readonly Link[] | null> => {
      if (user === null) return caught();
      return andThen(askAlias(store, user, domain, options), (answer) =>
        answer === null ? caught() : read(recipient.detail)(answer),
      );
    };
    return andThen(askAlias(store, local, domain, options), (answer) =>
      answer === null ? unextended() : whole(answer),
    );
  };

  /** Goes down to where there are no aliases any more; `path` is what led there. */
  const follow = (links: readonly Link[], path: readonly string[], budget: Budget): Maybe<Link[]> =>
    links.reduce<Maybe<Link[]>>(
      (before, link) =>
        andThen(before, (ends) =>
          andThen(end(link, path, budget), (more) => {
            ends.push(...more);
            return ends;
          }),
        ),
      [],
    );
  const end = (link: Link, path: readonly string[], budget: Budget): Maybe<readonly Link[]> => {
    if (link.kind !== 'address' || (link.domain === null && options.defaultDomain === null)) return [link];
    const next = recipientOf(link, options);
    const name = nameOf(next);
    if (name === path.at(-1)) return [link]; // it keeps its own mail
    if (path.includes(name)) throw new LoopError([...path, name]);
    if (path.length > LONGEST_CHAIN) throw new UncertainError(`over ${LONGEST_CHAIN} aliases in a row at ${name}`);
    if (budget.left-- <= 0) throw new UncertainError(`over ${MOST_TARGETS} targets behind ${path[0]}`);
    return andThen(step(next), (found) => {
      if (found !== null) return follow(found, [...path, name], budget);
      return [next.ofAliasDomain ? linkTo(next.written, next.domain) : link];
    });
  };

  return (recipient) =>
    andThen(step(recipient), (links) => {
      if (links === null) return null;
      const ends = follow(links, [nameOf(recipient)], { left: MOST_TARGETS });
      return andThen(ends, (all) => (options.expand === 'once' ? links : all));
    });
}

/** As the path has it, without quotes. */
function nameOf({ local, domain }: Recipient): string {
  return `${local}@${domain}`;
}

/** How many targets may still be followed. */
interface Budget {
  left: number;
}

/** Whether there is a mailbox of that name, detail or not, in whatever state. */
export function hasMailbox(recipient: Recipient, { fold }: RecipientOptions, store: Store): Maybe<boolean> {
  const { local, user, domain } = recipient;
  return andThen(askMailbox(store, { local, domain }, fold), (found) => {
    if (found !== null || user === null) return found !== null;
    return andThen(askMailbox(store, { local: user, domain }, fold), (inbox) => inbox !== null);
  });
}

export function askAlias(store: Store, local: string, domain: string, { fold }: RecipientOptions): Maybe<Answer> {
  return store.lookup({ about: 'alias', local, domain, exact: fold !== 'both' });
}

/** Reads what a store says of an alias; what cannot be read is a doubt. */
export function linksOf(answer: Answer): readonly Link[] | null {
  if (answer === null) return null;
  const links = parseTargets(answer.value);
  if ('flaw' in links) throw new UncertainError(`an alias cannot be read: ${links.flaw}`);
  return links;
}

/** Puts the detail behind a target that has none of its own, and the local part before a target that is only a domain. */
function adapt(link: Link, { written, separator }: Recipient, detail: string, options: AliasOptions): Link {
  if (link.kind === 'special') return link;
  if (link.kind === 'domain') return linkTo(written, link.domain);
  if (detail === '' || !options.carryDetail || splitDetail(link.local, options.separators) !== null) return link;
  return linkTo(`${link.local}${separator}${detail}`, link.domain);
}

function linkTo(local: string, domain: string | null): Link {
  const text = domain === null ? formatLocal(local) : formatAddress(local, domain);
  return { kind: 'address', text, local, domain };
}
