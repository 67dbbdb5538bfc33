import { andThen, firstOf } from '../maybe.ts';
import { joined, plain, saying } from '../message.ts';
import { QuestionError } from '../store/store.ts';
import type { Maybe } from '../vocabulary.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';
import type { RecipientOptions } from './recipient-keys.ts';
import { type Recipient, nameOf, recipientOf } from './recipient.ts';
import type { Link, Links, Step } from './step.ts';

export const LONGEST_CHAIN = 20; // aliases; Sendmail follows 10 (MAXRCRSN in conf.h)
export const MOST_TARGETS = 1_000; // for one request, as in Postfix (virtual_alias_expansion_limit)

/** Aliases that lead back to an earlier alias. The last name of the path is in it twice. */
export class LoopError extends UncertainError {
  override name = 'LoopError';
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super(saying`aliases in a loop: ${joined(path, ' -> ')}`);
    this.path = path;
  }

  /** The part of the path that is the loop itself. */
  get ring(): readonly string[] {
    return this.path.slice(this.path.indexOf(this.path.at(-1) as string));
  }
}

/** The own mailbox of an address, whatever its aliases are: one that takes mail, one that does not, or none. */
export type Own = 'taken' | 'refused' | 'none';

/** The questions that decide where a search ends. */
export interface Ends {
  /** The own mailbox of an address. A search asks once for each target. */
  own(recipient: Recipient, store: Lookup): Maybe<Own>;
  /** Whether an address without a mailbox and an alias may take mail, because another server hosts its domain. */
  isElsewhere(domain: string, store: Lookup): Maybe<boolean>;
}

/** Whether one target of an alias takes mail. */
export type Search = (recipient: Recipient, own: Own, links: Links, store: Lookup) => Maybe<boolean>;

/** The state of one search. */
interface Walk {
  readonly store: Lookup;
  readonly seen: Set<string>;
  targetsLeft: number;
  doubt: { readonly cause: unknown } | null;
  loop: LoopError | null;
}

/**
 * Makes a search. It is true as soon as one target, or a target of a target, takes mail, whatever the others are. It is
 * false if certainly none does. It visits each target once, so two users who copy each other are not a loop; `\user` is
 * another target than `user`, whose alias counts. If no target takes mail, it throws LoopError if there was a loop, or
 * else the first doubt, if it could not follow one of the targets.
 */
export function createSearch(options: RecipientOptions, step: Step, ends: Ends): Search {
  const among = (links: Links, path: readonly string[], own: Own, walk: Walk): Maybe<true | null> =>
    firstOf(links.count, (at) => keepDoubt(walk, () => visit(links.at(at), path, own, walk)));

  /** `path`: the names that led here. `own`: the own mailbox of the last one. */
  const visit = (link: Link, path: readonly string[], own: Own, walk: Walk): Maybe<true | null> => {
    if (walk.targetsLeft-- <= 0)
      throw new UncertainError(
        saying`the aliases of ${path[0] as string} lead to over ${MOST_TARGETS} targets: make the list shorter`,
      );
    if (link.kind === 'unreadable')
      throw new UncertainError(saying`an alias cannot be read: the target ${link.text} ${plain(link.flaw)}`);
    const trace = walk.store.trace;
    if (link.kind === 'special' || (link.domain === null && options.defaultDomain === null)) {
      trace?.note('target', `${link.text} is for the mail server itself: it takes mail`);
      return true;
    }
    const next = recipientOf(link, options);
    const name = nameOf(next);
    if (name === path.at(-1)) {
      trace?.note(
        'target',
        `${name} is its own target: ${own === 'refused' ? 'its mailbox takes no mail' : 'it keeps its mail'}`,
      );
      return own === 'refused' ? null : true;
    }
    if (path.includes(name)) {
      trace?.note('target', `${name} leads back: a loop`);
      walk.loop ??= new LoopError([...path, name]);
      return null;
    }
    const visited = `${link.isLast ? '\\' : ''}${next.written}@${next.domain}`; // a shared folder has its case
    if (walk.seen.has(visited)) return null;
    walk.seen.add(visited);
    if (path.length > LONGEST_CHAIN)
      throw new UncertainError(
        saying`over ${LONGEST_CHAIN} aliases in a row, the last one is ${name}: make the chain shorter`,
      );
    return andThen(ends.own(next, walk.store), (at) => {
      if (at === 'taken') {
        trace?.note('target', `${name} has a mailbox that takes mail`);
        return true;
      }
      if (at === 'refused') trace?.note('target', `${name} has a mailbox that takes no mail`);
      return andThen(link.isLast ? null : step(next, walk.store), (links) => {
        if (links !== null) return among(links, [...path, name], at, walk);
        if (at === 'refused') return null;
        return andThen(ends.isElsewhere(next.domain, walk.store), (isElsewhere) => {
          trace?.note(
            'target',
            isElsewhere
              ? `${name} may be on another server: it counts as taking mail`
              : `${name} is absent, and ${next.domain} is ours`,
          );
          return isElsewhere || null;
        });
      });
    });
  };

  return (recipient, own, links, store) => {
    const walk: Walk = { store, seen: new Set(), targetsLeft: MOST_TARGETS, doubt: null, loop: null };
    return andThen(among(links, [nameOf(recipient)], own, walk), (found) => {
      if (found !== null) return true;
      if (walk.loop !== null) throw walk.loop;
      if (walk.doubt !== null) throw walk.doubt.cause;
      return false;
    });
  };
}

/**
 * Keeps a doubt about one target for later, because another target may take mail. Any other failure ends the search.
 */
function keepDoubt(walk: Walk, visit: () => Maybe<true | null>): Maybe<true | null> {
  const failed = (cause: unknown): null => {
    if (!(cause instanceof UncertainError || cause instanceof QuestionError)) throw cause;
    walk.store.trace?.note('target', `cannot be followed: ${cause.message}`);
    walk.doubt ??= { cause };
    return null;
  };
  if (walk.targetsLeft < 0) return null;
  try {
    const found = visit();
    return found instanceof Promise ? found.catch(failed) : found;
  } catch (cause) {
    return failed(cause);
  }
}
