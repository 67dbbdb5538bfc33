import type { Flaw } from '../../address/address.ts';
import { parseDomain } from '../../address/domain.ts';
import { CLASSES, type DomainClass } from '../../vocabulary.ts';

/** A domain that is hosted, whether or not there is a mailbox in it. */
export interface HostedDomain {
  readonly about: 'domain';
  readonly domain: string;
  readonly class: DomainClass;
}

/** Reads `domain`, or `domain class`; null for a blank line and a comment. */
export function parseDomainLine(text: string): HostedDomain | Flaw | null {
  const [name, word = 'mailbox', ...rest] = text.trim().split(/[ \t]+/);
  if (name === undefined || name === '' || name.startsWith('#')) return null;
  const domain = parseDomain(name);
  if (domain === null) return { flaw: `${name}: is no domain` };
  if (!isClass(word)) return { flaw: `${name}: ${word} is none of ${CLASSES.join(', ')}` };
  if (rest.length > 0) return { flaw: `${name}: has more behind its class: ${rest.join(' ')}` };
  return { about: 'domain', domain, class: word };
}

/** Writes the line that parseDomainLine reads. */
export function formatDomainLine(hosted: HostedDomain): string {
  return `${hosted.domain} ${hosted.class}`;
}

function isClass(text: string): text is DomainClass {
  return (CLASSES as readonly string[]).includes(text);
}
