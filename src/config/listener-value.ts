import { execFileSync } from 'node:child_process';
import { isIP } from 'node:net';
import { parseHostPort, parsePath } from '../endpoint.ts';
import type { Network } from '../socket/listener.ts';
import { absolutePath } from '../toml/value.ts';

/**
 * Readers for the keys of a listener. Each throws if the text is not valid, with a reason that completes "KEY: ...".
 */
export function socketPath(text: string): string {
  return parsePath(absolutePath(text));
}

export function mode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new Error(`"${text}" is not a mode`);
  return Number.parseInt(text, 8);
}

/** Reads an address and a port. Not a name, because DNS could change which machines can reach the listener. */
export function tcp(text: string): { host: string; port: number } {
  const { host, port } = parseHostPort(text);
  if (isIP(host) === 0) throw new Error(`"${host}" is a name, not an IP address`);
  return { host, port };
}

/** Reads the name of a machine, as a browser writes it: without a port, in lower case. */
export function hostName(text: string): string {
  if (!/^(?:[\w-]+\.)*[\w-]+$/.test(text)) throw new Error(`"${text}" is not a name`);
  return text.toLowerCase();
}

export function network(text: string): Network {
  const [address = '', prefix] = text.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const bits = prefix === undefined ? most : Number(/^\d{1,3}$/.test(prefix) ? prefix : NaN);
  if (isIP(address) === 0 || !(bits <= most)) throw new Error(`"${text}" is not a network`);
  return { address, bits };
}

export function absent(text: string): boolean {
  if (text !== 'dunno' && text !== 'reject') throw new Error(`"${text}" is not one of dunno, reject`);
  return text === 'reject';
}

/** Code, enhanced code (RFC 3463) and text of an SMTP reply that refuses. */
export function refusal(text: string): string {
  if (!/^([45])\d\d \1\.\d{1,3}\.\d{1,3} [\x20-\x7e]+$/.test(text)) throw new Error(`"${text}" is not a refusal`);
  return text;
}

export function user(text: string): number {
  return accountId('passwd', 'user', text);
}

export function group(text: string): number {
  return accountId('group', 'group', text);
}

const ACCOUNT_MS = 1_000; // during a reload, the daemon cannot answer while it waits

/** The number of a user or group, from its name or its digits. getent(1) also knows accounts in LDAP and NIS. */
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
      ? `getent did not answer within ${ACCOUNT_MS} ms about the ${noun} "${name}"; a number works without getent`
      : `there is no ${noun} "${name}"`;
    throw new Error(reason, { cause: error });
  }
}
