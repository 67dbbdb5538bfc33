import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { FRAMINGS, type Protocol } from '../../src/protocol/framing.ts';
import { createClients, type Clients } from '../../src/socket/clients.ts';
import type { Limits, Service } from '../../src/socket/connection.ts';
import { type Intake, createIntake } from '../../src/socket/intake.ts';
import { type Binding, type Listener, type ListenerEvents, openListener } from '../../src/socket/listener.ts';
import { startTurns } from '../../src/socket/turn.ts';

export const LIMITS = {
  requestBytes: 10_300,
  replyBytes: 100_000,
  deadlineMs: 4_000,
  unfinishedMs: 30_000,
  unreadMs: 30_000,
  idleMs: 0,
  softConnections: 1_000,
  hardConnections: 1_000,
};

export interface TestServer {
  readonly clients: Clients;
  readonly listener: Listener;
  /** What the service was told: `ended: WHY`, `deadline passed: KEY`, or another reason of a TEMP of the connection's own, `refused`, `forbidden: ADDRESS`. */
  readonly told: string[];
  readonly connect: () => Socket;
  readonly stop: () => Promise<void>;
}

/** Our listener and connections around an answer, in this process. */
export async function startServer(
  binding: Binding,
  answer: Service['answer'],
  limits: Partial<Limits & { softConnections: number; hardConnections: number }> = {},
  protocol: Protocol = 'netstring',
): Promise<TestServer> {
  const told: string[] = [];
  const all = { ...LIMITS, ...limits };
  const turns = startTurns(() => {});
  const intake = createIntake(turns);
  const clients = createClients(
    {
      limits: all,
      turns,
      intake,
      answer,
      deferred: (why, request) => (told.push(`${why}: ${request?.key}`), null),
      ended: (why) => told.push(`ended: ${why}`),
    },
    () => told.push('refused'),
  );
  const events: ListenerEvents = {
    accept: (socket, since) => clients.accept(socket, since, FRAMINGS[protocol], 'test'),
    forbidden: (address) => told.push(`forbidden: ${address}`),
    replaced: () => told.push('replaced'),
    lost: (cause) => told.push(`lost: ${cause}`),
    regained: (where) => told.push(`regained: ${where}`),
    failed: (error) => told.push(`failed: ${error.message}`),
  };
  const listener = await listenAt(binding, events, false, intake);
  return {
    clients,
    listener,
    told,
    connect: () => connectTo(listener.where),
    async stop() {
      listener.close();
      await clients.close();
      turns.close();
    },
  };
}

/** Opens a listener, and gives it its path. */
export async function listenAt(
  binding: Binding,
  events: ListenerEvents,
  takeover = false,
  intake: Intake = {
    watch: () => ({ taken: () => 0 }),
    flooded: false,
    whenTaken: (work) => work(),
    emptied: () => Promise.resolve(),
  },
): Promise<Listener> {
  const listener = await openListener(binding, events, intake);
  try {
    const take = await listener.claim(takeover);
    take();
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

/** The bindings that every row of the wire runs over; each on a free place. */
export function bindings(folder: () => string): readonly (readonly [string, () => Binding])[] {
  const unix = (): Binding => ({ kind: 'unix', path: join(folder(), 's.sock'), mode: 0o600, uid: -1, gid: -1 });
  const tcp = (host: string) => (): Binding => ({ kind: 'tcp', host, port: 0, allow: [] });
  return [
    ['unix', unix],
    ['tcp, IPv4', tcp('127.0.0.1')],
    ['tcp, IPv6', tcp('::1')],
  ];
}

/** A client that keeps its half open, so a test sees which side closes first. */
export function connectTo(where: string): Socket {
  const tcp = /^tcp:\[?(.*?)\]?:(\d+)$/.exec(where);
  return tcp === null
    ? createConnection({ path: where.slice('unix:'.length), allowHalfOpen: true })
    : createConnection({ host: tcp[1] as string, port: Number(tcp[2]), allowHalfOpen: true });
}

/** Everything up to the server's end of output. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.on('error', reject);
    socket.resume();
  });
}

/** Reads this many bytes. Later bytes stay in the socket. */
export function readBytes(socket: Socket, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      if (read.length < length) return;
      socket.pause();
      socket.off('data', take);
      socket.off('end', ended);
      if (read.length > length) socket.unshift(read.subarray(length));
      resolve(read.toString('latin1', 0, length));
    };
    const ended = (): void => reject(new Error(`the server closed after ${JSON.stringify(read.toString('latin1'))}`));
    socket.on('data', take);
    socket.on('end', ended);
    socket.on('error', reject);
    socket.resume();
  });
}
