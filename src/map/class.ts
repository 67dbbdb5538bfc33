import { andThen } from '../maybe.ts';
import { ofDomain, plain, saying } from '../message.ts';
import { CLASSES, DEFAULT_CLASS, type DomainClass, type Entry, isClass, type Maybe } from '../vocabulary.ts';
import { UncertainError } from './map.ts';
import type { Lookup } from './moment.ts';

/**
 * The class of a domain that was found, in any case; `mailbox` if the store gives none. Throws UncertainError for an
 * unknown word, because nobody can know which class it means.
 */
export function classOf({ value }: Entry, domain: string): DomainClass {
  const word = value.toLowerCase() || DEFAULT_CLASS;
  if (isClass(word)) return word;
  const remedy = `change it in the store to one of ${CLASSES.join(', ')}`;
  throw new UncertainError(saying`the domain ${ofDomain(domain)} has the unknown class "${value}": ${plain(remedy)}`);
}

/**
 * Whether mail for a domain goes elsewhere: no store has a mailbox in it. Throws UncertainError for an unknown class.
 */
export function isElsewhere(domain: string, store: Lookup): Maybe<boolean> {
  return andThen(
    store.lookup({ about: 'domain', domain }),
    (found) => found === null || classOf(found, domain) !== 'mailbox',
  );
}
