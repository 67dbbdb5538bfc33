import { type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import type { Settings, Stoppable } from '../../src/conformance/bench.ts';
import type { SocketMapProtocol } from '../../src/protocol/framing.ts';

export const KNOWN = 'fred@example.org';
export const UNKNOWN = 'nobody@example.org';
const MAP = 'mailbox';
const MOST_BYTES = 20_000;
/** A request that waited so long while the server was stopped is not answered any more. */
const LATE_MS = 800;

/** What the bytes of a client begin with: a request and what is behind it, or an unfinished one, or none. */
export type Cut = { readonly payload: string; readonly rest: string } | 'more' | 'broken';

export interface Client {
  readonly socket: Socket;
  /** What came and was not cut yet, as Latin-1 characters. */
  bytes: string;
  replies: number;
  hasEnded: boolean;
}

/** What all clients of a server share. */
export interface World {
  readonly clients: Client[];
  isBlocked: boolean;
  /** When it was stopped. */
  stoppedAt: number | null;
  /** Works on for everybody. */
  go(): void;
  destroy(): void;
}

/** What a server does, in small parts, so that one of them can be wrong. */
export interface Behaviour {
  accepted(client: Client, world: World): void;
  read(client: Client, bytes: string): string;
  cut(bytes: string): Cut;
  /** Null: none. */
  reply(payload: string, client: Client): string | null;
  send(client: Client, reply: string, world: World): void;
  broken(client: Client): void;
  ended(client: Client): void;
  failed(world: World): void;
  resumed(world: World, stoppedMs: number): void;
}

/** A server that keeps every rule, as short as it can be. It shares no code with smmap. */
export function rightServer(protocol: SocketMapProtocol): Behaviour {
  return {
    accepted() {},
    read: (_, bytes) => bytes,
    cut: (bytes) => (protocol === 'line' ? cutLine(bytes) : cutNetstring(bytes)),
    reply(payload) {
      const [map, ...words] = payload.split(' ');
      if (words.length === 0 || map !== MAP) return 'TEMP no such request';
      return words.join(' ') === KNOWN ? `OK ${KNOWN}` : 'NOTFOUND ';
    },
    send({ socket }, reply) {
      socket.write(protocol === 'line' ? `${reply}\n` : `${reply.length}:${reply},`, 'latin1');
    },
    broken(client) {
      this.send(client, 'TEMP broken', { clients: [], isBlocked: false, stoppedAt: null, go() {}, destroy() {} });
      client.hasEnded = true;
      client.socket.end();
    },
    ended({ socket }) {
      socket.end();
    },
    failed() {},
    resumed(world, stoppedMs) {
      for (const client of world.clients) {
        if (stoppedMs < LATE_MS || client.bytes === '') continue;
        client.hasEnded = true;
        client.socket.end();
      }
      world.go();
    },
  };
}

function cutLine(bytes: string): Cut {
  const end = bytes.indexOf('\n');
  if (end === -1) return bytes.length > MOST_BYTES ? 'broken' : 'more';
  return { payload: bytes.slice(0, end), rest: bytes.slice(end + 1) };
}

function cutNetstring(bytes: string): Cut {
  if (/^(?:0|[1-9]\d{0,4})?$/.test(bytes)) return 'more';
  const [head, digits] = /^(0|[1-9]\d{0,4}):/.exec(bytes) ?? [];
  if (head === undefined || Number(digits) > MOST_BYTES) return 'broken';
  const end = head.length + Number(digits);
  if (bytes.length <= end) return 'more';
  return bytes[end] === ',' ? { payload: bytes.slice(head.length, end), rest: bytes.slice(end + 1) } : 'broken';
}

export interface MapServer extends Stoppable {
  readonly settings: Settings;
  close(): void;
}

/** Starts a server below a folder. The settings are quick, and know its keys. */
export async function startMapServer(
  folder: string,
  protocol: SocketMapProtocol,
  behaviour: Behaviour,
  timeoutMs: number,
): Promise<MapServer> {
  const world: World = {
    clients: [],
    isBlocked: false,
    stoppedAt: null,
    go() {
      for (const client of world.clients) work(client);
    },
    destroy() {
      server.close();
      for (const { socket } of world.clients) socket.destroy();
    },
  };
  const work = (client: Client): void => {
    while (!client.hasEnded && !world.isBlocked && world.stoppedAt === null && client.bytes !== '') {
      const cut = behaviour.cut(client.bytes);
      if (cut === 'more') return;
      if (cut === 'broken') {
        client.bytes = '';
        behaviour.broken(client);
        return;
      }
      client.bytes = cut.rest;
      const reply = behaviour.reply(cut.payload, client);
      if (reply !== null) behaviour.send(client, reply, world);
      client.replies++;
    }
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const client: Client = { socket, bytes: '', replies: 0, hasEnded: false };
    world.clients.push(client);
    socket.on('data', (chunk) => {
      client.bytes += behaviour.read(client, chunk.toString('latin1'));
      work(client);
    });
    socket.on('end', () => behaviour.ended(client));
    socket.on('error', () => behaviour.failed(world));
    socket.on('close', () => {
      world.clients.splice(world.clients.indexOf(client), 1);
      world.go();
    });
    behaviour.accepted(client, world);
  });
  const path = join(folder, 'map.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const stoppable: Stoppable = {
    stop: () => (world.stoppedAt = performance.now()),
    resume() {
      const stoppedMs = performance.now() - (world.stoppedAt ?? 0);
      world.stoppedAt = null;
      behaviour.resumed(world, stoppedMs);
    },
  };
  return {
    ...stoppable,
    settings: {
      endpoint: { kind: 'unix', path },
      protocol,
      map: MAP,
      known: KNOWN,
      unknown: UNKNOWN,
      timeoutMs,
      idleMs: 300,
      lateMs: 1_200,
      server: stoppable,
    },
    close: () => world.destroy(),
  };
}
