import type { Socket } from 'node:net';
import type { Framing } from '../protocol/framing.ts';
import { Connection, type Service } from './connection.ts';

export interface ClientLimits {
  /** Connections beyond this number get only TEMP. */
  readonly softConnections: number;
  /** Connections beyond this number are closed at once. Every MTA takes that for a temporary failure. */
  readonly hardConnections: number;
}

/** All clients of all listeners. */
export interface Clients {
  readonly count: number;
  /** Serves a socket whose client did not connect before `since`. `listener` is the name of its listener. */
  accept(socket: Socket, since: number, framing: Framing, listener: string): void;
  /** Goes on serving until all have closed, or for `boundMs`. */
  finish(boundMs: number): Promise<void>;
  /**
   * Answers the requests it has and half-closes the clients, except those that never connect again: they are still served.
   * `closed` resolves when all have closed. Clients that were half-closed are dropped after `boundMs`.
   */
  halfClose(boundMs: number): Promise<{ readonly closed: Promise<void> }>;
  /** Answers the requests it has, and closes all. */
  close(): Promise<void>;
}

const LAST_READ_MS = 20; // requests that were sent before the stop are read within this time

/**
 * Beyond the hard limit, connections are closed, and `refused` is called. node:net cannot leave a client waiting in the
 * backlog, and should not: its request would be answered late.
 */
export function createClients(service: Service & { readonly limits: ClientLimits }, refused: () => void): Clients {
  const connections = new Set<Connection>();
  const waiting = new Set<() => void>();

  /** Waits until all have closed. Null: for as long as that takes. */
  const finish = (boundMs: number | null): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      };
      const timer = boundMs === null ? undefined : setTimeout(done, boundMs);
      waiting.add(done);
      if (connections.size === 0) done();
    });
  /** The immediate comes after a poll, also where this process got no time to run until then. */
  const lastRead = (): Promise<void> => new Promise((resolve) => setTimeout(() => setImmediate(resolve), LAST_READ_MS));
  /** All except those that never connect again. */
  const leaving = (): Connection[] => [...connections].filter(({ patient }) => !patient);

  return {
    get count() {
      return connections.size;
    },
    accept(socket, since, framing, listener) {
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
      const closed = (): void => {
        connections.delete(connection);
        if (connections.size === 0) for (const done of waiting) done();
      };
      const connection = new Connection(socket, since, framing, service, overloaded, closed, listener);
      connections.add(connection);
      connection.start();
    },
    finish,
    async halfClose(boundMs) {
      await lastRead();
      for (const connection of leaving()) connection.halfClose();
      const closed = finish(boundMs).then(() => {
        for (const connection of leaving()) connection.destroy();
        return finish(null);
      });
      return { closed };
    },
    async close() {
      await lastRead();
      for (const connection of connections) {
        connection.halfClose();
        connection.destroy();
      }
      await finish(null);
    },
  };
}
