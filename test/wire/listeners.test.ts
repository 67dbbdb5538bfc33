import { lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ListenerConfig } from '../../src/config/config.ts';
import { type Listeners, type NamedListener, createListeners } from '../../src/daemon/listeners.ts';
import { createIntake } from '../../src/socket/intake.ts';
import { type Turns, startTurns } from '../../src/socket/turn.ts';
import { temporaryFolders } from '../support/folder.ts';
import { connectTo, readAll } from '../support/server.ts';

const WAIT = { timeout: 20_000, interval: 2 };
const makeFolder = temporaryFolders();
let folder = '';
let told: string[] = [];
let all: Listeners[] = [];
let turns: Turns;
beforeEach(() => {
  folder = makeFolder();
  told = [];
  all = [];
  turns = startTurns(() => {});
});
afterEach(() => {
  turns.close();
  for (const listeners of all) listeners.close();
});

/** Listeners that tell each client the name of the listener that accepted it. */
function make(): Listeners {
  const listeners = createListeners(new Map(), createIntake(turns), (named) => ({
    accept: (socket) => void socket.end(`${named().name} to ${named().servedBy}`),
    opened: (where) => told.push(`opened ${named().name} ${where}`),
    replaced: () => told.push(`replaced ${named().name}`),
    lost: (cause) => told.push(`lost ${named().name}: ${cause}`),
    regained: () => told.push(`regained ${named().name}`),
    forbidden: () => {},
    failed: () => {},
  }));
  all.push(listeners);
  return listeners;
}

function unix(
  name: string,
  file: string,
  more: { mode?: number; servedBy?: NamedListener['servedBy'] } = {},
): NamedListener {
  const { mode = 0o600, servedBy = 'maps' } = more;
  const config: ListenerConfig = {
    kind: 'unix',
    protocol: 'netstring',
    path: join(folder, file),
    mode,
    uid: -1,
    gid: -1,
  };
  return { name, config, servedBy };
}

const inode = (file: string): number => lstatSync(join(folder, file)).ino;
const visit = (file: string): Promise<string> => readAll(connectTo(`unix:${join(folder, file)}`));
const files = (): string[] => readdirSync(folder).toSorted();

describe('an exchange of listeners', () => {
  it('keeps listeners in the same place, opens new ones, and closes removed ones', async () => {
    const listeners = make();
    await listeners.exchange([unix('a', 'a'), unix('b', 'b')], false);
    const before = inode('b');
    await listeners.exchange([unix('renamed', 'b', { servedBy: 'control' }), unix('c', 'c')], false);
    expect(files()).toEqual(['b', 'c']);
    expect(inode('b')).toBe(before);
    expect(await visit('b')).toBe('renamed to control');
    expect(await visit('c')).toBe('c to maps');
    expect(listeners.where).toEqual([`unix:${join(folder, 'c')}`]);
  });

  it('takes no path and closes nothing if the last listener cannot be opened', async () => {
    const listeners = make();
    await listeners.exchange([unix('a', 'a')], false);
    writeFileSync(join(folder, 'file'), 'precious');
    for (const bad of [unix('bad', 'file'), unix('bad', 'missing/s')]) {
      const exchange = listeners.exchange([unix('b', 'b'), unix('a', 'a', { mode: 0o666 }), bad], false);
      await expect(exchange).rejects.toThrow(/is not a socket|its folder does not exist/);
      expect(lstatSync(join(folder, 'a')).mode & 0o777).toBe(0o600);
      expect(await visit('a')).toBe('a to maps');
      await vi.waitUntil(() => files().join() === 'a,file', WAIT);
    }
  });

  it('takes over no path of another server if the last listener cannot be opened', async () => {
    const [old, next] = [make(), make()];
    await old.exchange([unix('old', 'a')], false);
    const before = inode('a');
    mkdirSync(join(folder, 'dir'));
    await expect(next.exchange([unix('next', 'a'), unix('bad', 'dir')], true)).rejects.toThrow('is not a socket');
    expect(inode('a')).toBe(before);
    await next.exchange([unix('next', 'a')], true);
    expect(inode('a')).not.toBe(before);
    await vi.waitUntil(() => told.includes('replaced old'), WAIT);
  });

  it('replaces its own listener if the mode changes, while the old one still accepts clients', async () => {
    const listeners = make();
    await listeners.exchange([unix('a', 'a')], false);
    const early = connectTo(`unix:${join(folder, 'a')}`); // in the backlog until this turn is over
    await listeners.exchange([unix('a', 'a', { mode: 0o640 })], false);
    expect(lstatSync(join(folder, 'a')).mode & 0o777).toBe(0o640);
    expect(await readAll(early)).toBe('a to maps');
    expect(await visit('a')).toBe('a to maps');
  });

  it('is refused if two listeners want one path', async () => {
    const listeners = make();
    const exchange = listeners.exchange([unix('a', 'x'), unix('b', './x')], true);
    await expect(exchange).rejects.toThrow(/^a and b both listen on unix:.*\/x: remove one of them$/);
    expect(files()).toEqual([]);
  });

  it('waits for the one before it', async () => {
    const listeners = make();
    const exchanges = ['a', 'b', 'a', 'c'].map((file) => listeners.exchange([unix(file, file)], false));
    await Promise.all(exchanges);
    expect(files()).toEqual(['c']);
    expect(told.map((each) => each.split(' ')[1])).toEqual(['a', 'b', 'a', 'c']);
  });

  it('opens nothing if everything is closed during it', async () => {
    const listeners = make();
    const exchange = listeners.exchange([unix('a', 'a'), unix('b', 'b')], false);
    listeners.close();
    await expect(exchange).rejects.toThrow('the daemon is stopping');
    await vi.waitUntil(() => files().length === 0, WAIT);
  });

  it('gives up a path only to a server that listens', async () => {
    const listeners = make();
    await listeners.exchange([unix('a', 'a')], false);
    const rival = createServer().listen(join(folder, 'rival'));
    await new Promise((resolve) => rival.once('listening', resolve));
    renameSync(join(folder, 'rival'), join(folder, 'a'));
    await vi.waitUntil(() => told.includes('replaced a'), WAIT);
    expect(told.some((each) => each.startsWith('lost'))).toBe(false);
    rival.close();
  });
});
