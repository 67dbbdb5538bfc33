import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../real/command.ts';

/** The texts in PEM of an authority, and of the certificate of a client named `cn=client`. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes an authority, a server at 127.0.0.1 that is named ldap.test, and a client: ca.pem, server.pem, server.key, client.pem and
 * client.key in a folder.
 */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const at = (name: string): string => join(folder, name);
  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await run('openssl', [...args]);
    if (code !== 0) throw new Error(`openssl ${args[0]} ended with ${code}: ${stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
  await openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=authority');
  const server = ['-subj', '/CN=server', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:ldap.test'];
  await openssl('req', '-x509', ...key, ...signed, '-keyout', at('server.key'), '-out', at('server.pem'), ...server);
  const client = ['-subj', '/CN=client'];
  await openssl('req', '-x509', ...key, ...signed, '-keyout', at('client.key'), '-out', at('client.pem'), ...client);
  const [ca, cert, secret] = await Promise.all(
    ['ca.pem', 'client.pem', 'client.key'].map((name) => readFile(at(name), 'utf8')),
  );
  return { ca: ca as string, cert: cert as string, key: secret as string };
}
