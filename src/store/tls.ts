import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** How a connection to a server is protected. The certificates and the key are texts in PEM. */
export interface TlsOptions {
  /** The authorities to trust; null: those that Node trusts. */
  readonly ca: string | null;
  /** The certificate of smmap, for a server that asks for one. */
  readonly cert: string | null;
  readonly key: string | null;
  /** The name in the certificate of the server; null: the host of its URL. */
  readonly serverName: string | null;
  /** Whether the certificate of the server must be valid. */
  readonly verify: boolean;
}

/** TLS without options: Node must find the certificate of the server valid. */
export const DEFAULT_TLS: TlsOptions = { ca: null, cert: null, key: null, serverName: null, verify: true };

/** The options of node:tls for every client, but for the server name, which each client checks in its own way. */
export function trustOptions({ ca, cert, key, verify }: TlsOptions): ConnectionOptions {
  return {
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    rejectUnauthorized: verify,
  };
}

/** The options of node:tls for a connection to a host that smmap makes itself, with the server name. */
export function secureOptions(options: TlsOptions | null, host: string): ConnectionOptions {
  const tls = options ?? DEFAULT_TLS;
  const name = tls.serverName ?? host;
  return {
    ...trustOptions(tls),
    host: name, // if there is no servername, the certificate is compared with this
    ...(isIP(name) === 0 && { servername: name }), // an IP address is not allowed in SNI (RFC 6066 section 3)
  };
}
