import type { Flaw } from '../../address/address.ts';
import { formatTargets, parseTargets } from '../../address/target.ts';
import { formatOwner, parseOwner, splitWord } from './owner.ts';

/** An address that stands for others; with the local part NOBODY it is the catch-all of its domain. */
export interface Alias {
  readonly about: 'alias';
  readonly local: string;
  readonly domain: string;
  /** At least one; see address/target.ts for what they can be. */
  readonly targets: readonly string[];
}

/** Reads `address target, target`, as in Postfix's virtual(5), for one address; null for a blank line and a comment. */
export function parseAliasLine(text: string): Alias | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  const [address, rest] = splitWord(line);
  const owner = parseOwner(address);
  return 'flaw' in owner ? owner : parseAlias(owner, rest);
}

/** Puts an alias together; a Flaw where what it leads to is none. */
export function parseAlias(owner: Pick<Alias, 'local' | 'domain'>, targetsText: string): Alias | Flaw {
  const targets = parseTargets(targetsText);
  if ('flaw' in targets) return { flaw: `${formatOwner(owner.local, owner.domain)}: ${targets.flaw}` };
  return { about: 'alias', ...owner, targets: [...new Set(targets.map(({ text }) => text))] };
}

/** Writes the line that parseAliasLine reads. */
export function formatAliasLine({ local, domain, targets }: Alias): string {
  return `${formatOwner(local, domain)} ${formatTargets(targets)}`;
}
