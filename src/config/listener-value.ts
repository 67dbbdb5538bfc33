import { execFileSync } from 'node:child_process';
import { isIP } from 'node:net';
import { parseHostPort, parsePath } from '../endpoint.ts';
import type { Network } from '../socket/listener.ts';
import { absolutePath } from '../toml/value.ts';

/** The texts of a listener's keys, read. Each function throws for a text that it cannot read, with a reason that completes "KEY: ...". */
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
