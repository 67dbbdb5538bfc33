import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { commandsToLetRead, ownAccount } from '../account.ts';
import { type Endpoint, parseEndpoint } from '../endpoint.ts';
import { withoutSecrets } from '../toml/secret.ts';
import { optional, parsedBy, section, text, ValueError, yesOrNo, z } from '../toml/type.ts';
import * as value from '../toml/value.ts';
import type { Server, StoreFile } from './driver.ts';
import { type Bulk, StoreError } from './store.ts';

/** The keys by which a server is reached. Drivers share them. */

/** What is wrong with a URL; the remedy, if it is not just another URL. */
export interface UrlFlaw {
  readonly flaw: string;
  readonly remedy?: string;
}

/** One URL, or several of servers with the same data, in the order in which they are asked; `parse` is the driver's. */
export function urls(parse: (text: string) => UrlFlaw | object, example: string) {
  const one = url(parse, example);
  return z
    .union([one.transform((each) => [each]), z.array(one).min(1)])
    .describe(`a URL, or several in a list, such as "${example}"`);
}

/** A URL that its driver can read with `parse`. */
export function url(parse: (text: string) => UrlFlaw | object, example: string, more = '') {
  return parsedBy(`a URL, such as "${example}"${more}`, (raw) => {
    const read = parse(raw);
    if ('flaw' in read) throw new ValueError(`"${withoutSecrets(raw)}" ${read.flaw}`, read.remedy);
    return raw;
  });
}

/** One server. */
export const endpoint = parsedBy('unix:PATH or tcp:HOST:PORT', (raw): Endpoint => parseEndpoint(raw));

/** One server, or several with the same data, in the order in which they are asked. */
export const endpoints = z
  .union([endpoint.transform((each) => [each]), z.array(endpoint).min(1)])
  .describe('unix:PATH or tcp:HOST:PORT, or several in a list');

/** How the connection is protected. The files are read now, so a reload sees new ones. */
export const tls = optional(
  section({
    ca: optional(parsedBy('the path of a file in PEM', pem)),
    cert: optional(parsedBy('the path of a file in PEM', pem)),
    key: optional(parsedBy('the path of a file in PEM', pem)),
    server_name: optional(text('the name that its certificate has')),
    verify: yesOrNo(true),
  }),
).describe('{ ca = "/etc/ssl/certs/ca-certificates.crt" }, or {} for the authorities that Node trusts');

/** Reads a file of certificates, or of a key. */
function pem(path: string): string {
  let content: string;
  try {
    content = readFileSync(value.absolutePath(path), 'utf8');
  } catch (error) {
    throw new Error(`cannot be read (${(error as Error).message})`, { cause: error });
  }
  if (!content.includes('-----BEGIN ')) throw new Error(`"${path}" contains no certificate or key in PEM`);
  return content;
}

/** The file of a password or token, for `files` of a driver. */
export function secretFiles(key: string, path: string | null): readonly StoreFile[] {
  return path === null ? [] : [{ key, path, kind: 'secret', right: 'read' }];
}

/** The file of a password or token. */
export const secretPath = parsedBy('the absolute path of a file', value.absolutePath);
export const secretFile = optional(secretPath);

/** A function that reads the file of a password or token. Each connection calls it: a new one needs no restart. */
export function secretIn(file: string): () => Promise<string>;
export function secretIn(file: string | null): (() => Promise<string>) | null;
export function secretIn(file: string | null): (() => Promise<string>) | null {
  if (file === null) return null;
  return async () => {
    try {
      return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    } catch (error) {
      throw new StoreError(reasonUnreadable(file, error as NodeJS.ErrnoException), { cause: error });
    }
  };
}

function reasonUnreadable(file: string, { code, message }: NodeJS.ErrnoException): string {
  const own = ownAccount();
  if (code !== 'EACCES') return `the file of the password cannot be read (${message})`;
  return `${file} cannot be read by the user ${own.name}: ${commandsToLetRead(file, own)}`;
}

/** The servers at these URLs, each with the name that the log has for it. */
export function serversAt(addresses: readonly string[], create: (address: string) => Bulk): readonly Server[] {
  return addresses.map((address) => ({ name: hostOf(address), bulk: create(address) }));
}

/** A URL without user, password and database. */
function hostOf(address: string): string {
  const { host, searchParams } = new URL(address);
  return host !== '' ? host : (searchParams.get('host') ?? address.replace(/\?.*/, ''));
}
