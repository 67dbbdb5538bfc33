import { type Flaw, foldLocal, formatAddress, formatLocal, parseAddress } from '../address/address.ts';
import { formatTargets } from '../address/target.ts';
import { quoted } from '../address/written.ts';
import { type Alias, parseAlias } from '../record/alias.ts';
import { flawOf, type Owner, splitWord } from '../record/owner.ts';
import { splitAddresses } from './addresses.ts';
import { readOwner } from './owner.ts';

const LINE = /^("(?:[^"\\]|\\.)*"(?:@[^":]*)?|[^":]*):(.*)$/s; // a name in quotes may have colons

/**
 * Reads a logical line of aliases(5), `name: value, value`, of Sendmail and Postfix. Null for a blank line or a comment. A name
 * with a domain is read too, and `@domain`, as ZMailer has them. Targets without a domain stay unchanged. So do programs,
 * files, lists and `\user`, to which only the mail server can deliver. But `\fred` in `fred: \fred, wilma` becomes fred.
 */
export function parseAliasesLine(text: string, defaultDomain: string): Alias | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but there is no line before it to continue' };
  const [, written, values = ''] = LINE.exec(line) ?? [];
  if (written === undefined) return { flaw: `${quoted(splitWord(line)[0])}has no colon after its name` };
  const name = written.trim();
  if (name === '') return { flaw: 'has no name before its colon' };
  const owner = readOwner(name, defaultDomain);
  if ('flaw' in owner) return owner;
  const targets = splitAddresses(values, 'sendmail');
  if ('flaw' in targets) return flawOf(owner, targets.flaw);
  return parseAlias(owner, formatTargets(targets.map((target) => withoutBackslash(target, owner, defaultDomain))));
}

/** A target `\user` that is the alias itself becomes the user: an alias to itself means the mailbox. Others stay unchanged. */
function withoutBackslash(target: string, { local, domain }: Owner, defaultDomain: string): string {
  if (!target.startsWith('\\')) return target;
  const user = parseAddress(target.slice(1));
  if ('flaw' in user || foldLocal(user.local) !== foldLocal(local) || (user.domain ?? domain) !== domain) return target;
  return domain === defaultDomain ? formatLocal(user.local) : formatAddress(user.local, domain);
}
