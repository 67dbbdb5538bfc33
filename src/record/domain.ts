import type { Flaw } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { LONGEST_NAME, quoted } from '../address/written.ts';
import { CLASSES, DEFAULT_CLASS, type DomainClass, isClass } from '../vocabulary.ts';

/** A hosted domain, with or without mailboxes. */
export interface HostedDomain {
  readonly about: 'domain';
  readonly domain: string;
  readonly class: DomainClass;
}

/** Reads `domain` or `domain class`, and ignores a # and the text after it. Null for a blank line or a comment. */
export function parseDomainLine(text: string): HostedDomain | Flaw | null {
  const [name = '', word = DEFAULT_CLASS, another] = (text.split('#', 1)[0] as string).trim().split(/[ \t]+/, 3);
  if (name === '') return null;
  const domain = name.length > LONGEST_NAME ? null : parseDomain(name);
  if (domain === null) return { flaw: `${quoted(name)}is not a domain` };
  if (another !== undefined)
    return { flaw: `${domain}: has more than a class after it; give each domain its own line` };
  if (!isClass(word)) return { flaw: `${domain}: the word after it is not a class; give one of ${CLASSES.join(', ')}` };
  return { about: 'domain', domain, class: word };
}

/** Writes the line that parseDomainLine reads. */
export function formatDomainLine(hosted: HostedDomain): string {
  return `${hosted.domain} ${hosted.class}`;
}
