import { lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ListenerConfig } from '../../src/config/config.ts';
import { type Doors, type Entrance, createDoors } from '../../src/daemon/listeners.ts';
import { createIntake } from '../../src/socket/intake.ts';
import { type Turns, startTurns } from '../../src/socket/turn.ts';
import { temporaryFolders } from '../support/folder.ts';
import { connectTo, readAll } from '../support/server.ts';

const makeFolder = temporaryFolders();
let folder = '';
let told: string[] = [];
let all: Doors[] = [];
let turns: Turns;
beforeEach(() => {
  folder = makeFolder();
  told = [];
  all = [];
  turns = startTurns(() => {});
});
afterEach(() => {
  turns.close();
  for (const doors of all) doors.close();
});

/** Doors at which each client is told the name of the listener that it came in by. */
function make(): Doors {
  const doors = createDoors(new Map(), createIntake(turns), (entrance) => ({
    accept: (socket) => void socket.end(`${entrance().name} to ${entrance().leadsTo}`),
    opened: (where) => told.push(`opened ${entrance().name} ${where}`),
    replaced: () => told.push(`replaced ${entrance().name}`),
    lost: (cause) => told.push(`lost ${entrance().name}: ${cause}`),
    regained: () => told.push(`regained ${entrance().name}`),
    forbidden: () => {},
    failed: () => {},
  }));
  all.push(doors);
  return doors;
}

function unix(name: string, file: string, more: { mode?: number; leadsTo?: Entrance['leadsTo'] } = {}): Entrance {
  const { mode = 0o600, leadsTo = 'maps' } = more;
  const config: ListenerConfig = {
    kind: 'unix',
    protocol: 'netstring',
    path: join(folder, file),
    mode,
    uid: -1,
    gid: -1,
  };
  return { name, config, leadsTo };
}

const inode = (file: string): number => lstatSync(join(folder, file)).ino;
const visit = (file: string): Promise<string> => readAll(connectTo(`unix:${join(folder, file)}`));
const files = (): string[] => readdirSync(folder).toSorted();

describe('an exchange of listeners', () => {
  it('keeps what has the same place, opens what is new, and closes what is gone', async () => {
    const doors = make();
    await doors.exchange([unix('a', 'a'), unix('b', 'b')], false);
    const before = inode('b');
    await doors.exchange([unix('renamed', 'b', { leadsTo: 'control' }), unix('c', 'c')], false);
    expect(files()).toEqual(['b', 'c']);
    expect(inode('b')).toBe(before);
    expect(await visit('b')).toBe('renamed to control');
    expect(await visit('c')).toBe('c to maps');
    expect(doors.where).toEqual([`unix:${join(folder, 'c')}`]);
  });

  it('takes no path and closes nothing where the last one cannot be had', async () => {
    const doors = make();
    await doors.exchange([unix('a', 'a')], false);
    writeFileSync(join(folder, 'file'), 'precious');
    for (const bad of [unix('bad', 'file'), unix('bad', 'missing/s')]) {
      const exchange = doors.exchange([unix('b', 'b'), unix('a', 'a', { mode: 0o666 }), bad], false);
      await expect(exchange).rejects.toThrow(/is no socket|its folder does not exist/);
      expect(lstatSync(join(folder, 'a')).mode & 0o777).toBe(0o600);
      expect(await visit('a')).toBe('a to maps');
      await vi.waitUntil(() => files().join() === 'a,file');
    }
  });

  it('takes over no path of another server where the last one cannot be had', async () => {
    const [old, next] = [make(), make()];
    await old.exchange([unix('old', 'a')], false);
    const before = inode('a');
    mkdirSync(join(folder, 'dir'));
    await expect(next.exchange([unix('next', 'a'), unix('bad', 'dir')], true)).rejects.toThrow('is no socket');
    expect(inode('a')).toBe(before);
    await next.exchange([unix('next', 'a')], true);
    expect(inode('a')).not.toBe(before);
    await vi.waitUntil(() => told.includes('replaced old'));
  });

  it('takes the path of a listener of its own that changes its mode, while clients of the old one are accepted', async () => {
    const doors = make();
    await doors.exchange([unix('a', 'a')], false);
    const early = connectTo(`unix:${join(folder, 'a')}`); // in the backlog until this turn is over
    await doors.exchange([unix('a', 'a', { mode: 0o640 })], false);
    expect(lstatSync(join(folder, 'a')).mode & 0o777).toBe(0o640);
    expect(await readAll(early)).toBe('a to maps');
    expect(await visit('a')).toBe('a to maps');
  });

  it('is refused where two listeners want one path', async () => {
    const doors = make();
    const exchange = doors.exchange([unix('a', 'x'), unix('b', './x')], true);
    await expect(exchange).rejects.toThrow(/^a and b both listen on unix:.*\/x: remove one of them$/);
    expect(files()).toEqual([]);
  });

  it('waits for the one before it', async () => {
    const doors = make();
    const exchanges = ['a', 'b', 'a', 'c'].map((file) => doors.exchange([unix(file, file)], false));
    await Promise.all(exchanges);
    expect(files()).toEqual(['c']);
    expect(told.map((each) => each.split(' ')[1])).toEqual(['a', 'b', 'a', 'c']);
  });

  it('that is under way when all is closed opens nothing', async () => {
    const doors = make();
    const exchange = doors.exchange([unix('a', 'a'), unix('b', 'b')], false);
    doors.close();
    await expect(exchange).rejects.toThrow('the daemon ends');
    await vi.waitUntil(() => files().length === 0);
  });

  it('gives a path up to nobody but a server that listens', async () => {
    const doors = make();
    await doors.exchange([unix('a', 'a')], false);
    const rival = createServer().listen(join(folder, 'rival'));
    await new Promise((resolve) => rival.once('listening', resolve));
    renameSync(join(folder, 'rival'), join(folder, 'a'));
    await vi.waitUntil(() => told.includes('replaced a'), { timeout: 5_000 });
    expect(told.some((each) => each.startsWith('lost'))).toBe(false);
    rival.close();
  });
});
