/**
 * What other programs import: a socket map server whose maps are functions, and a client. The server keeps the rules of the
 * daemon: it answers in order, never later than the deadline, and NOTFOUND only if the function of the map says so.
 */
import * as defaults from './config/schema.ts';
import { parseEndpoint } from './endpoint.ts';
import { type Handler, NOTFOUND, createAnswer } from './map/map.ts';
import { andThen } from './maybe.ts';
import { FRAMINGS, type SocketMapProtocol } from './protocol/framing.ts';
import { parseReply } from './protocol/reply.ts';
import { ProtocolError, openClient } from './socket/client.ts';
import { type ClientLimits, createClients } from './socket/clients.ts';
import type { Limits } from './socket/connection.ts';
import { createIntake } from './socket/intake.ts';
import { type Listener, openListener } from './socket/listener.ts';
import { startTurns } from './socket/turn.ts';
import type { Maybe, Reply } from './vocabulary.ts';

export { EndpointError } from './endpoint.ts';
export { ListenError } from './socket/claim.ts';
export { ConnectionError, ProtocolError, TimeoutError } from './socket/client.ts';
export type { Reply };

/**
 * Answers a key of one map: the value, or null if it is certain that the key has none. Whatever it throws, and whatever it
 * does not answer before the deadline, is TEMP: the mail server tries again.
 */
export type SocketMap = (key: string) => Maybe<string | null>;

export interface SocketMapServerOptions {
  /** By their names; `*` answers all other names. A name without a map is TEMP. */
  readonly maps: Readonly<Record<string, SocketMap>>;
  /** Those of the daemon, in bytes, milliseconds and connections; the rest have its defaults. */
  readonly limits?: Partial<Limits & ClientLimits>;
  /** `line` is for OpenSMTPD. Default: `netstring`. */
  readonly protocol?: SocketMapProtocol;
  /** Is told of each request that was answered with TEMP, and why. A key that is not UTF-8 is null. */
  readonly failed?: (error: unknown, map: string, key: string | null) => void;
}

export interface SocketMapServer {
  /**
   * Listens on `unix:PATH` or `tcp:HOST:PORT`, and resolves to where. `mode` is that of the socket file. Over TCP, only this
   * machine may ask. Rejects with ListenError, for example because another server listens there.
   */
  listen(where: string, mode?: number): Promise<string>;
  /** Accepts no more, answers what was asked, half-closes the clients, and waits for them, at most `withinMs`. */
  close(withinMs?: number): Promise<void>;
}

const MODE = 0o666; // as the daemon
const CLOSE_MS = 5_000;
const TIMEOUT_MS = 5_000; // as long as the most patient mail server waits

/** Makes a socket map server. It listens when it is told to. */
export function createSocketMapServer(options: SocketMapServerOptions): SocketMapServer {
  const { maps, protocol = 'netstring', failed = () => {} } = options;
  const limits = { ...defaults.limits.parse({}), ...options.limits };
  const listeners: Listener[] = [];
  const turns = startTurns(() => {});
  const intake = createIntake(turns);
  const handlers = Object.entries(maps).map(([name, map]) => [name, handlerOf(map)] as const);
  const answer = createAnswer(new Map(handlers), ({ map, key }, reply, cause) => {
    if (reply.kind === 'TEMP') failed(cause ?? new Error(reply.reason), map, key);
  });
  const clients = createClients(
    {
      limits,
      turns,
      intake,
      answer,
      deferred(why, request) {
        failed(new Error(why), request?.map ?? '', request?.key ?? null);
        return null;
      },
      ended: () => {},
    },
    () => {},
  );
  return {
    async listen(where, mode = MODE) {
      const endpoint = parseEndpoint(where);
      const binding =
        endpoint.kind === 'unix' ? { ...endpoint, mode, uid: -1, gid: -1 } : { ...endpoint, allow: [] as const };
      const ignore = (): void => {};
      const listener = await openListener(
        binding,
        {
          accept: (socket, since) => clients.accept(socket, since, FRAMINGS[protocol], where),
          replaced: ignore,
          lost: ignore,
          regained: ignore,
          forbidden: ignore,
          failed: ignore,
        },
        intake,
      );
      try {
        const take = await listener.claim(false);
        take();
      } catch (error) {
        listener.close();
        throw error;
      }
      listeners.push(listener);
      return listener.where;
    },
    async close(withinMs = CLOSE_MS) {
      for (const listener of listeners) listener.close();
      const { closed } = await clients.halfClose(withinMs);
      await closed;
      turns.close();
    },
  };
}

function handlerOf(map: SocketMap): Handler {
  return (key) => {
    if (key === null) throw new Error('the key is not UTF-8');
    const found = map(key) as Maybe<unknown>;
    const isThenable = typeof found === 'object' && found !== null && 'then' in found;
    return andThen(isThenable ? Promise.resolve(found) : found, (value): Reply => {
      if (value === null) return NOTFOUND;
      if (typeof value !== 'string') throw new TypeError('a map has to answer a string, or null');
      return { kind: 'OK', value };
    });
  };
}

/** How to ask. */
export interface AskOptions {
  /** In milliseconds, for the connection and for the reply. Default: 5,000. */
  readonly timeoutMs?: number;
  readonly protocol?: SocketMapProtocol;
}

/**
 * Asks a socket map server, at `unix:PATH` or `tcp:HOST:PORT`, for one key. Resolves to its reply, whatever that is. Rejects with
 * ConnectionError, TimeoutError, or ProtocolError.
 */
export async function ask(where: string, map: string, key: string, options: AskOptions = {}): Promise<Reply> {
  const { timeoutMs = TIMEOUT_MS, protocol = 'netstring' } = options;
  const client = await openClient(parseEndpoint(where), {
    timeoutMs,
    protocol,
    replyBytes: defaults.limits.parse({}).replyBytes,
  });
  try {
    const payload = await client.ask(map, key);
    const reply = parseReply(payload);
    if (reply === null) throw new ProtocolError(`${where}: not a reply of a socket map: ${payload.slice(0, 100)}`);
    return reply;
  } finally {
    client.close();
  }
}
