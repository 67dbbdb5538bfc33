import { CONTROL, type Address, type Flaw, parseAddress } from './address.ts';
import { parseDomain } from './domain.ts';
import { isPlain } from './written.ts';

/**
 * What an alias leads to: an address; a domain, which keeps the local part (`@example.org`); or what only the mail server
 * itself can do, such as `|program`, `/file`, `:include:/list` and `\user` of aliases(5).
 */
export type Target =
  | ({ readonly kind: 'address' } & Address)
  | { readonly kind: 'domain'; readonly domain: string }
  | { readonly kind: 'special' };

const SPECIAL = /^(?:\\|"?(?:[|/]|:include:))/i;
const ERROR = /^error:/i; // of Sendmail's virtusertable: the address is none
// Each of these takes linear time, since none tries a quote in two ways.
const CLOSED = /^(?:[^"]|"(?:[^"\\]|\\.)*")*$/s;
const UNBROKEN = /^(?:[^"\s]|"(?:[^"\\]|\\.)*")*$/s;
const ITEM = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/gs; // a comma within quotes separates nothing

const UNCLOSED: Flaw = { flaw: 'has a quote that is not closed' };

/** Splits `a@b, "c, d"@e` at its commas, each with its text; a Flaw where one of the targets is none. */
export function parseTargets(text: string): readonly (Target & { readonly text: string })[] | Flaw {
  const texts = splitTargets(text);
  if ('flaw' in texts) return texts;
  const targets: (Target & { readonly text: string })[] = [];
  for (const each of texts) {
    if (CONTROL.test(each)) return { flaw: 'a target has a control character' };
    const target = classify(each);
    if ('flaw' in target) return { flaw: `${nameOf(each)} ${target.flaw}` };
    targets.push({ text: each, ...target });
  }
  return targets;
}

/** Splits targets at their commas and reads none of them, which is quick also where there are 100,000. */
export function splitTargets(text: string): readonly string[] | Flaw {
  const quoted = text.includes('"');
  if (quoted && !CLOSED.test(text)) return UNCLOSED;
  const items = quoted ? (text.match(ITEM) ?? []) : text.split(',');
  const texts = items.map((item) => item.trim()).filter((item) => item !== '');
  return texts.length === 0 ? { flaw: 'has no target' } : texts;
}

/** A target as a message may call it: one that is not plain may be a part of a password file. */
export function nameOf(target: string): string {
  return isPlain(target) ? `the target ${target}` : 'a target';
}

/** Writes what parseTargets reads. */
export function formatTargets(targets: readonly string[]): string {
  return targets.join(', ');
}

/**
 * Reads one of them, written as in an envelope: a lone quote or a blank outside quotes, which parseAddress takes from
 * Sendmail, is here the mistake of a person, who left out a comma.
 */
export function parseTarget(text: string): Target | Flaw {
  if (CONTROL.test(text)) return { flaw: 'has a control character' };
  return CLOSED.test(text) ? classify(text) : UNCLOSED;
}

function classify(text: string): Target | Flaw {
  if (SPECIAL.test(text)) return { kind: 'special' };
  if (ERROR.test(text)) return { flaw: 'refuses mail, which only a table can do: see smmap table' };
  if (text.startsWith('@') && text.lastIndexOf('@') === 0) {
    const domain = parseDomain(text.slice(1));
    return domain === null ? { flaw: 'has no valid domain after the @' } : { kind: 'domain', domain };
  }
  if (!UNBROKEN.test(text)) return { flaw: 'has a blank outside quotes' };
  const address = parseAddress(text);
  return 'flaw' in address ? address : { kind: 'address', ...address };
}
