import { type NetConnectOpts, type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../endpoint.ts';
import { FRAMINGS, type SocketMapProtocol } from '../protocol/framing.ts';
import { FramingError } from '../protocol/netstring.ts';
import { Failure } from './case.ts';

export const MOST_REPLY_BYTES = 100_000; // Postfix reads no more
const MOST_REPLIES = 1_000; // that nobody has taken; no case asks for more
const MOST_JUDGED = 100; // of those to bytes that are no request; twice so many are less than MOST_REPLIES

/** What went over a connection, in its order. Bytes are Latin-1 characters. */
export interface Passed {
  readonly connection: number;
  readonly what: 'sent' | 'came' | 'note';
  bytes: string;
}

/** One connection to the server, which writes down what passes. All texts are bytes as Latin-1 characters. */
export interface Wire {
  send(bytes: string): void;
  /** Sends pieces one after the other, each as a packet of its own. */
  sendPieces(pieces: readonly string[], pauseMs: number): Promise<void>;
  /** Ends our half. */
  end(): void;
  /** The payload of the next reply. Rejects with Failure if none comes in time, or something else does. */
  reply(): Promise<string>;
  /** The same, or null if the server ends the connection. */
  replyOrEnd(): Promise<string | null>;
  /** All replies until the server ends the connection. Rejects with Failure if it does not, or if there is no end of them. */
  repliesUntilEnd(): Promise<string[]>;
  /** The replies that come until the server ends the connection, is silent for the timeout, or has sent so many. */
  repliesThatCome(most?: number): Promise<string[]>;
  /** Waits so long, and rejects with Failure if anything comes. */
  silence(ms: number): Promise<void>;
  /** Whether the server ended the connection by a reset. */
  readonly isReset: boolean;
  /** Reads no more. */
  pause(): void;
  /** Resolves when the server has taken all that was sent, or takes no more, or the timeout is over. */
  stuck(): Promise<void>;
  /** Closes it at once. */
  drop(): void;
}

export interface WireOptions {
  readonly protocol: SocketMapProtocol;
  readonly timeoutMs: number;
  readonly number: number;
  readonly passed: (passed: Passed) => void;
  /** Reads byte by byte. Otherwise libuv takes a reset for an end if it comes together with the last bytes. */
  readonly seesReset?: boolean;
}

/** Connects. Rejects with Failure. */
export async function openWire(endpoint: Endpoint, options: WireOptions): Promise<Wire> {
  const { timeoutMs, number } = options;
  const decoder = FRAMINGS[options.protocol].decoder(MOST_REPLY_BYTES);
  const payloads: string[] = [];
  const state = { over: null as string | null, wrong: null as Failure | null, isReset: false, isDropped: false }; // over: why nothing more comes
  let wake = (): void => {};
  let last: Passed | null = null;
  const note = (what: Passed['what'], bytes: string): void => {
    if (what === 'came' && last?.what === 'came') last.bytes += bytes;
    else options.passed((last = { connection: number, what, bytes }));
  };
  const isOver = (why: string): void => {
    if (state.over === null && !state.isDropped) note('note', why);
    state.over ??= why;
    wake();
  };
  const read = (chunk: Buffer): void => {
    note('came', chunk.toString('latin1'));
    decoder.push(chunk);
    try {
      for (let payload = decoder.next(); payload !== null; payload = decoder.next()) payloads.push(payload);
      decoder.keep();
      if (payloads.length > MOST_REPLIES) {
        state.wrong ??= new Failure(`more than ${MOST_REPLIES} replies came`);
        socket.destroy();
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      state.wrong ??= new Failure(`the server did not send a ${options.protocol}: ${error.message}`);
    }
    wake();
  };
  const socket = await connectTo(endpoint, timeoutMs, options.seesReset === true ? read : null);
  socket.setNoDelay(true);
  if (options.seesReset !== true) socket.on('data', read);
  socket.on('end', () => isOver('the server ended the connection'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    state.isReset ||= error.code === 'ECONNRESET' || error.code === 'EPIPE';
    isOver(`the connection failed: ${error.code ?? error.message}`);
  });
  socket.on('close', () => isOver('the connection is closed'));

  /** Waits until there is something to read, or the time is over. */
  const more = async (ms: number): Promise<boolean> => {
    const until = performance.now() + ms;
    while (payloads.length === 0 && state.wrong === null && state.over === null) {
      const left = until - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.ceil(left));
        wake = () => (clearTimeout(timer), resolve());
      });
    }
    return true;
  };
  const replyOrEnd = async (): Promise<string | null> => {
    if (!(await more(timeoutMs))) throw new Failure(`neither a reply nor the end came within ${timeoutMs} ms`);
    const payload = payloads.shift();
    if (payload !== undefined) return payload;
    if (state.wrong !== null) throw state.wrong;
    if (decoder.unfinished) throw new Failure(`${state.over}, with a reply that is not whole`);
    return null;
  };

  const send = (bytes: string): void => {
    note('sent', bytes);
    socket.write(bytes, 'latin1');
  };
  return {
    send,
    async sendPieces(pieces, pauseMs) {
      for (const piece of pieces) {
        send(piece);
        await sleep(pauseMs);
      }
    },
    end() {
      if (state.over === null) note('note', 'our half ends');
      socket.end();
    },
    async reply() {
      const payload = await replyOrEnd();
      if (payload === null) throw new Failure(`no reply: ${state.over}`);
      return payload;
    },
    replyOrEnd,
    async repliesUntilEnd() {
      const all: string[] = [];
      for (let each = await replyOrEnd(); each !== null; each = await replyOrEnd()) {
        all.push(each);
        if (all.length > MOST_REPLIES) throw new Failure(`more than ${MOST_REPLIES} replies came`);
      }
      return all;
    },
    async repliesThatCome(most = MOST_JUDGED) {
      const all: string[] = [];
      while (all.length < most && (await more(timeoutMs))) {
        const each = await replyOrEnd();
        if (each === null) break;
        all.push(each);
      }
      return all;
    },
    async silence(ms) {
      if (!(await more(ms))) return;
      if (state.wrong !== null) throw state.wrong;
      throw new Failure(
        payloads.length > 0 ? `a reply came that nothing asked for: ${payloads[0]}` : String(state.over),
      );
    },
    get isReset() {
      return state.isReset;
    },
    pause: () => void socket.pause(),
    async stuck() {
      const until = performance.now() + timeoutMs;
      let [left, same] = [socket.writableLength, 0];
      while (left > 0 && same < STUCK_LOOKS && performance.now() < until) {
        await sleep(LOOK_MS);
        same = socket.writableLength === left ? same + 1 : 0;
        left = socket.writableLength;
      }
    },
    drop() {
      state.isDropped = true;
      socket.destroy();
    },
  };
}

const AGAIN_MS = 20;
const LOOK_MS = 50;
const STUCK_LOOKS = 10; // as often the same: the server takes no more

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the socket does not exist',
  ECONNREFUSED: 'no server listens there',
  ENOTFOUND: 'there is no such host',
  EACCES: "permission denied; see the socket's mode, owner and folders",
};

/**
 * Connects, and waits if the queue of a Unix socket is full, as connect(2) of a mail server does. Rejects with Failure. `read`
 * hears of each byte; otherwise the socket emits them.
 */
async function connectTo(
  endpoint: Endpoint,
  timeoutMs: number,
  read: ((bytes: Buffer) => void) | null,
): Promise<Socket> {
  const until = performance.now() + timeoutMs;
  const place = endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  for (;;) {
    const options: NetConnectOpts = { ...place, allowHalfOpen: true };
    if (read !== null) {
      options.onread = {
        buffer: Buffer.alloc(1),
        callback: (_, byte) => {
          read(Buffer.from(byte.slice(0, 1)));
          return true;
        },
      };
    }
    const socket = connect(options);
    const why = await new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve('not within the timeout'), Math.max(1, until - performance.now()));
      const done = (reason: string | null): void => (clearTimeout(timer), resolve(reason));
      socket.once('connect', () => done(null));
      socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    });
    if (why === null) return socket;
    socket.destroy();
    if (why !== 'EAGAIN' || performance.now() > until) throw new Failure(`cannot connect: ${REASONS[why] ?? why}`);
    await sleep(AGAIN_MS);
  }
}
