import { existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { claimPath, inodeOf } from '../../src/socket/claim.ts';
import { temporaryFolders } from '../support/folder.ts';

const makeFolder = temporaryFolders();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listenAt(path: string): Promise<Server> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** A socket at `path` that a dead server left, and one beside it that wants the path. */
async function startClaim() {
  const folder = makeFolder();
  const [path, beside] = [join(folder, 'path'), join(folder, 'beside')];
  const dead = await listenAt(join(folder, 'dead'));
  renameSync(join(folder, 'dead'), path);
  await new Promise((resolve) => dead.close(resolve));
  await listenAt(beside);
  return { folder, path, beside };
}

it('a claimed path is that of the new socket, and nothing else stays', async () => {
  const { path, beside } = await startClaim();
  const inode = inodeOf(beside);
  (await claimPath(beside, path, false))();
  expect([inodeOf(path), existsSync(beside), existsSync(`${beside}.old`)]).toEqual([inode, false, false]);
});

it('a server that took the path meanwhile keeps it, even with the inode of the stale socket', async () => {
  const { folder, path, beside } = await startClaim();
  const stale = inodeOf(path);
  const take = await claimPath(beside, path, false);
  rmSync(path);
  let other = '';
  for (let at = 0; at < 100 && (other === '' || inodeOf(other) !== stale); at++) {
    other = join(folder, String(at));
    await listenAt(other);
  }
  const { ino } = lstatSync(other, { bigint: true });
  renameSync(other, path);
  expect(take).toThrow('another server listens there');
  expect([inodeOf(path), existsSync(beside)]).toEqual([ino, true]);
});
