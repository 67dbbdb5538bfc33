import { CONTROL, type Flaw, formatAddress, formatLocal } from '../address/address.ts';
import { parseTarget } from '../address/target.ts';
import { type Alias, parseAlias } from '../store/record/alias.ts';
import { formatOwner, parseOwner } from '../store/record/owner.ts';
import { NOBODY } from '../vocabulary.ts';
import { lowerAscii } from './owner.ts';

const LINE = /^([^ \t]+)[ \t]*(.*)$/s; // makemap(8) knows no quotes
const WILDCARD = /\+[+*]$/;
const SAME_LOCAL = /^%1(?:%3)?(?=@)/; // %3 is the detail with its plus
const ERROR = /^error:/i;
const ADVICE = 'import the file as a table instead (smmap table import)';

/**
 * Reads a line of Sendmail's virtusertable, which is `key target`; null for a blank line and a comment. In a target,
 * `%1` to `%3` are parts of the address that was asked for (map_rewrite in map.c): behind a catch-all, `%1@other.example`
 * and `%1%3@other.example` become the target `@other.example`, which keeps a detail. The others are a Flaw.
 */
export function parseVirtusertableLine(text: string): Alias | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, where makemap(8) has a key' };
  const [, key = '', value = ''] = LINE.exec(line) ?? [];
  if (key.includes('"')) return { flaw: `${key}: has quotes, with which Sendmail never asks` };
  const owner = parseOwner(key);
  if ('flaw' in owner) return owner;
  if (WILDCARD.test(owner.local)) return { flaw: `${key}: is a wildcard of Sendmail; ${ADVICE}` };
  if (ERROR.test(value)) return { flaw: `${key}: has an error for its target; ${ADVICE}` };
  const [placeholder = ''] = owner.local === NOBODY ? (SAME_LOCAL.exec(value) ?? []) : [];
  const target = value.slice(placeholder.length);
  if (/%\d/.test(target.replaceAll('%%', ''))) {
    return { flaw: `${key}: has the target ${value}, with a part of the address in it; ${ADVICE}` };
  }
  if (value.startsWith('@')) return { flaw: `${key}: has a target without a local part; give %1%3${value}` };
  const alias = parseAlias(owner, target.replaceAll('%%', '%'));
  if ('flaw' in alias) return alias;
  const [only = '', another] = alias.targets;
  if (another !== undefined) return severalTargets(alias);
  const read = parseTarget(only);
  if ('kind' in read && read.kind === 'special') {
    return { flaw: `${key}: has the target ${only}, and Sendmail's virtusertable takes addresses only` };
  }
  return alias;
}

/** Writes the line that Sendmail's makemap(8) reads, with one tab; a Flaw where Sendmail can have no such entry. */
export function formatVirtusertableLine(alias: Alias): string | Flaw {
  const { local, domain, targets } = alias;
  const name = formatOwner(local, domain);
  const folded = lowerAscii(local);
  if (CONTROL.test(local)) return { flaw: `${JSON.stringify(name)}: has a control character` };
  if (local !== NOBODY && formatLocal(folded) !== folded) {
    return { flaw: `${name}: needs quotes, and makemap(8) knows none` };
  }
  if (folded.startsWith('#')) return { flaw: `${name}: would be a comment` };
  if (WILDCARD.test(folded)) return { flaw: `${name}: would be a wildcard of Sendmail` };
  if (targets.length !== 1) return severalTargets(alias);
  const [text = ''] = targets;
  const target = parseTarget(text);
  if ('flaw' in target) return { flaw: `${name}: has the target ${JSON.stringify(text)}, which ${target.flaw}` };
  const key = `${folded}@${domain}`;
  if (target.kind === 'domain') {
    // %3 as well, or a detail would be lost (cf/README of Sendmail).
    return local === NOBODY
      ? `${key}\t%1%3@${target.domain}`
      : `${key}\t${doublePercents(formatAddress(local, target.domain))}`;
  }
  if (target.kind === 'special') {
    return { flaw: `${name}: has the target ${text}; make it an alias of aliases(5), and that name the target` };
  }
  return `${key}\t${doublePercents(text)}`;
}

function severalTargets({ local, domain, targets }: Alias): Flaw {
  const advice = "Sendmail's virtusertable has one; make them an alias of aliases(5), and that name the target";
  return { flaw: `${formatOwner(local, domain)}: has ${targets.length} targets, and ${advice}` };
}

function doublePercents(target: string): string {
  return target.replaceAll('%', '%%');
}
