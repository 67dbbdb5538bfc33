import { type Socket, connect } from 'node:net';
import { frame } from '../support/netstring.ts';

/** A client that sends what it is told, be it right or wrong, and keeps all that came back. */
export interface Client {
  readonly socket: Socket;
  /** The payloads of the replies up to now. */
  readonly replies: readonly string[];
  /** Asks, and waits for the reply to that; rejects where the connection ends without it. Not to be mixed with writes. */
  ask(map: string, key: string): Promise<string>;
  /** Resolves once the server has ended its side, or the connection broke. */
  readonly ended: Promise<void>;
  close(): void;
}

/** The bytes of a request. */
export function request(map: string, key: string): Buffer {
  return frame(`${map} ${key}`);
}

/** Connects to a Unix socket. Rejects where nobody listens. */
export async function connectTo(path: string): Promise<Client> {
  const socket = connect({ path, allowHalfOpen: true });
  const replies: string[] = [];
  let waiting: (() => void)[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let over = false;
  let asked = 0;
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const go of woken) go();
  };
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let reply = cut(); reply !== null; reply = cut()) replies.push(reply);
    wake();
  });
  const cut = (): string | null => {
    const colon = rest.indexOf(':');
    const length = Number(rest.toString('latin1', 0, Math.max(0, colon)));
    if (colon < 1 || rest.length < colon + length + 2) return null;
    if (rest[colon + 1 + length] !== ','.charCodeAt(0)) throw new Error(`no netstring: ${rest.toString('latin1')}`);
    const payload = rest.toString('utf8', colon + 1, colon + 1 + length);
    rest = rest.subarray(colon + length + 2);
    return payload;
  };
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      wake();
      resolve();
    };
    socket.on('end', end);
    socket.on('close', end);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {}); // 'close' follows
  return {
    socket,
    replies,
    ended,
    async ask(map, key) {
      const at = asked++;
      socket.write(request(map, key));
      while (replies[at] === undefined) {
        if (over) throw new Error('the connection ended without a reply');
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      return replies[at];
    },
    close: () => void socket.destroy(),
  };
}

/** Asks one question on a connection of its own. */
export async function askOnce(path: string, map: string, key: string): Promise<string> {
  const client = await connectTo(path);
  try {
    return await client.ask(map, key);
  } finally {
    client.close();
  }
}
