import { foldLocal, parseAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import type { Reply } from '../vocabulary.ts';

/** The texts of a configuration, read. Each throws where the text is none, with a reason that completes "KEY: ...". */
export function absolutePath(text: string): string {
  if (!text.startsWith('/')) throw new Error(`"${text}" is not absolute`);
  return text;
}

export function domain(text: string): string {
  const parsed = parseDomain(text);
  if (parsed === null) throw new Error(`"${text}" is no domain`);
  return parsed;
}

/** A domain, or `*` for any. */
export function domainOrAny(text: string): string {
  return text === '*' ? text : domain(text);
}

/** An address with its domain, its local part folded. */
export function addressOf(text: string): { local: string; domain: string } {
  const parsed = parseAddress(text);
  if ('flaw' in parsed) throw new Error(`"${text}" ${parsed.flaw}`);
  if (parsed.domain === null) throw new Error(`"${text}" has no domain`);
  return { local: foldLocal(parsed.local), domain: parsed.domain };
}

export function oneOf(name: string, noun: string, names: readonly string[]): string {
  if (!names.includes(name)) throw new Error(`there is no ${noun} "${name}"`);
  return name;
}

/** What is wrong with one domain that stands for another; null where nothing is. */
export function flawOfAliasDomain(alias: string, targets: Readonly<Record<string, string>>): string | null {
  const name = parseDomain(alias);
  if (name === null) return `"${alias}" is no domain`;
  const target = targets[alias];
  const chained = Object.keys(targets).some((other) => parseDomain(other) === target);
  return chained ? `stands for ${target}, which itself stands for another` : null;
}

/** A name that can be the second word of a request, or of a line. */
export function tableName(text: string): string {
  if (!/^[^\s\x00-\x1f\x7f]+$/.test(text)) throw new Error(`"${text}" is no name without blanks`);
  return text;
}

/** The text of a reply, with its placeholders. */
export function replyText(text: string): string {
  if (text === '') throw new Error('is empty, which Postfix takes for a mistake');
  const wrong = /%(?![sud%]).?/.exec(text);
  if (wrong !== null) throw new Error(`"${wrong[0]}" is none of %s, %u, %d and %%`);
  if (/[\x00-\x1f\x7f]/.test(text)) throw new Error('has a control character');
  return text;
}

/** Folded, as it is compared; ASCII, so that folding does not change where the separator is. */
export function sharedUser(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text) || text.includes('@')) throw new Error(`"${text}" is no local part in ASCII`);
  return text.toLowerCase();
}

/** What a mailbox that is not active is answered; OK without a value, since the map has it. */
export function stateReply(text: string): Reply {
  const [, word, reason] = /^(TEMP|PERM) (.+)$/.exec(text) ?? [];
  if ((word === 'TEMP' || word === 'PERM') && reason !== undefined) return { kind: word, reason };
  if (text === 'OK') return { kind: 'OK', value: '' };
  if (text === 'NOTFOUND') return { kind: 'NOTFOUND' };
  throw new Error(`"${text}" is no reply`);
}
