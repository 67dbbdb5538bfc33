import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startChild } from '../../src/daemon/workers/child.ts';

/** It is killed, and leaves somebody who holds its channel and its output: nobody is told that they are closed. */
const HELD = `
import { spawn } from 'node:child_process';
spawn('sleep', ['4'], { stdio: ['ignore', 'inherit', 'inherit', 3] });
process.on('message', () => {});
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300);
`;
const WAIT = { timeout: 20_000, interval: 10 };
const SILENT = `process.on('message', () => {});`;
const SPEAKING = `process.send({ clients: 5, taken: 0 }, undefined, undefined, () => process.kill(process.pid, 'SIGKILL'));`;
const HUNG = `process.on('message', () => {}); process.stdout.write('hangs\\n'); for (;;);`;

/** A worker with this program, and a connection to give to it. */
async function start(source: string) {
  const folder = await mkdtemp(join(tmpdir(), 'smmap-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const program = join(folder, 'worker.mjs');
  await writeFile(program, source);
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, 's.sock'));
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const client = connect(join(folder, 's.sock'));
  onTestFinished(() => void client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => void socket.destroy());

  const [givenBack, log]: [unknown[], string[]] = [[], []];
  const events = {
    free: () => {},
    givenBack: (each: unknown) => void givenBack.push(each),
    told: () => {},
    wrote: (lines: string) => void log.push(lines),
  };
  const child = startChild(1, program, {}, events);
  onTestFinished(() => child.kill());
  child.begin();
  return {
    child,
    client,
    accepted: { socket, since: 0, protocol: 'netstring', listener: 'mta' } as const,
    givenBack,
    log,
  };
}

it('a worker whose channel is not told to be closed is gone a second after its end, and the connection on its way is closed', async () => {
  const { child, client, accepted, givenBack } = await start(HELD);
  child.give(accepted);
  client.resume();
  const closed = once(client, 'close');
  expect(await child.gone).toBe('SIGKILL');
  await closed;
  expect([givenBack, child.isFree]).toEqual([[], false]);
});

it('a worker that has a connection gets the next one, also before it says anything, and never gives that one back', async () => {
  const { child, accepted, givenBack } = await start(SILENT);
  child.give(accepted);
  expect([child.isFree, child.clients, child.served]).toEqual([false, 1, 0]);
  await vi.waitUntil(() => child.isFree, WAIT);
  expect([child.isFree, child.clients, child.served]).toEqual([true, 1, 0]);
  child.kill();
  await child.gone;
  expect(givenBack).toEqual([]);
});

it('a worker that ends before it has read from its channel gives the connection back', async () => {
  const { child, accepted, givenBack, log } = await start(HUNG);
  await vi.waitUntil(() => log.length > 0, WAIT);
  child.give(accepted);
  child.kill();
  await child.gone;
  expect(givenBack).toEqual([accepted]);
  expect(accepted.socket.destroyed).toBe(false);
});

it('what a worker said just before its end is taken', async () => {
  const { child } = await start(SPEAKING);
  await child.gone;
  expect(child.served).toBe(5);
});
