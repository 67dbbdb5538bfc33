import { andThen, firstOf } from '../maybe.ts';
import type { Maybe } from '../vocabulary.ts';
import type { AliasTable } from './alias-keys.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';
import { type Recipient, nameOf, recipientOf } from './recipient.ts';
import { LONGEST_CHAIN, LoopError, MOST_TARGETS, createSearch } from './search.ts';
import { type Link, type Links, type Step, type StepOptions, createStep, linkTo, readAll, textOf } from './step.ts';

/** How aliases are followed. */
export interface AliasOptions extends StepOptions {
  /** Strictly: all the way, and a ring is a loop also where there is another way out, as Postfix has it; `smmap check` asks so. */
  readonly expand: AliasTable['expand'] | 'strictly';
}

/** Where an address leads, as texts; null where it is certain to be no alias. Throws LoopError. */
export type Chain = (recipient: Recipient, store: Lookup) => Maybe<readonly string[] | null>;

/** Follows aliases for who asks what an address stands for. */
export function createChain(options: AliasOptions): Chain {
  const step = createStep(options);
  const follow = options.expand === 'once' ? createOnce(options, step) : createFully(options, step);
  return (recipient, store) =>
    andThen(step(recipient, store), (links) => (links === null ? null : follow(recipient, links, store)));
}

type Follow = (recipient: Recipient, links: Links, store: Lookup) => Maybe<readonly string[]>;

/** The first step as it is, unless all that it leads to is a ring, into which the mail server would walk. */
function createOnce(options: AliasOptions, step: Step): Follow {
  const search = createSearch(options, step, { own: () => 'none', isElsewhere: () => true });
  return (recipient, links, store) => {
    const all = readAll(links);
    const texts = new Set(all.map(textOf)); // several aliases may lead to the same
    /** The mail server asks again for `\user`, and is then told of the alias that does not count. */
    const flaw = (link: Link): Maybe<string | null> => {
      if (link.kind !== 'address' || !link.isLast || (link.domain === null && options.defaultDomain === null))
        return null;
      const next = recipientOf(link, options);
      if (nameOf(next) === nameOf(recipient)) return null;
      return andThen(step(next, store), (found) => (found === null ? null : link.text));
    };
    return andThen(
      firstOf(all.length, (at) => flaw(all[at] as Link)),
      (name) => {
        if (name === null) return andThen(search(recipient, 'none', links, store), () => [...texts]);
        throw new UncertainError(
          `an alias leads to \\${name}, past the alias of ${name}, which only the mail server's own aliases file can do`,
        );
      },
    );
  };
}

/** Goes down to where there are no aliases any more, and passes over what it has visited. */
function createFully(options: AliasOptions, step: Step): Follow {
  return (recipient, links, store) => {
    const ends = new Set<string>();
    const seen = new Set<string>();
    let targetsLeft = MOST_TARGETS;
    const keepers = new Set<string>(); // who have a copy: Postfix goes no further at them
    const loops: LoopError[] = [];
    const collect = (from: Links, path: readonly string[]): Maybe<null> =>
      firstOf(from.count, (at) => visit(from.at(at), path));
    const end = (link: Link): null => {
      ends.add(textOf(link));
      return null;
    };
    const visit = (link: Link, path: readonly string[]): Maybe<null> => {
      if (targetsLeft-- <= 0) throw new UncertainError(`over ${MOST_TARGETS} targets behind ${path[0]}`);
      if (link.kind !== 'address' || (link.domain === null && options.defaultDomain === null)) return end(link);
      const next = recipientOf(link, options);
      const name = nameOf(next);
      if (name === path.at(-1)) {
        keepers.add(name);
        return end(link);
      }
      if (path.includes(name)) {
        loops.push(new LoopError([...path, name]));
        return null;
      }
      if (seen.has(name)) return null;
      seen.add(name);
      if (path.length > LONGEST_CHAIN) throw new UncertainError(`over ${LONGEST_CHAIN} aliases in a row at ${name}`);
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
