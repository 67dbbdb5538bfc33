import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatReply } from '../../src/protocol/reply.ts';
import type { Service } from '../../src/socket/connection.ts';
import type { Binding } from '../../src/socket/listener.ts';
import type { Reply, Request } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { LIMITS, type TestServer, connectTo, listenAt, readAll, readBytes, startServer } from '../support/server.ts';

const WAIT = { timeout: 20_000, interval: 2 };
const folder = temporaryFolders();
const servers: TestServer[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) await server.stop();
});

const unix = (): Extract<Binding, { kind: 'unix' }> => ({
  kind: 'unix',
  path: join(folder(), 's.sock'),
  mode: 0o600,
  uid: -1,
  gid: -1,
});

async function start(
  answer: Service['answer'],
  limits: Partial<typeof LIMITS> = {},
  binding: Binding = unix(),
): Promise<TestServer> {
  const server = await startServer(binding, answer, limits);
  servers.push(server);
  return server;
}

const echo = ({ key }: Request): Reply => ({ kind: 'OK', value: key ?? '' });

/** Answers that a test gives when it wants to. */
function byHand(): {
  readonly answer: (request: Request) => Promise<Reply>;
  readonly give: (key: string) => void;
  readonly asked: string[];
} {
  const waiting = new Map<string, (reply: Reply) => void>();
  const asked: string[] = [];
  return {
    asked,
    answer: ({ key }) =>
      new Promise((resolve) => {
        asked.push(key ?? '');
        waiting.set(key ?? '', resolve);
      }),
    give: (key) => waiting.get(key)?.({ kind: 'OK', value: key }),
  };
}

describe('a deadline', () => {
  it('makes the reply TEMP when it passes, and the late answer is dropped', async () => {
    const hand = byHand();
    const { connect, told } = await start(hand.answer, { deadlineMs: 400 });
    const socket = connect();
    socket.write('6:m slow,');
    expect(await readBytes(socket, 24)).toBe('20:TEMP deadline passed,');
    hand.give('slow'); // now that the client asks something else
    socket.write('6:m next,');
    await vi.waitUntil(() => hand.asked.includes('next'), WAIT);
    hand.give('next');
    expect(await readBytes(socket, 10)).toBe('7:OK next,');
    expect(told).toEqual(['deadline passed: slow']);
    socket.destroy();
  });

  it('counts from the arrival of a request, also if it waits behind others', async () => {
    const hand = byHand();
    const { connect, told } = await start(hand.answer, { deadlineMs: 1_500 });
    const socket = connect();
    const all = readAll(socket);
    const sent = performance.now();
    socket.end('3:m a,3:m b,3:m c,');
    expect(await all).toBe('20:TEMP deadline passed,'.repeat(3));
    expect(performance.now() - sent).toBeLessThan(3_000); // and not three times 1,500
    expect(told).toEqual(['deadline passed: a', 'deadline passed: b', 'deadline passed: c']);
    expect(hand.asked).toEqual(['a']); // the store is not asked if nobody would get the reply
  });

  it('counts from the arrival of a request, also if it could not be read earlier', async () => {
    const { connect, told } = await start(byHand().answer, { deadlineMs: 2_000 });
    const socket = connect();
    for (const key of ['a', 'b', 'c']) {
      socket.write(`3:m ${key},`);
      await sleep(50); // b is read while a is answered, and stops the reading
    }
    const sent = performance.now();
    expect(await readBytes(socket, 72)).toBe('20:TEMP deadline passed,'.repeat(3));
    expect(performance.now() - sent).toBeLessThan(3_000); // and not 4 s
    expect(told).toEqual(['deadline passed: a', 'deadline passed: b', 'deadline passed: c']);
    socket.destroy();
  });

  it('counts from the arrival of a request, also if the process was busy with others', async () => {
    const { connect, clients, told } = await start(
      (request) => {
        const until = performance.now() + 1_400;
        while (performance.now() < until); // as SQLite does if a query has no index
        return echo(request);
      },
      { deadlineMs: 2_000 },
    );
    const sockets = [connect(), connect(), connect()];
    await vi.waitUntil(() => clients.count === 3, WAIT);
    await sleep(300);
    const all = Promise.all(sockets.map(readAll));
    for (const socket of sockets) socket.end('3:m a,');
    expect((await all).toSorted()).toEqual(['', '', '4:OK a,']); // the others after 2.8 s, over 1.15 deadlines
    expect(told.toSorted()).toEqual(['deadline passed: a', 'ended: late answer', 'ended: late answer']);
  });

  it('is looked at before each of the requests that came together, because a store may block', async () => {
    const clock = performance.now.bind(performance);
    let blockedMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + blockedMs);
    const asked: (string | null)[] = [];
    const { connect, told } = await start((request) => {
      asked.push(request.key);
      blockedMs += 4_100; // over the deadline, and not over 1.15 deadlines
      return echo(request);
    });
    const socket = connect();
    socket.write('3:m a,3:m b,');
    expect(await readBytes(socket, 31)).toBe('4:OK a,20:TEMP deadline passed,');
    socket.destroy();
    expect([asked, told]).toEqual([['a'], ['deadline passed: b']]);
  });

  it('does not pass for answers that come in time', async () => {
    const { connect, told } = await start((request) => sleep(20, echo(request)), { deadlineMs: 2_000 });
    const socket = connect();
    socket.end('3:m a,3:m b,');
    expect(await readAll(socket)).toBe('4:OK a,4:OK b,');
    expect(told).toEqual([]);
  });

  it('ends the connection without a reply if the process stood still for longer than a client waits', async () => {
    const { connect, told } = await start(
      (request) => {
        const until = performance.now() + 200;
        while (performance.now() < until); // nothing else runs, as when a disk hangs
        return echo(request);
      },
      { deadlineMs: 100 },
    );
    const socket = connect();
    socket.write('3:m a,');
    expect(await readAll(socket)).toBe('');
    expect(told).toEqual(['ended: late answer']);
  });
});

describe('a client that sends thousands of requests at once', () => {
  it('gets all its replies, and delays others only for its turn', async () => {
    let answered = 0;
    const { connect } = await start((request) => {
      answered++;
      return echo(request);
    });
    const [greedy, modest] = [connect(), connect()];
    modest.write('3:m a,');
    await readBytes(modest, 7);
    greedy.write('3:m b,'.repeat(10_000));
    const all = readBytes(greedy, 70_000);
    await vi.waitUntil(() => answered > 1, { ...WAIT, interval: 0 });
    modest.write('3:m a,');
    await readBytes(modest, 7);
    expect(answered).toBeLessThan(5_000); // and not after the 10,000
    expect(await all).toBe('4:OK b,'.repeat(10_000));
    greedy.destroy();
    modest.destroy();
  });
});

describe('a request in progress', () => {
  it('is the only one of its connection; other connections have their own', async () => {
    const hand = byHand();
    const { connect } = await start(hand.answer);
    const [first, second] = [connect(), connect()];
    first.write('3:m a,3:m b,');
    second.write('3:m c,');
    await vi.waitUntil(() => hand.asked.length === 2, WAIT);
    await sleep(20);
    expect(hand.asked.toSorted()).toEqual(['a', 'c']);
    hand.give('a');
    await vi.waitUntil(() => hand.asked.includes('b'), WAIT);
    hand.give('b');
    expect(await readBytes(first, 14)).toBe('4:OK a,4:OK b,');
    first.destroy();
    second.destroy();
  });

  it('stops the reading of its connection until it is finished', async () => {
    const hand = byHand();
    const { connect } = await start(hand.answer);
    const socket = connect();
    for (const keys of [['a', 'b', 'c'], ['d']]) {
      for (const key of keys) {
        socket.write(`3:m ${key},`);
        await sleep(10); // so that each is read for itself, while the first is in progress
      }
      for (const key of keys) {
        await vi.waitUntil(() => hand.asked.includes(key), WAIT);
        hand.give(key);
        expect(await readBytes(socket, 7)).toBe(`4:OK ${key},`);
      }
    }
    socket.destroy();
  });

  it('is forgotten if its client is gone', async () => {
    const hand = byHand();
    const { connect, clients } = await start(hand.answer);
    const socket = connect();
    socket.write('3:m a,');
    await vi.waitUntil(() => hand.asked.length === 1, WAIT);
    socket.destroy(); // looks like the half-close of a client that waits for the reply
    hand.give('a');
    await vi.waitUntil(() => clients.count === 0, WAIT);
  });
});

describe('a connection is dropped', () => {
  it('when a request stays unfinished, even if bytes come slowly', async () => {
    const { connect, told } = await start(echo, { unfinishedMs: 100 });
    const socket = connect();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('end', () => socket.end());
    socket.write('9999:m ');
    const dripping = setInterval(() => socket.write('x'), 20);
    await closed;
    clearInterval(dripping);
    expect(told).toEqual(['ended: unfinished request']);
  });

  it('but not when requests are finished one after the other for longer than that', async () => {
    const { connect, told } = await start(echo, { unfinishedMs: 600 });
    const socket = connect();
    for (let at = 0; at < 6; at++) {
      socket.write('3:m');
      await sleep(150);
      socket.write(' a,');
      expect(await readBytes(socket, 7)).toBe('4:OK a,');
    }
    expect(told).toEqual([]);
    socket.destroy();
  });

  it('when its client does not read, and so the server cannot reply', async () => {
    let answered = 0;
    const { connect, told } = await start(
      () => {
        answered++;
        return { kind: 'OK', value: 'x'.repeat(50_000) };
      },
      { unreadMs: 150 },
    );
    const socket = connect();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.pause();
    socket.write('3:m a,'.repeat(5_000)); // asks for 250 MB
    await vi.waitUntil(() => told.length > 0, WAIT);
    expect(told).toEqual(['ended: replies not read']);
    expect(answered).toBeLessThan(200); // as much as the kernel and one flush take
    socket.destroy();
    await closed;
  });

  it('but not when it reads slowly', async () => {
    const { connect, told } = await start(() => ({ kind: 'OK', value: 'x'.repeat(50_000) }), { unreadMs: 1_000 });
    const socket = connect();
    socket.pause();
    socket.end('3:m a,'.repeat(100));
    let read = 0;
    socket.on('data', (chunk) => {
      read += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.resume();
    await new Promise((resolve) => socket.on('end', resolve));
    expect(read).toBe(100 * '50003:OK ,'.length + 100 * 50_000);
    expect(told).toEqual([]);
  });

  it('by half when it is idle, but only if that is configured', async () => {
    const { connect, told } = await start(echo, { idleMs: 50 });
    const socket = connect();
    socket.write('3:m a,');
    expect(await readBytes(socket, 7)).toBe('4:OK a,');
    expect(await readAll(socket)).toBe('');
    expect(told).toEqual(['ended: idle']);
    expect(socket.write('3:m b,')).toBe(true); // no broken pipe
    socket.end();
  });
});

describe('a TEMP from the connection itself', () => {
  it.each([
    ['a request without a blank', '3:abc,', 'malformed request: undefined'],
    ['no netstring', 'abc', 'framing error: undefined'],
  ])('is reported for %s', async (_, sent, what) => {
    const { connect, told } = await start(echo);
    const socket = connect();
    socket.end(sent);
    expect(await readAll(socket)).toContain(`TEMP ${what.split(':')[0]}`);
    expect(told[0]).toBe(what);
  });

  it('is reported for a request over the soft limit of connections', async () => {
    const { connect, clients, told } = await start(echo, { softConnections: 1, hardConnections: 10 });
    const first = connect();
    await vi.waitUntil(() => clients.count === 1, WAIT);
    const second = connect();
    second.end('3:m a,');
    expect(await readAll(second)).toBe('25:TEMP too many connections,');
    expect(told).toEqual(['too many connections: a']);
    first.destroy();
  });
});

describe('an answer', () => {
  it.each([
    ['is too long', 'x'.repeat(98), 'TEMP reply too long'],
    ['fits', 'x'.repeat(97), `OK ${'x'.repeat(97)}`],
  ])('that %s is reported to the log', async (_, value, sent) => {
    const logged: Reply[] = [];
    const answer = (__: Request, sendable: (reply: Reply) => Reply): Reply => {
      const reply = sendable({ kind: 'OK', value });
      logged.push(reply);
      return reply;
    };
    const { connect } = await start(answer, { replyBytes: 100 });
    const socket = connect();
    socket.end('3:m a,');
    expect(await readAll(socket)).toBe(`${sent.length}:${sent},`);
    expect(formatReply(logged[0] as Reply, 1_000)).toBe(sent);
  });
});

describe('the limits of connections', () => {
  it('over the soft limit everything is TEMP, until connections close', async () => {
    const { connect, clients } = await start(echo, { softConnections: 2, hardConnections: 10 });
    const first = [connect(), connect()];
    await vi.waitUntil(() => clients.count === 2, WAIT);
    const third = connect();
    third.write('3:m a,');
    expect(await readBytes(third, 29)).toBe('25:TEMP too many connections,');
    first[0]?.write('3:m a,');
    expect(await readBytes(first[0] as never, 7)).toBe('4:OK a,'); // the earlier client is served
    first[1]?.destroy();
    await vi.waitUntil(() => clients.count === 2, WAIT);
    third.write('3:m a,');
    expect(await readBytes(third, 7)).toBe('4:OK a,');
    third.destroy();
    first[0]?.destroy();
  });

  it('over the hard limit new connections are closed at once', async () => {
    const { connect, clients, told } = await start(echo, { softConnections: 2, hardConnections: 2 });
    const first = [connect(), connect()];
    await vi.waitUntil(() => clients.count === 2, WAIT);
    const third = connect();
    third.on('error', () => {});
    await new Promise((resolve) => {
      third.on('end', resolve);
      third.on('close', resolve);
      third.resume();
    });
    expect(told).toEqual(['refused']);
    expect(clients.count).toBe(2);
    for (const socket of first) socket.destroy();
  });
});

describe('a stop', () => {
  it('replies to open requests, half-closes, and waits for the clients up to a limit', async () => {
    const hand = byHand();
    const server = await startServer(unix(), hand.answer);
    const [asking, idle, halfway] = [server.connect(), server.connect(), server.connect()];
    asking.write('3:m a,');
    halfway.write('3:m');
    await vi.waitUntil(() => hand.asked.length === 1 && server.clients.count === 3, WAIT);
    server.listener.close();
    const halfClosed = server.clients.halfClose(10_000);
    expect(await readAll(idle)).toBe('');
    idle.destroy();
    halfway.write(' b,');
    await vi.waitUntil(() => hand.asked.length === 2, WAIT);
    hand.give('b');
    hand.give('a');
    expect(await readAll(asking)).toBe('4:OK a,');
    expect(await readAll(halfway)).toBe('4:OK b,');
    asking.end();
    halfway.end();
    await (
      await halfClosed
    ).closed;
    expect(server.clients.count).toBe(0);
  });

  it('keeps its half of a connection as long as the client keeps the other, whatever unread_ms is', async () => {
    const server = await startServer(unix(), echo, { unreadMs: 30 });
    const socket = server.connect();
    await vi.waitUntil(() => server.clients.count === 1, WAIT);
    server.listener.close();
    const { closed } = await server.clients.halfClose(10_000);
    expect(await readAll(socket)).toBe('');
    await sleep(150);
    expect(server.clients.count).toBe(1);
    socket.end();
    await closed;
  });

  it('continues to serve clients that never connect again', async () => {
    const server = await startServer(unix(), echo, {}, 'line');
    const socket = server.connect();
    await vi.waitUntil(() => server.clients.count === 1, WAIT);
    server.listener.close();
    const { closed } = await server.clients.halfClose(30);
    await sleep(150);
    socket.write('m abc\n');
    expect(await readBytes(socket, 7)).toBe('OK abc\n');
    socket.end();
    await closed;
  });

  it('drops a client that does not close within the limit', async () => {
    const server = await startServer(unix(), echo);
    const socket = server.connect();
    const gone = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    await vi.waitUntil(() => server.clients.count === 1, WAIT);
    server.listener.close();
    await (
      await server.clients.halfClose(30)
    ).closed;
    await vi.waitUntil(() => server.clients.count === 0, WAIT);
    socket.destroy();
    await gone;
  });
});

describe('tcp', () => {
  it('accepts only loopback addresses and the allowed networks', async () => {
    const answerTo = async (allow: { address: string; bits: number }[], from: string): Promise<string> => {
      const server = await start(echo, {}, { kind: 'tcp', host: '::', port: 0, allow });
      const port = /:(\d+)$/.exec(server.listener.where)?.[1];
      const socket = connectTo(`tcp:${from}:${port}`);
      socket.on('error', () => {});
      socket.end('3:m a,');
      return readAll(socket).catch(() => 'closed');
    };
    expect(await answerTo([], '127.0.0.1')).toBe('4:OK a,');
    expect(await answerTo([], '::1')).toBe('4:OK a,');
    expect(await answerTo([{ address: '192.0.2.0', bits: 24 }], '127.0.0.1')).toBe('4:OK a,');
  });
});

/** The timer of each connection to a port, from proc_net_tcp(5): 02 if keepalive runs. */
function timersOf(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const connected = lines.map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === '01');
  return connected.flatMap(([, local, , , , timer]) => (local?.endsWith(`:${hex}`) ? [timer?.slice(0, 2) ?? ''] : []));
}

describe('a client over tcp whose machine is gone', () => {
  it('is noticed by keepalive', async () => {
    const { connect, listener, clients } = await start(
      echo,
      {},
      { kind: 'tcp', host: '127.0.0.1', port: 0, allow: [] },
    );
    const socket = connect();
    await vi.waitUntil(() => clients.count === 1, WAIT);
    await vi.waitUntil(() => timersOf(Number(/\d+$/.exec(listener.where)?.[0])).includes('02'), WAIT);
    socket.destroy();
  });
});

/** Leaves a socket file without a listener. */
async function leaveStale(path: string): Promise<void> {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(`${path}.aside`, resolve));
  linkSync(`${path}.aside`, path);
  await new Promise((resolve) => dead.close(resolve)); // removes its own name only
}

describe('a Unix socket', () => {
  const nothing = (): void => {};
  const events = {
    accept: nothing,
    replaced: nothing,
    lost: nothing,
    regained: nothing,
    forbidden: nothing,
    failed: nothing,
  };

  it('has its mode before a client can connect', async () => {
    const binding = { ...unix(), mode: 0o640 };
    await start(echo, {}, binding);
    expect(statSync(binding.path).mode & 0o777).toBe(0o640);
  });

  it('is refused if another server listens, and does not disturb it', async () => {
    const binding = unix();
    const { connect } = await start(echo, {}, binding);
    await expect(listenAt(binding, events)).rejects.toThrow('another server listens there; stop it first');
    const socket = connect();
    socket.end('3:m a,');
    expect(await readAll(socket)).toBe('4:OK a,');
  });

  it('replaces the file that a dead server left', async () => {
    const binding = unix();
    await leaveStale(binding.path);
    expect(statSync(binding.path).isSocket()).toBe(true);
    const { connect } = await start(echo, {}, binding);
    const socket = connect();
    socket.end('3:m a,');
    expect(await readAll(socket)).toBe('4:OK a,');
  });

  it('goes to one of two servers that start at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      const binding = unix();
      await leaveStale(binding.path);
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => listenAt(binding, events)));
      const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      expect(winners).toHaveLength(1);
      expect(statSync(binding.path).isSocket()).toBe(true);
      winners[0]?.close();
      expect(statSync(binding.path, { throwIfNoEntry: false })).toBeUndefined();
    }
  });

  it('is removed at the stop, but not if another server has replaced it', async () => {
    const binding = unix();
    const first = await listenAt(binding, events);
    rmSync(binding.path);
    const second = await listenAt(binding, events);
    first.close();
    expect(statSync(binding.path).isSocket()).toBe(true);
    second.close();
    expect(statSync(binding.path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['a file is there', (path) => writeFileSync(path, 'mail'), /exists already and is not a socket; remove it/],
    ['a folder is there', (path) => mkdirSync(path), /exists already and is not a socket; remove it/],
    [
      'a symbolic link is there',
      (path) => symlinkSync('/nowhere', path),
      /exists already and is not a socket; remove it/,
    ],
  ])('is refused if %s', async (_, make, message) => {
    const binding = unix();
    make(binding.path);
    await expect(listenAt(binding, events)).rejects.toThrow(message);
  });

  it.each<[string, string, RegExp]>([
    ['its folder does not exist', '/nonexistent/s.sock', /its folder does not exist; make it/],
    ['its folder is a file', '/etc/passwd/s.sock', /cannot listen on unix:\/etc\/passwd\/s\.sock/],
    ['its path is too long', `/tmp/${'x'.repeat(120)}/s.sock`, /at most 107; choose a shorter path/],
  ])('says that %s', async (_, path, message) => {
    await expect(listenAt({ ...unix(), path }, events)).rejects.toThrow(message);
  });

  it('leaves no other file if it fails', async () => {
    const dir = folder();
    writeFileSync(join(dir, 's.sock'), '');
    await expect(listenAt({ ...unix(), path: join(dir, 's.sock') }, events)).rejects.toThrow('not a socket');
    await vi.waitUntil(() => readdirSync(dir).length === 1, WAIT);
  });
});
