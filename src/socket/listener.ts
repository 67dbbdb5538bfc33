import { chmodSync, chownSync, existsSync } from 'node:fs';
import { BlockList, type Server, type Socket, createServer, isIP } from 'node:net';
import { dirname } from 'node:path';
import { ListenError, besidePath, claimPath, inodeOf, releasePath, takePath } from './claim.ts';
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
  /**
   * Gives a Unix socket its path, from which clients reach it: where nobody listens there, or with `takeover` also from who
   * does, without a moment in which nobody would. Throws ListenError.
   */
  claim(takeover: boolean): Promise<void>;
  /** Changes who may connect, to the binding of the same place. Throws ListenError. */
  update(binding: Binding): void;
  /** Accepts no more, and removes the socket file. */
  close(): void;
}

export interface ListenerEvents {
  accept(socket: Socket): void;
  /** Another server has taken over the path; who connected before is still accepted. */
  replaced(): void;
  /** A client outside the allowed networks was turned away. */
  forbidden(address: string): void;
  /** accept(2) failed; the listener goes on. */
  failed(error: Error): void;
}

const BACKLOG = 4_096; // the kernel cuts it to net.core.somaxconn
const WATCH_MS = 500;

/** Starts to listen; a path is had only by `claim`. Throws ListenError where the place cannot be had. */
export async function openListener(binding: Binding, events: ListenerEvents): Promise<Listener> {
  let admit = admitFrom(binding, events);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => admit(socket));
  const reached = (): Listener => ({
    where: whereOf(server),
    claim: () => Promise.resolve(),
    update: (next) => (admit = admitFrom(next, events)),
    close: () => server.close(),
  });
  try {
    switch (binding.kind) {
      case 'unix':
        return await openUnix(server, binding, events);
      case 'tcp':
        await listen(server, { host: binding.host, port: binding.port, backlog: BACKLOG }, events);
        return reached();
      case 'inherited':
        await listen(server, { fd: binding.fd }, events);
        return reached();
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
  const { path } = binding;
  const beside = besidePath(path);
  await listen(server, { path: beside, backlog: BACKLOG }, events);
  const inode = inodeOf(beside) as bigint;
  let name = beside;
  let watch: NodeJS.Timeout | undefined;
  const update = (next: Binding): void => {
    if (next.kind !== 'unix' || inodeOf(name) !== inode) return;
    try {
      chownSync(name, next.uid, next.gid);
      chmodSync(name, next.mode);
    } catch (error) {
      throw explain(next, error);
    }
  };
  const close = (): void => {
    clearInterval(watch);
    releasePath(name, inode);
    server.close();
  };
  try {
    update(binding);
  } catch (error) {
    close();
    throw error;
  }
  return {
    where: formatEndpoint({ kind: 'unix', path }),
    async claim(takeover) {
      if (takeover) takePath(beside, path);
      else await claimPath(beside, path);
      name = path;
      watch = setInterval(() => {
        const now = inodeOf(path);
        if (now === null || now === inode) return; // a path that somebody removed has not gone to another server
        clearInterval(watch);
        events.replaced();
      }, WATCH_MS).unref();
    },
    update,
    close,
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

/** Over TCP lets in the loopback addresses and the allowed networks: a socket map tells anybody who asks which mailboxes exist. */
function admitFrom(binding: Binding, events: ListenerEvents): (socket: Socket) => void {
  if (binding.kind !== 'tcp') return (socket) => events.accept(socket);
  const { allow } = binding;
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
