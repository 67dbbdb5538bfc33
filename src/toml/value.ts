import { execFileSync } from 'node:child_process';
import { isIP } from 'node:net';
import { foldLocal, parseAddress } from '../address/address.ts';
import { parseDomain } from '../address/domain.ts';
import { parseHostPort, parsePath } from '../endpoint.ts';
import type { Network } from '../socket/listener.ts';
import type { Reply } from '../vocabulary.ts';

/** The texts of a configuration, read. Each throws where the text is none, with a reason that completes "KEY: ...". */
export function absolutePath(text: string): string {
  if (!text.startsWith('/')) throw new Error(`"${text}" is not absolute`);
  return text;
}

export function socketPath(text: string): string {
  return parsePath(absolutePath(text));
}

export function mode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new Error(`"${text}" is no mode`);
  return Number.parseInt(text, 8);
}

/** An address and not a name, so that nobody else decides how far a listener reaches. */
export function tcp(text: string): { host: string; port: number } {
  const { host, port } = parseHostPort(text);
  if (isIP(host) === 0) throw new Error(`"${host}" is a name, and where it leads may change`);
  return { host, port };
}

export function network(text: string): Network {
  const [address = '', prefix] = text.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const bits = prefix === undefined ? most : Number(/^\d{1,3}$/.test(prefix) ? prefix : NaN);
  if (isIP(address) === 0 || !(bits <= most)) throw new Error(`"${text}" is no network`);
  return { address, bits };
}

export function user(text: string): number {
  return accountId('passwd', 'user', text);
}

export function group(text: string): number {
  return accountId('group', 'group', text);
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

const ACCOUNT_MS = 1_000; // a daemon that reloads answers nobody meanwhile

/** From a name, or its own digits. getent(1) knows the accounts of LDAP and NIS too. */
function accountId(database: 'passwd' | 'group', noun: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  try {
    const line = execFileSync('getent', [database, '--', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: ACCOUNT_MS,
    });
    return Number(line.split(':')[2]);
  } catch (error) {
    const late = (error as NodeJS.ErrnoException).code === 'ETIMEDOUT';
    const reason = late
      ? `getent does not say within ${ACCOUNT_MS} ms whether there is a ${noun} "${name}"; its number needs no asking`
      : `there is no ${noun} "${name}"`;
    throw new Error(reason, { cause: error });
  }
}
