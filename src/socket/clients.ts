import type { Socket } from 'node:net';
import { Connection, type Service } from './connection.ts';

export interface ClientLimits {
  /** A connection beyond this many is answered, but only with TEMP. */
  readonly softConnections: number;
  /** A connection beyond this many is closed at once, which every MTA takes for a temporary failure. */
  readonly hardConnections: number;
}

/** All clients of all listeners. */
export interface Clients {
  readonly count: number;
  accept(socket: Socket): void;
  /** Answers what was asked, half-closes, waits until the clients have closed, and drops them after `boundMs`. */
  drain(boundMs: number): Promise<void>;
}

const LAST_READ_MS = 20; // what was sent before the stop is read within this time

/**
 * node:net cannot leave a client waiting in the backlog, and should not: what it had asked would be answered late.
 * So beyond the hard limit connections are closed, and `refused` is told.
 */
export function createClients(limits: ClientLimits, service: Service, refused: () => void): Clients {
  const connections = new Set<Connection>();
  let emptied: (() => void) | null = null;

  return {
    get count() {
      return connections.size;
    },
    accept(socket) {
      if (connections.size >= limits.hardConnections) {
        refused();
        socket.destroy();
        return;
      }
      let excess = connections.size >= limits.softConnections;
      const overloaded = (): boolean => {
        excess &&= connections.size > limits.softConnections;
        return excess;
      };
      const connection = new Connection(socket, service, overloaded, () => {
        connections.delete(connection);
        if (connections.size === 0) emptied?.();
      });
      connections.add(connection);
    },
    async drain(boundMs) {
      await new Promise((resolve) => setTimeout(resolve, LAST_READ_MS));
      for (const connection of connections) connection.drain();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, boundMs);
        emptied = () => {
          clearTimeout(timer);
          resolve();
        };
        if (connections.size === 0) emptied?.();
      });
      for (const connection of connections) connection.destroy();
    },
  };
}
