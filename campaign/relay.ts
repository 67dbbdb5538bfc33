// A relay between smmap and a server, which can be cut, delayed, and closed to newcomers.

import { type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Relay {
  readonly port: number;
  /** How long each piece of an answer waits. */
  lagMs: number;
  /** Ends each new connection at once. */
  closed: boolean;
  /** After so many more bytes of answers, all connections end: in the middle of an answer. Infinity for never. */
  leftBytes: number;
  /** Ends all connections. */
  cut(): void;
  stop(): void;
}

/** Listens on a port of this machine, and connects each client to a port of this machine. */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    if (relay.closed) return void client.destroy();
    const behind = connect({ port, host: '127.0.0.1', noDelay: true });
    let last = Promise.resolve();
    /** One piece after the other: what comes when the lag is over must not come before what still waits. */
    const pass = async (bytes: Buffer, dueMs: number, before: Promise<void>): Promise<void> => {
      await before;
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      client.write(bytes);
    };
    const end = (): void => {
      client.destroy();
      behind.destroy();
    };
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.pipe(behind, { end: false });
    behind.on('data', (bytes: Buffer) => {
      if (relay.leftBytes < bytes.length) {
        client.end(bytes.subarray(0, relay.leftBytes));
        relay.leftBytes = Infinity;
        setImmediate(() => relay.cut());
        return;
      }
      relay.leftBytes -= bytes.length;
      last = pass(bytes, performance.now() + relay.lagMs, last);
    });
    client.on('end', end);
    behind.on('end', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relay: Relay = {
    port: (server.address() as { port: number }).port,
    lagMs: 0,
    closed: false,
    leftBytes: Infinity,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    stop() {
      relay.cut();
      server.close();
    },
  };
  return relay;
}
