import type { Socket } from 'node:net';
import type { Framing } from '../protocol/framing.ts';
import { Connection, type Service } from './connection.ts';
import type { Intake } from './intake.ts';

export interface ClientLimits {
  /** A connection beyond this many is answered, but only with TEMP. */
  readonly softConnections: number;
  /** A connection beyond this many is closed at once, which every MTA takes for a temporary failure. */
  readonly hardConnections: number;
}

/** All clients of all listeners. */
export interface Clients {
  readonly count: number;
  /** Serves a socket whose client did not connect before `since`. */
  accept(socket: Socket, since: number, framing: Framing): void;
  /** Serves them on until all have closed, or for `boundMs`. */
  finish(boundMs: number): Promise<void>;
  /** Answers what was asked, half-closes, waits until the clients have closed, and drops them after `boundMs`. */
  drain(boundMs: number): Promise<void>;
}

const LAST_READ_MS = 20; // what was sent before the stop is read within this time

/**
 * node:net cannot leave a client waiting in the backlog, and should not: what it had asked would be answered late.
 * So beyond the hard limit connections are closed, and `refused` is told.
 */
export function createClients(
  service: Service & { readonly limits: ClientLimits },
  intake: Intake,
  refused: () => void,
): Clients {
  const connections = new Set<Connection>();
  const waiting = new Set<() => void>();

  const finish = (boundMs: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, boundMs);
      waiting.add(done);
      if (connections.size === 0) done();
    });

  return {
    get count() {
      return connections.size;
    },
    accept(socket, since, framing) {
      const { limits } = service;
      if (connections.size >= limits.hardConnections) {
        refused();
        socket.destroy();
        return;
      }
      let excess = connections.size >= limits.softConnections;
      const overloaded = (): boolean => {
        excess &&= connections.size > service.limits.softConnections;
        return excess;
      };
      const connection = new Connection(socket, since, framing, service, overloaded, () => {
        connections.delete(connection);
        if (connections.size === 0) for (const done of waiting) done();
      });
      connections.add(connection);
      intake.whenTaken(() => connection.start());
    },
    finish,
    async drain(boundMs) {
      await new Promise((resolve) => setTimeout(resolve, LAST_READ_MS));
      for (const connection of connections) connection.drain();
      await finish(boundMs);
      for (const connection of connections) connection.destroy();
    },
  };
}
