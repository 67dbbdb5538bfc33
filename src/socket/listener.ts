import { BlockList, type Server, type Socket, createServer } from 'node:net';
import { formatEndpoint } from '../endpoint.ts';
import { pathOfInherited } from './inherited.ts';
import type { Intake } from './intake.ts';
import { explain, listen } from './listen.ts';
import { openUnix } from './unix.ts';

/** A network of `allow`: an address, or a prefix of `bits` bits. */
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
   * Checks that a Unix socket can have its path: no server listens there, or `replace` is true. The function that it resolves
   * to takes the path at once; at every moment one of the servers listens. Both throw ListenError.
   */
  claim(replace: boolean): Promise<() => void>;
  /** Whether it still has its path. */
  holds(): boolean;
  /** Whether another file is at its path, for example because another server took it over. */
  isTaken(): boolean;
  /** Changes who may connect. The binding is for the same place. */
  update(binding: Binding): void;
  /** Removes the socket file, accepts the clients that connected before, and then no more. */
  retire(): void;
  /** Removes the socket file, and accepts the clients that connected before until `close`. */
  leave(): void;
  /** Accepts no more clients, and removes the socket file. */
  close(): void;
}

export interface ListenerEvents {
  /** The client did not connect before `since`. */
  accept(socket: Socket, since: number): void;
  /** Another server has taken over the path. Clients that connected before are still accepted. */
  replaced(): void;
  /** The socket file is gone, so no client can connect. Called once for each cause, while we try to bind again. */
  lost(cause: string): void;
  /** It has its path again. */
  regained(where: string): void;
  /** A client outside the allowed networks was turned away. */
  forbidden(address: string): void;
  /** accept(2) failed; the listener goes on. */
  failed(error: Error): void;
}

const KEEPALIVE_MS = 60_000; // of silence; then libuv asks ten times, once a second, whether the client's machine is there

/** Starts to listen. A Unix socket gets its path only by `claim`. Throws ListenError. */
export async function openListener(binding: Binding, events: ListenerEvents, intake: Intake): Promise<Listener> {
  let admit = admitFrom(binding, events);
  const makeServer = (): Server => {
    const made = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
    });
    made.once('listening', () => {
      // Clients of a socket of systemd may have waited since before this process; they count as being as old as the process.
      const since = binding.kind === 'inherited' ? 0 : performance.now();
      const queue = intake.watch(since, () => made.listening);
      made.on('connection', (socket) => admit(socket, queue.taken()));
      made.on('error', () => queue.taken());
    });
    return made;
  };
  if (binding.kind === 'unix') return openUnix(binding, makeServer, events, intake);
  const server = makeServer();
  try {
    const place = binding.kind === 'tcp' ? { host: binding.host, port: binding.port } : { fd: binding.fd };
    await listen(server, place, (error) => events.failed(error));
  } catch (error) {
    if (binding.kind === 'tcp') server.close(); // if an inherited socket were closed, any other file could get its descriptor
    throw explain(binding, error);
  }
  const close = (): void => void server.close();
  return {
    where: whereOf(server, binding),
    claim: () => Promise.resolve(() => {}),
    holds: () => true,
    isTaken: () => false,
    update: (next) => (admit = admitFrom(next, events)),
    retire: close,
    leave: () => {},
    close,
  };
}

function whereOf(server: Server, binding: Binding): string {
  const address = server.address() ?? (binding.kind === 'inherited' ? pathOfInherited(binding.fd) : null);
  if (address === null) return 'an inherited socket';
  if (typeof address === 'string') return formatEndpoint({ kind: 'unix', path: address });
  return formatEndpoint({ kind: 'tcp', host: address.address, port: address.port });
}

/**
 * Over TCP, accepts only clients on loopback and from the allowed networks, because a socket map tells every client which
 * mailboxes exist.
 */
function admitFrom(binding: Binding, events: ListenerEvents): (socket: Socket, since: number) => void {
  if (binding.kind !== 'tcp') return (socket, since) => events.accept(socket, since);
  const { allow } = binding;
  const allowed = blockListOf([...LOOPBACK, ...allow]);
  return (socket, since) => {
    const address = socket.remoteAddress;
    if (address !== undefined && allowed.check(address, familyOf(address))) {
      events.accept(socket, since);
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

/** Whether an address can be reached only from this machine. */
export function isLoopback(address: string): boolean {
  return loopback.check(address, familyOf(address));
}

function blockListOf(networks: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const { address, bits } of networks) list.addSubnet(address, bits, familyOf(address));
  return list;
}

/** Of what is an address for certain. isIP of Node 20 compiles a regular expression, which is a tenth of the CPU of a start. */
function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
