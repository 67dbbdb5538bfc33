import { chmodSync, chownSync, existsSync } from 'node:fs';
import { BlockList, type Server, type Socket, createServer, isIP } from 'node:net';
import { dirname } from 'node:path';
import { ListenError, besidePath, claimPath, inodeOf, releasePath } from './claim.ts';
import { EndpointError, formatEndpoint } from './endpoint.ts';

/** A network as `allow` names them: an address, or a prefix of so many bits. */
export interface Network {
  readonly address: string;
  readonly bits: number;
}

export type Binding =
  | { readonly kind: 'unix'; readonly path: string; readonly mode: number; readonly uid: number; readonly gid: number }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly allow: readonly Network[] }
  | { readonly kind: 'inherited'; readonly fd: number };

export interface Listener {
  readonly where: string;
  /** Accepts no more, and removes the socket file. */
  close(): void;
}

export interface ListenerEvents {
  accept(socket: Socket): void;
  /** A client outside the allowed networks was turned away. */
  forbidden(address: string): void;
  /** accept(2) failed; the listener goes on. */
  failed(error: Error): void;
}

const BACKLOG = 4_096; // the kernel cuts it to net.core.somaxconn

/** Starts to listen. Throws ListenError where the path or port cannot be had. */
export async function openListener(binding: Binding, events: ListenerEvents): Promise<Listener> {
  const admit = binding.kind === 'tcp' ? admitFrom(binding.allow, events) : (socket: Socket) => events.accept(socket);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, admit);
  try {
    switch (binding.kind) {
      case 'unix':
        return await openUnix(server, binding, events);
      case 'tcp':
        await listen(server, { host: binding.host, port: binding.port, backlog: BACKLOG }, events);
        return { where: whereOf(server), close: () => server.close() };
      case 'inherited':
        await listen(server, { fd: binding.fd }, events);
        return { where: whereOf(server), close: () => server.close() };
    }
  } catch (error) {
    server.close();
    throw explain(binding, error);
  }
}

/** Says where, why, and what would help. */
function explain(binding: Binding, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ListenError) return error;
  if (error instanceof EndpointError) return new ListenError(error.message);
  const where = binding.kind === 'inherited' ? `socket ${binding.fd} of systemd` : formatEndpoint(binding);
  // libuv calls a missing folder EACCES, as Windows does
  const missing = binding.kind === 'unix' && !existsSync(dirname(binding.path));
  const remedies: Readonly<Record<string, string>> = {
    ENOENT: 'its folder does not exist; make it, or choose another',
    EACCES: 'permission denied; make its folder writable for this user, or choose another place',
    EPERM: 'only root can give a socket to another owner or group; leave owner and group out, or run as one who may',
    EADDRINUSE: 'another server listens there; stop it first, or choose another place',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  const code = missing ? 'ENOENT' : 'code' in error ? String(error.code) : '';
  const remedy = remedies[code];
  return new ListenError(`cannot listen on ${where}: ${remedy ?? error.message}`, { cause: error });
}

async function openUnix(
  server: Server,
  binding: Extract<Binding, { kind: 'unix' }>,
  events: ListenerEvents,
): Promise<Listener> {
  const { path, mode, uid, gid } = binding;
  const beside = besidePath(path);
  await listen(server, { path: beside, backlog: BACKLOG }, events);
  chownSync(beside, uid, gid);
  chmodSync(beside, mode);
  await claimPath(beside, path);
  const inode = inodeOf(path);
  return {
    where: formatEndpoint({ kind: 'unix', path }),
    close() {
      if (inode !== null) releasePath(path, inode);
      server.close();
    },
  };
}

function listen(
  server: Server,
  options: { path?: string; host?: string; port?: number; fd?: number; backlog?: number },
  events: ListenerEvents,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      server.on('error', (error) => events.failed(error));
      resolve();
    });
  });
}

function whereOf(server: Server): string {
  const address = server.address();
  if (address === null) return 'an inherited socket';
  if (typeof address === 'string') return formatEndpoint({ kind: 'unix', path: address });
  return formatEndpoint({ kind: 'tcp', host: address.address, port: address.port });
}

/** Lets in the loopback addresses and the allowed networks: a socket map tells anybody who asks which mailboxes exist. */
function admitFrom(allow: readonly Network[], events: ListenerEvents): (socket: Socket) => void {
  const allowed = blockListOf([...LOOPBACK, ...allow]);
  return (socket) => {
    const address = socket.remoteAddress;
    if (address !== undefined && allowed.check(address, familyOf(address))) {
      events.accept(socket);
      return;
    }
    events.forbidden(address ?? 'an unknown address');
    socket.destroy();
  };
}

const LOOPBACK: readonly Network[] = [
  { address: '127.0.0.0', bits: 8 },
  { address: '::1', bits: 128 },
];
const loopback = blockListOf(LOOPBACK);

/** Whether an address reaches no further than this machine. */
export function isLoopback(address: string): boolean {
  return loopback.check(address, familyOf(address));
}

function blockListOf(networks: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const { address, bits } of networks) list.addSubnet(address, bits, familyOf(address));
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
