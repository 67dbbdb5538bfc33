import { CONTROL, type Flaw, foldLocal, formatAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { formatTargets, nameOf, parseTarget } from '../address/target.ts';
import { flawOfWritten, LONGEST_NAME, quoted } from '../address/written.ts';
import { type Alias, parseAlias } from '../record/alias.ts';
import type { HostedDomain } from '../record/domain.ts';
import { flawOf, formatOwner, splitWord } from '../record/owner.ts';
import { NOBODY } from '../vocabulary.ts';
import { splitAddresses } from './addresses.ts';
import { readOwner } from './owner.ts';

const KEY = /^(?:"(?:[^"\\]|\\.)*"(?:@[^"]*)?|[^"]*)$/s; // in quotes from its start, or without quotes
const ODD_BLANK = /[^\S ]/; // of Unicode; formatAddress puts these into quotes and Postfix (quote_822_local.c) does not

/**
 * Reads a logical line of virtual(5) of Postfix. Null for a blank line or a comment. A key without an @ is a user of $myorigin,
 * the default domain, or a virtual alias domain with any right side. Postfix asks for both and cannot distinguish them in a
 * file. Here a key with a dot is a domain, unless it is in quotes. With an address after it, it may be `first.last`: a Flaw.
 */
export function parseVirtualLine(text: string, defaultDomain: string | null): Alias | HostedDomain | Flaw | null {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return null;
  if (!text.startsWith(line)) return { flaw: 'starts with a blank, but there is no line before it to continue' };
  const [key, rest] = splitWord(line);
  if (key.length > LONGEST_NAME) return { flaw: 'is longer than the store can hold' };
  if (!KEY.test(key)) return { flaw: 'has a quote that is not closed, or that is not around the whole local part' };
  if (/^[^"@]*\.[^"@]*$/.test(key)) return parseAliasDomain(key, rest);
  const owner = readOwner(key, defaultDomain);
  if ('flaw' in owner) return owner;
  const targets = splitAddresses(rest, 'postfix');
  if ('flaw' in targets) return flawOf(owner, targets.flaw);
  const alias = parseAlias(owner, formatTargets(targets));
  if ('flaw' in alias) return alias;
  const misplaced = findMisplaced(alias.targets);
  return misplaced === null ? alias : flawOf(owner, misplaced);
}

/** Writes the line that parseVirtualLine reads and Postfix 3.2 or later finds. A Flaw if there is no such line. */
export function formatVirtualLine(record: Alias | HostedDomain): string | Flaw {
  return record.about === 'domain' ? formatAliasDomain(record) : formatAlias(record);
}

function parseAliasDomain(key: string, rest: string): HostedDomain | Flaw {
  const domain = parseDomain(key);
  if (domain === null) {
    return { flaw: `${quoted(key)}has a dot and no @, but is not a domain; give user@domain for a user` };
  }
  if (rest === '') return { flaw: `${domain}: has nothing after it, and postmap(1) ignores such a line` };
  if (rest.includes('@')) {
    return { flaw: `${quoted(key)}may be a user or a domain; give user@domain for a user, or a word for a domain` };
  }
  return { about: 'domain', domain, class: 'alias' };
}

function formatAliasDomain({ domain, class: kind }: HostedDomain): string | Flaw {
  if (kind !== 'alias')
    return { flaw: `${domain}: has the class ${kind}, but virtual(5) has only domains of class alias` };
  if (!domain.includes('.')) return { flaw: `${domain}: has no dot, so it would be read as a user` };
  return `${domain} virtual`;
}

function formatAlias(alias: Alias): string | Flaw {
  const { local, domain, targets } = alias;
  const name = formatOwner(local, domain);
  const key = formatPostfixKey(local, domain);
  if (typeof key !== 'string') return key;
  const ordered = [...targets.filter(isWholeDomain), ...targets.filter((target) => !isWholeDomain(target))];
  const misplaced = findMisplaced(ordered);
  return misplaced === null ? `${key} ${formatTargets(ordered)}` : { flaw: `${name}: ${misplaced}` };
}

/** Writes the key for which Postfix asks a table. A Flaw if it does not ask for it as it can stand in a file. */
export function formatPostfixKey(local: string, domain: string): string | Flaw {
  const name = formatOwner(local, domain);
  const key = local === NOBODY ? `@${domain}` : formatAddress(foldLocal(local), domain);
  if (CONTROL.test(key)) return { flaw: `${JSON.stringify(name)}: has a control character` };
  if (key.startsWith('#')) return { flaw: `${name}: would be a comment, and Postfix does not ask for it in quotes` };
  if (ODD_BLANK.test(local)) return { flaw: `${name}: has a blank that Postfix does not put into quotes` };
  const odd = local === NOBODY ? null : flawOfWritten(key);
  return odd === null ? key : { flaw: `${name}: ${odd}, and Postfix does not ask for it in quotes` };
}

/** Why virtual(5) cannot have a target, or not in this position. Null if all targets are possible. */
function findMisplaced(targets: readonly string[]): string | null {
  for (const [index, text] of targets.entries()) {
    const target = parseTarget(text);
    const odd = 'kind' in target && target.kind === 'address' ? flawOfWritten(text) : null;
    if ('flaw' in target || odd !== null) {
      return `has the target ${JSON.stringify(text)}, which ${'flaw' in target ? target.flaw : odd}`;
    }
    if (target.kind === 'special') {
      return `${nameOf(text)} is not an address, and only possible in aliases(5)`;
    }
    if (target.kind === 'domain' && index > 0) {
      return `${nameOf(text)} is a domain, which must be the first target in Postfix`;
    }
  }
  return null;
}

function isWholeDomain(target: string): boolean {
  return target.lastIndexOf('@') === 0;
}
