import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LONG } from '../support/long.ts';
import { type Client, askOnce, connectTo, request } from './client.ts';
import { type Daemon, makeFolder, serve } from './daemon.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const FRED = 'OK fred@example.org';
const SILENT = 7_000;
const SLOW = 2_000;
const DEAF = 1_000;
const SENT_KB = 2_000; // by each deaf client, and as much would come back

/**
 * What they may cost at most, in KB. A client: a socket, a decoder and timers, 6 when measured. A deaf one besides: a
 * chunk in the stream and one in the decoder, which doubles (64 + 128), replies that wait (64), and what V8 keeps of
 * all that until it collects. Everything that the deaf ones sent would be four times as much.
 */
const BOUND_KB = (SILENT + SLOW + DEAF) * 12 + DEAF * 400;

async function serveFixed(limits = ''): Promise<Daemon> {
  const folder = await makeFolder();
  return serve({
    folder,
    config: `
      limits = { ${limits} }
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`,
  });
}

/** In steps, since a Unix socket refuses a connection at once where its backlog is full. */
async function connectMany(path: string, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  onTestFinished(() => {
    for (const client of clients) client.close();
  });
  while (clients.length < count) {
    const step = Math.min(250, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: step }, () => connectTo(path)))));
  }
  return clients;
}

/** The memory of a process in kilobytes: now, or at its most. */
function memoryKb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** The time that a process has run on a processor, in hundredths of a second. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]); // utime and stime of proc(5)
}

test('ten thousand silent, slow or unreading clients use limited memory, and others are served', LONG, async () => {
  // The deaf ones ask for more than a slow machine answers in time, and would be ended as late: patience.test.ts has that.
  const daemon = await serveFixed('unread_ms = 60_000, deadline_ms = 60_000');
  const [served] = (await connectMany(daemon.socket, 1)) as [Client];
  const before = memoryKb(daemon.pid, 'VmRSS');

  await connectMany(daemon.socket, SILENT);
  const slow = await connectMany(daemon.socket, SLOW);
  for (const byte of request('mailbox', 'fred@example.org')) {
    for (const { socket } of slow) socket.write(Buffer.of(byte));
    expect(await served.ask('mailbox', 'fred@example.org')).toBe(FRED);
  }
  await vi.waitUntil(() => slow.every(({ replies }) => replies[0] === FRED), WAIT);

  const deaf = await connectMany(daemon.socket, DEAF);
  const key = `fred+${'x'.repeat(4_950)}@example.org`;
  const requests = Buffer.concat(Array.from({ length: SENT_KB / 5 }, () => request('mailbox', key)));
  for (const { socket } of deaf) {
    socket.pause();
    socket.write(requests);
  }
  // Others are served while the daemon reads all that it is going to read, that is until it rests.
  for (let ticks = -Infinity, rests = 0; rests < 3;) {
    const now = cpuTicks(daemon.pid);
    rests = now - ticks <= 5 ? rests + 1 : 0;
    ticks = now;
    for (let asked = 0; asked < 20; asked++) {
      expect(await served.ask('mailbox', 'fred@example.org')).toBe(FRED);
      expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
    }
    await sleep(50);
  }
  expect(deaf.filter(({ socket }) => socket.destroyed || socket.writableLength === 0)).toEqual([]);
  expect(memoryKb(daemon.pid, 'VmHWM') - before).toBeLessThan(BOUND_KB);
});

test('a client that does not read is closed in time, and does not affect other clients', async () => {
  const daemon = await serveFixed('unread_ms = 300');
  const [deaf, other] = (await connectMany(daemon.socket, 2)) as [Client, Client];
  deaf.socket.pause();
  deaf.socket.write(Buffer.concat(Array.from({ length: 40_000 }, () => request('mailbox', 'fred@example.org'))));
  await daemon.logged('connection_ended', (line) => line['why'] === 'replies not read');
  expect(await other.ask('mailbox', 'fred@example.org')).toBe(FRED);
  deaf.socket.resume();
  await deaf.ended;
});

test('a client whose request stays unfinished is closed in time, without a reply', async () => {
  const daemon = await serveFixed('unfinished_ms = 300');
  const [slow] = (await connectMany(daemon.socket, 1)) as [Client];
  slow.socket.write('24:mail');
  await slow.ended;
  expect(slow.replies).toEqual([]);
  expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
});

test('an idle client is never closed', async () => {
  const daemon = await serveFixed('unfinished_ms = 100, unread_ms = 100');
  const [silent] = (await connectMany(daemon.socket, 1)) as [Client];
  expect(await silent.ask('mailbox', 'fred@example.org')).toBe(FRED);
  await sleep(500);
  expect(await silent.ask('mailbox', 'fred@example.org')).toBe(FRED);
});

test('a client gets TEMP above the soft limit, and is closed above the hard limit, until others leave', async () => {
  const daemon = await serveFixed('soft_connections = 3, hard_connections = 5');
  const ask = (client: Client): Promise<string> => client.ask('mailbox', 'fred@example.org');
  const within = await connectMany(daemon.socket, 3);
  expect(await Promise.all(within.map(ask))).toEqual([FRED, FRED, FRED]);
  const excess = await connectMany(daemon.socket, 2);
  const overloaded = 'TEMP too many connections';
  expect(await Promise.all(excess.map(ask))).toEqual([overloaded, overloaded]);

  const [closed] = (await connectMany(daemon.socket, 1)) as [Client];
  await closed.ended;
  expect(closed.replies).toEqual([]);
  expect(await daemon.logged('connection_refused')).toMatchObject({ open: 5 });
  expect(await Promise.all(within.map(ask))).toEqual([FRED, FRED, FRED]);

  for (const client of within) client.close();
  await vi.waitUntil(async () => (await ask(excess[0] as Client)) === FRED, WAIT);
  expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe(FRED);
});
