import { andThen, firstOf } from '../maybe.ts';
import { saying } from '../message.ts';
import type { Maybe } from '../vocabulary.ts';
import type { AliasTable } from './alias-keys.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';
import { type Recipient, nameOf, recipientOf } from './recipient.ts';
import { LONGEST_CHAIN, LoopError, MOST_TARGETS, createSearch } from './search.ts';
import { type Link, type Links, type Step, type StepOptions, createStep, linkTo, readAll, textOf } from './step.ts';

/** The options that decide how aliases are followed. */
export interface AliasOptions extends StepOptions {
  /**
   * `strictly`, for `smmap check`: like `fully`, but a ring is a loop even if there are other targets, as in Postfix.
   */
  readonly expand: AliasTable['expand'] | 'strictly';
}

/** The targets of an address, as texts. Null if the address is certainly not an alias. Throws LoopError. */
export type Chain = (recipient: Recipient, store: Lookup) => Maybe<readonly string[] | null>;

/** Makes the function that finds the targets of an address. */
export function createChain(options: AliasOptions): Chain {
  const step = createStep(options);
  const follow = options.expand === 'once' ? createOnce(options, step) : createFully(options, step);
  return (recipient, store) =>
    andThen(step(recipient, store), (links) => (links === null ? null : follow(recipient, links, store)));
}

type Follow = (recipient: Recipient, links: Links, store: Lookup) => Maybe<readonly string[]>;

/** The targets of the first step. Throws LoopError if they lead only into a ring: the mail server would follow it. */
function createOnce(options: AliasOptions, step: Step): Follow {
  const search = createSearch(options, step, { own: () => 'none', isElsewhere: () => true });
  return (recipient, links, store) => {
    const all = readAll(links);
    const texts = new Set(all.map(textOf)); // two targets may be equal
    /** The name of a target `\user` that is an alias. The mail server would ask again for `user`, and get its alias. */
    const skippedAlias = (link: Link): Maybe<string | null> => {
      if (link.kind !== 'address' || !link.isLast || (link.domain === null && options.defaultDomain === null))
        return null;
      const next = recipientOf(link, options);
      if (nameOf(next) === nameOf(recipient)) return null;
      return andThen(step(next, store), (found) => (found === null ? null : link.text));
    };
    return andThen(
      firstOf(all.length, (at) => skippedAlias(all[at] as Link)),
      (name) => {
        if (name === null) return andThen(search(recipient, 'none', links, store), () => [...texts]);
        throw new UncertainError(
          saying`an alias has the target \\${name}, but ${name} is an alias too: move it to the aliases file of the mail server`,
        );
      },
    );
  };
}

/** Follows each target until it is not an alias. Visits each address once. */
function createFully(options: AliasOptions, step: Step): Follow {
  return (recipient, links, store) => {
    const ends = new Set<string>();
    const seen = new Set<string>();
    let targetsLeft = MOST_TARGETS;
    const keepers = new Set<string>(); // each is its own target and keeps a copy: Postfix stops there
    const loops: LoopError[] = [];
    const collect = (from: Links, path: readonly string[]): Maybe<null> =>
      firstOf(from.count, (at) => visit(from.at(at), path));
    const end = (link: Link): null => {
      ends.add(textOf(link));
      return null;
    };
    const visit = (link: Link, path: readonly string[]): Maybe<null> => {
      if (targetsLeft-- <= 0)
        throw new UncertainError(
          saying`the aliases of ${path[0] as string} lead to over ${MOST_TARGETS} targets: make the list shorter`,
        );
      if (link.kind !== 'address' || (link.domain === null && options.defaultDomain === null)) return end(link);
      const next = recipientOf(link, options);
      const name = nameOf(next);
      if (name === path.at(-1)) {
        store.trace?.note('target', `${name} is its own target: it keeps a copy`);
        keepers.add(name);
        return end(link);
      }
      if (path.includes(name)) {
        store.trace?.note('target', `${name} leads back: a loop`);
        loops.push(new LoopError([...path, name]));
        return null;
      }
      const visited = link.isLast ? `\\${name}` : name;
      if (seen.has(visited)) return null;
      seen.add(visited);
      if (path.length > LONGEST_CHAIN)
        throw new UncertainError(
          saying`over ${LONGEST_CHAIN} aliases in a row, the last one is ${name}: make the chain shorter`,
        );
      return andThen(link.isLast ? null : step(next, store), (found) => {
        if (found !== null) return collect(found, [...path, name]);
        return end(next.ofAliasDomain ? linkTo(next.written, next.domain) : link);
      });
    };
    return andThen(collect(links, [nameOf(recipient)]), () => {
      const isEndless = ({ ring }: LoopError): boolean => !ring.some((name) => keepers.has(name));
      const loop = options.expand === 'strictly' ? loops.find(isEndless) : loops[0];
      if (loop !== undefined && (options.expand === 'strictly' || ends.size === 0)) throw loop;
      return [...ends];
    });
  };
}
