import { CONTROL, type Address, type Flaw, parseAddress } from './address.ts';
import { parseDomain } from './domain.ts';
import { isPlain } from './written.ts';

/**
 * A target of an alias: an address; a domain, which keeps the local part (`@example.org`); or something that only the mail
 * server can do, such as `|program`, `/file`, `:include:/list` and `\user` of aliases(5).
 */
export type Target =
  | ({ readonly kind: 'address' } & Address)
  | { readonly kind: 'domain'; readonly domain: string }
  | { readonly kind: 'special' };

const SPECIAL = /^(?:\\|"?(?:[|/]|:include:))/i;
const ERROR = /^error:/i; // of Sendmail's virtusertable: the address is refused
// Each of these takes linear time, because none tries a quote in two ways.
const CLOSED = /^(?:[^"]|"(?:[^"\\]|\\.)*")*$/s;
const UNBROKEN = /^(?:[^"\s]|"(?:[^"\\]|\\.)*")*$/s;
const ITEM = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/gs; // a comma inside quotes does not separate

const UNCLOSED: Flaw = { flaw: 'has a quote that is not closed' };

/** Splits `a@b, "c, d"@e` at its commas. Each target has its text. A Flaw if one of them is not a valid target. */
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

/** Splits targets at their commas without reading them, which is quick even for 100,000 of them. */
export function splitTargets(text: string): readonly string[] | Flaw {
  const quoted = text.includes('"');
  if (quoted && !CLOSED.test(text)) return UNCLOSED;
  const items = quoted ? (text.match(ITEM) ?? []) : text.split(',');
  const texts = items.map((item) => item.trim()).filter((item) => item !== '');
  return texts.length === 0 ? { flaw: 'has no target' } : texts;
}

/** The name of a target in a message. A target that is not plain is not quoted: it may be a part of a password file. */
export function nameOf(target: string): string {
  return isPlain(target) ? `the target ${target}` : 'a target';
}

/** Writes what parseTargets reads. */
export function formatTargets(targets: readonly string[]): string {
  return targets.join(', ');
}

/**
 * Reads one target, written as in an envelope. A single quote character or a blank outside quotes is a Flaw here: a person
 * forgot a comma. parseAddress accepts both, because Sendmail sends them.
 */
export function parseTarget(text: string): Target | Flaw {
  if (CONTROL.test(text)) return { flaw: 'has a control character' };
  return CLOSED.test(text) ? classify(text) : UNCLOSED;
}

function classify(text: string): Target | Flaw {
  if (SPECIAL.test(text)) return { kind: 'special' };
  if (ERROR.test(text)) return { flaw: 'refuses mail, and only a table can do that: see smmap table' };
  if (text.startsWith('@') && text.lastIndexOf('@') === 0) {
    const domain = parseDomain(text.slice(1));
    return domain === null ? { flaw: 'has no valid domain after the @' } : { kind: 'domain', domain };
  }
  if (!UNBROKEN.test(text)) return { flaw: 'has a blank outside quotes' };
  const address = parseAddress(text);
  return 'flaw' in address ? address : { kind: 'address', ...address };
}
