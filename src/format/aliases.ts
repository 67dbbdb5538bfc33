import type { Flaw } from '../address/address.ts';
import { type Alias, parseAlias } from '../store/record/alias.ts';
import { splitWord } from '../store/record/owner.ts';
import { readOwner } from './owner.ts';

const LINE = /^("(?:[^"\\]|\\.)*"(?:@[^":]*)?|[^":]*):(.*)$/s; // a name in quotes may have colons

/**
 * Reads a logical line of aliases(5), `name: value, value`, of Sendmail and of Postfix; null for a blank line and a
 * comment. A name with a domain is read as well, and `@domain`, as ZMailer has them. Targets without a domain stay so,
 * and so do programs, files, lists and `\user`, which only the mail server itself can deliver to.
 */
export function parseAliasesLine(text: string, defaultDomain: string): Alias | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but there is no line that it continues' };
  const [, written, values = ''] = LINE.exec(line) ?? [];
  if (written === undefined) return { flaw: `${splitWord(line)[0]}: has no colon behind its name` };
  const name = written.trim();
  if (name === '') return { flaw: 'has no name before its colon' };
  if (!name.startsWith('"') && /\s/.test(name)) return { flaw: `${name}: has a blank outside quotes` };
  const owner = readOwner(name, defaultDomain);
  return 'flaw' in owner ? owner : parseAlias(owner, values);
}
