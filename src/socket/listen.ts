import { existsSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { EndpointError, formatEndpoint } from '../endpoint.ts';
import { ListenError } from './claim.ts';
import type { Binding } from './listener.ts';
import { reasonNotGiven } from './ownership.ts';

/** Where a server listens, in the form that node:net takes. */
export interface Place {
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
  readonly fd?: number;
}

const BACKLOG = 4_096; // the kernel cuts it to net.core.somaxconn

/** Starts to listen. Later failures, such as of accept(2), go to `failed`. Rejects with the error of node:net. */
export function listen(server: Server, place: Place, failed: (error: Error) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.off('error', reject);
      server.on('error', failed);
      resolve();
    });
  });
}

/** Turns an error into a ListenError that says where, why, and what to do. */
export function explain(binding: Binding, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ListenError) return error;
  if (error instanceof EndpointError) return new ListenError(error.message);
  const where = binding.kind === 'inherited' ? `socket ${binding.fd} of systemd` : formatEndpoint(binding);
  // libuv says EACCES for a missing folder, as Windows does
  const missing = binding.kind === 'unix' && !existsSync(dirname(binding.path));
  const remedies: Readonly<Record<string, string>> = {
    ENOENT: 'its folder does not exist; make it, or choose another folder',
    EACCES:
      binding.kind === 'tcp'
        ? 'permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE, so choose a higher one, or let systemd hold the socket'
        : 'permission denied; make its folder writable for this user, or choose another place',
    EADDRINUSE: 'another server listens there; stop it first, or choose another place',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  const code = missing ? 'ENOENT' : 'code' in error ? String(error.code) : '';
  const remedy = code === 'EPERM' && binding.kind === 'unix' ? reasonNotGiven(binding) : remedies[code];
  return new ListenError(`cannot listen on ${where}: ${remedy ?? error.message}`, { cause: error });
}
