import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { askOnce } from './client.ts';
import { type Daemon, makeFolder, serve } from './daemon.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const FEW = 200;

async function serveWith(descriptors: number, limits: string): Promise<Daemon> {
  const folder = await makeFolder();
  return serve({
    folder,
    under: ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh'],
    config: `
      limits = { ${limits} }
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`,
  });
}

test('a daemon logs that it may open too few files, and logs it again when it closes clients for that reason', async () => {
  const daemon = await serveWith(FEW, '');
  expect(await daemon.logged('few_descriptors')).toMatchObject({
    level: 'warn',
    limit: FEW,
    hardConnections: 16_000,
    wanted: 16_100,
    msg: expect.stringContaining('set LimitNOFILE (ulimit -n) to 16100 or more, or lower hard_connections') as string,
  });

  let lost = 0;
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let at = 0; at < FEW + 32; at++) {
    const socket = connect(daemon.socket);
    socket.on('error', () => {});
    socket.on('close', () => lost++);
    socket.resume();
    sockets.push(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
  }
  await vi.waitUntil(() => lost > 0, WAIT);
  const failed = await daemon.logged('accept_failed');
  expect(failed).toMatchObject({ level: 'error', cause: expect.stringContaining('raise LimitNOFILE') as string });

  for (const socket of sockets) socket.destroy();
  await vi.waitUntil(
    async () => (await askOnce(daemon.socket, 'm', 'fred@example.org').catch(() => '')) === 'OK fred@example.org',
    WAIT,
  );
  expect(daemon.log.filter(({ event }) => event === 'accept_failed')).toHaveLength(1); // and not ten a second
});

test('a daemon logs nothing if it may open enough files', async () => {
  const daemon = await serveWith(FEW, 'soft_connections = 100, hard_connections = 100');
  expect(await askOnce(daemon.socket, 'm', 'fred@example.org')).toBe('OK fred@example.org');
  expect(daemon.log.filter(({ event }) => event === 'few_descriptors' || event === 'accept_failed')).toEqual([]);
});
