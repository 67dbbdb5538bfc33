// Servers that know a set of users, and answer late, by half, twice, wrongly or not at all, as a seed decides.

import { type Server, type Socket, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How a protocol is spoken. */
export interface Tongue {
  readonly greeting: string;
  /** The requests that are whole in what a client sent, and the rest. */
  cut(text: string): { readonly requests: readonly string[]; readonly rest: string };
  answer(request: string, has: (address: string) => boolean): string;
  /** Answers that say nothing about the request, or are none. */
  readonly wrong: readonly ((request: string) => string)[];
}

const byLine = (text: string): { requests: string[]; rest: string } => {
  const requests = text.split('\n');
  const rest = requests.pop() as string;
  return { requests, rest };
};
const idOf = (line: string): string => line.split('\t')[1] ?? '';

export const TONGUES: Readonly<Record<string, Tongue>> = {
  socketmap: {
    greeting: '',
    cut(text) {
      const requests = [...text.matchAll(/\d+:(\S+ [^,]*),/g)].map(([whole]) => whole);
      return { requests, rest: text.slice(requests.join('').length) };
    },
    answer: (request, has) => (has(/ (.*),$/.exec(request)?.[1] ?? '') ? '3:OK ,' : '9:NOTFOUND ,'),
    wrong: [() => '9:NOTFOUND ,9:NOTFOUND ,', () => '9:NOTFOUND x', () => '5:TEMP ,', () => '8:NOTFOUND,9'],
  },
  lmtp: {
    greeting: '220 here\r\n',
    cut: byLine,
    answer(line, has) {
      if (line.startsWith('LHLO')) return '250-here\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n';
      const [, address] = /^RCPT TO:<(.*)>/.exec(line) ?? [];
      return address === undefined || has(address) ? '250 2.0.0 Ok\r\n' : '550 5.1.1 unknown\r\n';
    },
    wrong: [
      () => '550 5.1.1 unknown\r\n550 5.1.1 unknown\r\n',
      () => '421 4.3.2 bye\r\n',
      () => '451 4.3.0 later\r\n',
      () => '550-5.1.1 unknown\r\n',
      () => '503 5.5.1 what?\r\n',
      () => '550 5.7.1 not 5.1.1\r\n',
    ],
  },
  dovecot: {
    greeting: 'VERSION\t1\t1\nSPID\t1\n',
    cut: byLine,
    answer(line, has) {
      const [word, id, name = ''] = line.split('\t');
      if (word !== 'USER') return '';
      return has(name) ? `USER\t${id}\t${name}\tuid=1\n` : `NOTFOUND\t${id}\n`;
    },
    wrong: [
      (line) => `NOTFOUND\t${Number(idOf(line)) + 1}\n`,
      (line) => `NOTFOUND\t${idOf(line)}\nNOTFOUND\t${idOf(line)}\n`,
      (line) => `FAIL\t${idOf(line)}\n`,
      (line) => `NOTFOUND\t${idOf(line)}`,
    ],
  },
};

export interface ChaosServer {
  readonly port: number;
  /** Whether it answers at all, and whether it has lost all users. */
  hung: boolean;
  lost: boolean;
  /** How often it does something odd, from 0 to 1. */
  odd: number;
  /** Ends all connections. */
  cut(): void;
  close(): void;
}

const MOST_LATE_MS = 400;

/** Serves on a port of this machine. */
export async function startChaos(
  tongue: Tongue,
  users: ReadonlySet<string>,
  random: () => number,
): Promise<ChaosServer> {
  const sockets = new Set<Socket>();
  const write = async (socket: Socket, text: string): Promise<void> => {
    if (random() > chaos.odd) return void socket.write(text);
    for (const byte of text) {
      socket.write(byte);
      if (random() < 0.2) await sleep(1);
    }
  };
  /** Answers one request, well or oddly. Whether the connection goes on. */
  const serve = async (socket: Socket, request: string, isLost: boolean): Promise<boolean> => {
    const good = tongue.answer(request, (address) => !isLost && !chaos.lost && users.has(address));
    if (random() > chaos.odd) {
      await write(socket, good);
      return true;
    }
    const kind = random();
    if (kind < 0.4) await sleep(random() * MOST_LATE_MS);
    else if (kind < 0.5) return (socket.destroy(), false);
    else if (kind < 0.6) return (socket.end(good.slice(0, random() * good.length)), false);
    else if (kind < 0.65) return false; // never
    else if (kind < 0.9) {
      await write(socket, (tongue.wrong[Math.floor(random() * tongue.wrong.length)] as Tongue['wrong'][0])(request));
      return true;
    }
    await write(socket, good);
    return true;
  };
  const server: Server = createServer((socket) => {
    const isLost = random() < chaos.odd / 2; // a process that has lost its data
    let rest = '';
    let goesOn = true;
    let turn = Promise.resolve();
    const serveAll = async (requests: readonly string[]): Promise<void> => {
      for (const request of requests) {
        while (chaos.hung) await sleep(5);
        if (goesOn) goesOn = await serve(socket, request.trimEnd(), isLost);
      }
    };
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    if (!chaos.hung) socket.write(tongue.greeting);
    socket.setEncoding('utf8').on('data', (text: string) => {
      const cut = tongue.cut(rest + text);
      rest = cut.rest;
      turn = turn.then(() => serveAll(cut.requests));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const chaos: ChaosServer = {
    port: (server.address() as { port: number }).port,
    hung: false,
    lost: false,
    odd: 0,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close() {
      chaos.hung = false;
      chaos.cut();
      server.close();
    },
  };
  return chaos;
}
