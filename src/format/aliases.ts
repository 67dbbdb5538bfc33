import { type Flaw, foldLocal, formatAddress, formatLocal, parseAddress } from '../address/address.ts';
import { formatTargets } from '../address/target.ts';
import { quoted } from '../address/written.ts';
import { type Alias, parseAlias } from '../record/alias.ts';
import { flawOf, type Owner, splitWord } from '../record/owner.ts';
import { splitAddresses } from './addresses.ts';
import { readOwner } from './owner.ts';

const LINE = /^("(?:[^"\\]|\\.)*"(?:@[^":]*)?|[^":]*):(.*)$/s; // a name in quotes may have colons

/**
 * Reads a logical line of aliases(5), `name: value, value`, of Sendmail and of Postfix; null for a blank line and a
 * comment. A name with a domain is read as well, and `@domain`, as ZMailer has them. Targets without a domain stay so,
 * and so do programs, files, lists and `\user`, which only the mail server itself can deliver to; but for `\fred` of
 * `fred: \fred, wilma`, which is fred himself.
 */
export function parseAliasesLine(text: string, defaultDomain: string): Alias | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but there is no line that it continues' };
  const [, written, values = ''] = LINE.exec(line) ?? [];
  if (written === undefined) return { flaw: `${quoted(splitWord(line)[0])}has no colon behind its name` };
  const name = written.trim();
  if (name === '') return { flaw: 'has no name before its colon' };
  const owner = readOwner(name, defaultDomain);
  if ('flaw' in owner) return owner;
  const targets = splitAddresses(values, 'sendmail');
  if ('flaw' in targets) return flawOf(owner, targets.flaw);
  return parseAlias(owner, formatTargets(targets.map((target) => withoutBackslash(target, owner, defaultDomain))));
}

/** The user himself where he is the alias too, for whom an alias to itself means his mailbox; others stay as they are. */
function withoutBackslash(target: string, { local, domain }: Owner, defaultDomain: string): string {
  if (!target.startsWith('\\')) return target;
  const user = parseAddress(target.slice(1));
  if ('flaw' in user || foldLocal(user.local) !== foldLocal(local) || (user.domain ?? domain) !== domain) return target;
  return domain === defaultDomain ? formatLocal(user.local) : formatAddress(user.local, domain);
}
