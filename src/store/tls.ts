import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** How a connection to a server is protected. Certificates and the key are texts in PEM. */
export interface TlsOptions {
  /** Authorities to trust; null: those that Node trusts. */
  readonly ca: string | null;
  /** Ours, where the server asks who we are. */
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that its certificate has; null: the host of its URL. */
  readonly serverName: string | null;
  /** Whether its certificate has to be valid. */
  readonly verify: boolean;
}

/** Protection without options: the certificate of the server has to be valid for Node. */
export const DEFAULT_TLS: TlsOptions = { ca: null, cert: null, key: null, serverName: null, verify: true };

/** What every client tells node:tls. The name of the server is not in it, since each client checks it in its own way. */
export function trustOptions({ ca, cert, key, verify }: TlsOptions): ConnectionOptions {
  return {
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    rejectUnauthorized: verify,
  };
}

/** What node:tls itself is told to protect a connection to a host, its name included. */
export function secureOptions(options: TlsOptions | null, host: string): ConnectionOptions {
  const tls = options ?? DEFAULT_TLS;
  const name = tls.serverName ?? host;
  return {
    ...trustOptions(tls),
    host: name, // what the certificate is compared with where there is no server name
    ...(isIP(name) === 0 && { servername: name }), // an address is no name for SNI (RFC 6066 section 3)
  };
}
