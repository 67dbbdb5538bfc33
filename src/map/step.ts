import { type Address, formatAddress, formatLocal } from '../address/address.ts';
import { splitDetail } from '../address/detail.ts';
import { parseTarget, splitTargets } from '../address/target.ts';
import { andThen } from '../maybe.ts';
import { plain, saying } from '../message.ts';
import type { Trace } from '../trace.ts';
import { type Answer, type Maybe, NOBODY } from '../vocabulary.ts';
import type { AliasTable } from './alias-keys.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';
import type { RecipientOptions } from './recipient-keys.ts';
import { type Recipient, askMailbox, nameOf } from './recipient.ts';

/** The options of a map that decide which targets an address has. */
export type StepOptions = Pick<AliasTable, keyof RecipientOptions | 'carryDetail' | 'catchAll'>;

/**
 * A target of an alias; `text` is how it stands in a reply. `isLast`: it was written `\user`, as in aliases(5), and
 * aliases of that user do not count. `special`: only the mail server's own aliases file can have it. `unreadable`: it
 * is not a target, and `flaw` says why.
 */
export type Link = { readonly text: string } & (
  | ({ readonly kind: 'address'; readonly isLast: boolean } & Address)
  | { readonly kind: 'special' }
  | { readonly kind: 'unreadable'; readonly flaw: string }
);

/**
 * The targets of an alias. Each is parsed only when it is needed: there may be thousands, and the first may be enough.
 */
export interface Links {
  readonly count: number;
  at(index: number): Link;
}

/** The direct targets of an address. Null if the address is certainly not an alias. */
export type Step = (recipient: Recipient, store: Lookup) => Maybe<Links | null>;

/** Makes a step. It asks in the order of Postfix's tables: `user+detail@domain`, `user@domain`, `@domain`. */
export function createStep(options: StepOptions): Step {
  return (recipient, store) => {
    const { local, user, domain } = recipient;
    const whole = (answer: Answer): Links | null => linksOf(answer, recipient, '', options);
    const caught = (): Maybe<Links | null> => {
      if (options.catchAll === 'none') {
        store.trace?.note('catch-all', 'not asked: catch_all = "none"', 'catch_all');
        return null;
      }
      return andThen(askAlias(store, NOBODY, domain, options), (answer) => {
        if (answer === null || options.catchAll === 'any') return whole(answer);
        return andThen(hasMailbox(recipient, options, store), (has) => {
          store.trace?.note(
            'catch-all',
            has ? `spares ${nameOf(recipient)}: it has a mailbox` : `takes ${nameOf(recipient)}`,
          );
          return has ? null : whole(answer);
        });
      });
    };
    const unextended = (): Maybe<Links | null> => {
      if (user === null) return caught();
      return andThen(askAlias(store, user, domain, options), (answer) =>
        answer === null ? caught() : linksOf(answer, recipient, recipient.detail, options),
      );
    };
    const links = andThen(askAlias(store, local, domain, options), (answer) =>
      answer === null ? unextended() : whole(answer),
    );
    return store.trace === undefined ? links : andThen(links, (found) => noted(recipient, found, store.trace as Trace));
  };
}

/** Says where an alias leads. */
function noted(recipient: Recipient, links: Links | null, trace: Trace): Links | null {
  if (links === null) trace.note('alias', `${nameOf(recipient)} is not an alias`);
  else {
    const first = Array.from({ length: Math.min(links.count, MOST_NOTED) }, (_, at) => links.at(at).text);
    const more = links.count > first.length ? ` and ${links.count - first.length} more` : '';
    trace.note('alias', `${nameOf(recipient)} leads to ${first.join(', ')}${more}`);
  }
  return links;
}

/** Whether an address has a mailbox in any state, with its detail or without. */
export function hasMailbox(recipient: Recipient, { fold }: RecipientOptions, store: Lookup): Maybe<boolean> {
  const { local, user, domain } = recipient;
  return andThen(askMailbox(store, { local, domain }, fold), (found) => {
    if (found !== null || user === null) return found !== null;
    return andThen(askMailbox(store, { local: user, domain }, fold), (inbox) => inbox !== null);
  });
}

/** Asks for the alias of an address, or for the catch-all of a domain. */
export function askAlias(store: Lookup, local: string, domain: string, { fold }: RecipientOptions): Maybe<Answer> {
  return store.lookup({ about: 'alias', local, domain, exact: fold !== 'both' });
}

/** Makes the link to an address. */
export function linkTo(local: string, domain: string | null, isLast = false): Link {
  const text = domain === null ? formatLocal(local) : formatAddress(local, domain);
  return { kind: 'address', text, local, domain, isLast };
}

/** The parts of the address on which its targets depend. `written` is NOBODY for a whole domain. */
type Asked = Pick<Recipient, 'written' | 'separator'>;

/** Reads the answer for an alias, after `detail` was cut off its name. Throws UncertainError if it has no target. */
export function linksOf(answer: Answer, asked: Asked, detail: string, options: StepOptions): Links | null {
  if (answer === null) return null;
  const texts = splitTargets(answer.value);
  if ('flaw' in texts) throw new UncertainError(saying`an alias cannot be read: ${plain(texts.flaw)}`);
  return { count: texts.length, at: (index) => readLink(texts[index] as string, asked, detail, options) };
}

/** Adds the detail to a target without its own detail, and the local part to a target that is only a domain. */
function readLink(text: string, { written, separator }: Asked, detail: string, options: StepOptions): Link {
  const { target, isLast } = readTarget(text);
  if ('flaw' in target) return { kind: 'unreadable', text, flaw: target.flaw };
  if (target.kind === 'special') return { kind: 'special', text };
  if (target.kind === 'domain') {
    if (written !== NOBODY) return linkTo(written, target.domain);
    return { kind: 'address', text, local: NOBODY, domain: target.domain, isLast: false };
  }
  const { local, domain } = target;
  if (detail !== '' && options.carryDetail && splitDetail(local, options.separators) === null) {
    return linkTo(`${local}${separator}${detail}`, domain, isLast);
  }
  return { kind: 'address', text: isLast ? text.slice(1) : text, local, domain, isLast };
}

function readTarget(text: string): { readonly target: ReturnType<typeof parseTarget>; readonly isLast: boolean } {
  const target = parseTarget(text);
  if (!text.startsWith('\\')) return { target, isLast: false };
  const user = parseTarget(text.slice(1));
  const isLast = !('flaw' in user) && user.kind === 'address';
  return isLast ? { target: user, isLast } : { target, isLast };
}

/** Parses all targets. Throws UncertainError if there are too many for a reply. */
export function readAll(links: Links): readonly Link[] {
  const { count } = links;
  if (count <= MOST_ANSWERED) return Array.from({ length: count }, (_, at) => links.at(at));
  throw new UncertainError(
    saying`an alias has ${count} targets, but ${MOST_ANSWERED} are the most: make the list shorter`,
  );
}

/** The text of a target for a reply. Throws UncertainError for a target that cannot be in a reply. */
export function textOf(link: Link): string {
  if (link.kind === 'unreadable') {
    throw new UncertainError(saying`an alias cannot be read: the target ${link.text} ${plain(link.flaw)}`);
  }
  if (link.kind === 'special') {
    throw new UncertainError(
      saying`an alias has the target ${link.text}, which works only in the aliases file of the mail server: move it there`,
    );
  }
  return link.text;
}

const MOST_NOTED = 10;
const MOST_ANSWERED = 5_000; // Postfix takes 1,000, unless virtual_alias_expansion_limit is higher
