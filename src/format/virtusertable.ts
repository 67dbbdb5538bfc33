import { CONTROL, type Flaw, formatAddress, formatLocal } from '../address/address.ts';
import { formatTargets, parseTarget } from '../address/target.ts';
import { flawOfWritten, isPlain } from '../address/written.ts';
import { type Alias, parseAlias } from '../record/alias.ts';
import { flawOf, formatOwner, type Owner, parseFileOwner } from '../record/owner.ts';
import { NOBODY } from '../vocabulary.ts';
import { splitAddresses } from './addresses.ts';
import { lowerAscii } from './owner.ts';

const LINE = /^([^ \t]+)[ \t]*(.*)$/s; // makemap(8) has no quotes
const WILDCARD = /\+[+*]$/;
const SAME_LOCAL = /^%1(?:%3)?(?=@)/; // %3 is the detail with its plus
const ERROR = /^error:/i;
const UNKNOWN_USER = /^error:(?:nouser|5\.1\.\d+)(?![\w.])/i; // cf/README, and RFC 3463 section 3.2: the address is bad
const ADVICE = 'import the file as a table instead (smmap table import)';

/** An address that Sendmail refuses as unknown; NOBODY is all other addresses of a domain. smmap needs no record for it. */
export interface Refusal extends Owner {
  readonly about: 'refusal';
}

/**
 * Reads a line of virtusertable of Sendmail, `key target`. Null for a blank line or a comment. In a target, `%1` to `%3` are
 * parts of the address that was asked for (map_rewrite in map.c). After a catch-all, `%1@other.example` and
 * `%1%3@other.example` become the target `@other.example`, which keeps a detail. Other uses are a Flaw, and so are errors other
 * than that of an unknown user.
 */
export function parseVirtusertableLine(text: string): Alias | Refusal | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but makemap(8) expects a key' };
  const [, key = '', value = ''] = LINE.exec(line) ?? [];
  if (key.includes('"')) return { flaw: 'has quotes, but Sendmail never asks with quotes' };
  const owner = parseFileOwner(key);
  if ('flaw' in owner) return owner;
  if (WILDCARD.test(owner.local)) return flawOf(owner, `is a wildcard of Sendmail; ${ADVICE}`);
  if (UNKNOWN_USER.test(value)) return { about: 'refusal', ...owner };
  if (ERROR.test(value)) return flawOfError(owner);
  const [placeholder = ''] = owner.local === NOBODY ? (SAME_LOCAL.exec(value) ?? []) : [];
  const target = value.slice(placeholder.length);
  if (/%\d/.test(target.replaceAll('%%', ''))) {
    return flawOf(owner, `has a target with a part of the address, such as %1; ${ADVICE}`);
  }
  if (value.startsWith('@'))
    return flawOf(owner, `has a target without a local part; give %1%3${isPlain(value) ? value : '@domain'}`);
  const targets = splitAddresses(target.replaceAll('%%', '%'), 'sendmail');
  if ('flaw' in targets) return flawOf(owner, targets.flaw);
  const alias = parseAlias(owner, formatTargets(targets));
  if ('flaw' in alias) return alias;
  const [only = '', another] = alias.targets;
  if (another !== undefined) return flawOf(owner, severalTargets(alias));
  const read = parseTarget(only);
  if ('kind' in read && read.kind === 'special') {
    return flawOf(owner, 'has a target that is not an address, and only possible in aliases(5)');
  }
  return alias;
}

/** What is wrong with a line whose target is an error. */
export function flawOfError(owner: Owner): Flaw {
  return flawOf(owner, `has an error as its target; ${ADVICE}`);
}

/** Writes the line that makemap(8) of Sendmail reads, with one tab. A Flaw if Sendmail cannot have such an entry. */
export function formatVirtusertableLine(alias: Alias): string | Flaw {
  const { local, domain, targets } = alias;
  const name = formatOwner(local, domain);
  const folded = lowerAscii(local);
  if (CONTROL.test(local)) return { flaw: `${JSON.stringify(name)}: has a control character` };
  if (local !== NOBODY && formatLocal(folded) !== folded) {
    return { flaw: `${name}: needs quotes, but makemap(8) has none` };
  }
  const odd = local === NOBODY ? null : flawOfWritten(`${folded}@${domain}`);
  if (odd !== null) return { flaw: `${name}: ${odd}, but makemap(8) has no quotes` };
  if (folded.startsWith('#')) return { flaw: `${name}: would be a comment` };
  if (WILDCARD.test(folded)) return { flaw: `${name}: would be a wildcard of Sendmail` };
  if (targets.length !== 1) return { flaw: `${name}: ${severalTargets(alias)}` };
  const [text = ''] = targets;
  const target = parseTarget(text);
  if ('flaw' in target) return { flaw: `${name}: has the target ${JSON.stringify(text)}, which ${target.flaw}` };
  const key = `${folded}@${domain}`;
  const oddTarget = target.kind === 'address' ? flawOfWritten(text) : null;
  if (oddTarget !== null) return { flaw: `${name}: has the target ${JSON.stringify(text)}, which ${oddTarget}` };
  if (target.kind === 'domain') {
    // %3 too, or a detail would be lost (cf/README of Sendmail).
    return local === NOBODY
      ? `${key}\t%1%3@${target.domain}`
      : `${key}\t${doublePercents(formatAddress(local, target.domain))}`;
  }
  if (target.kind === 'special') {
    return {
      flaw: `${name}: has the target ${text}; define an alias in aliases(5) for it, and make that name the target`,
    };
  }
  return `${key}\t${doublePercents(text)}`;
}

function severalTargets({ targets }: Alias): string {
  const advice =
    'virtusertable of Sendmail allows one; define an alias in aliases(5) for them, and make that name the target';
  return `has ${targets.length} targets, but ${advice}`;
}

function doublePercents(target: string): string {
  return target.replaceAll('%', '%%');
}
