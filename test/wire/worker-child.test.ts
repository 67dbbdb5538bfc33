import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startChild } from '../../src/daemon/workers/child.ts';

/** It is killed, and leaves somebody who holds its channel and its output: nobody is told that they are closed. */
const PROGRAM = `
import { spawn } from 'node:child_process';
spawn('sleep', ['4'], { stdio: ['ignore', 'inherit', 'inherit', 3] });
process.on('message', () => {});
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300);
`;

it('a worker whose channel is not told to be closed is gone a second after its end, and the connection on its way is closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'smmap-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const program = join(folder, 'worker.mjs');
  await writeFile(program, PROGRAM);
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, 's.sock'));
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const client = connect(join(folder, 's.sock'));
  const [socket] = (await once(server, 'connection')) as [Socket];

  const givenBack: unknown[] = [];
  const nothing = (): void => {};
  const child = startChild(
    1,
    program,
    {},
    { free: nothing, givenBack: (each) => givenBack.push(each), told: nothing, wrote: nothing },
  );
  child.begin();
  child.give({ socket, since: performance.now(), protocol: 'netstring', listener: 'mta' });
  client.resume();
  const closed = once(client, 'close');
  expect(await child.gone).toBe('SIGKILL');
  await closed;
  expect([givenBack, child.isFree]).toEqual([[], false]);
});
