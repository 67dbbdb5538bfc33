import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { TlsOptions } from './tls.ts';

/** What node:tls has to be told to protect a connection to a host; without options, its certificate has to be valid for Node. */
export function secureOptions(options: TlsOptions | null, host: string): ConnectionOptions {
  const { ca = null, cert = null, key = null, serverName = null, verify = true } = options ?? {};
  const name = serverName ?? host;
  return {
    host: name, // what the certificate is compared with where there is no server name
    ...(isIP(name) === 0 && { servername: name }), // an address is no name for SNI (RFC 6066 section 3)
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    rejectUnauthorized: verify,
  };
}
