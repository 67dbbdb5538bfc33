import type { UrlFlaw } from '../../server.ts';

/** Where a directory server is. */
export interface LdapPlace {
  readonly secure: boolean;
  readonly path: string | null;
  readonly host: string;
  readonly port: number;
}

/** Reads `ldap://HOST[:PORT]`, `ldaps://HOST[:PORT]`, or `ldapi://PATH`, which may have %2F for each slash. */
export function parseLdapUrl(text: string): LdapPlace | UrlFlaw {
  const socket = /^ldapi:\/\/(\/.+|%2f[^/]*)\/?$/i.exec(text);
  if (socket !== null) {
    try {
      const path = decodeURIComponent(socket[1] as string).replace(/\/$/, '');
      return { secure: false, path, host: 'localhost', port: 0 };
    } catch {
      return { flaw: 'has an invalid percent-encoding', remedy: 'write a percent sign as %25' };
    }
  }
  const server = /^(ldaps?):\/\/(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?\/?$/i.exec(text);
  if (server === null) return { flaw: 'is not of the form ldap://HOST, ldaps://HOST or ldapi:///PATH' };
  const [, scheme, address, name, port] = server;
  const secure = scheme?.toLowerCase() === 'ldaps';
  return { secure, path: null, host: address ?? name ?? '', port: Number(port ?? (secure ? 636 : 389)) };
}
