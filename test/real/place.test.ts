// The socket files of the daemon, and who else has a hand in their folder.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { askOnce, connectTo } from './client.ts';
import { type Daemon, cli, makeFolder, serve } from './daemon.ts';

const FRED = 'fred@example.org';
const WAIT = { timeout: 20_000, interval: 10 };

function configOf(path: string, listen = ''): string {
  return `
    listen.mta = { path = "${path}" ${listen} }
    store.fixed = { driver = "memory", mailboxes = ["${FRED}"] }`;
}

async function serveIn(folder: string): Promise<{ daemon: Daemon; socket: string }> {
  const home = await makeFolder();
  const socket = join(folder, 'smmap.sock');
  const daemon = await serve({ folder: home, config: configOf(socket) });
  return { daemon, socket };
}

async function answers(socket: string): Promise<void> {
  const ask = async (): Promise<string> => await askOnce(socket, 'mailbox', FRED).catch(String);
  await vi.waitUntil(async () => (await ask()) === `OK ${FRED}`, WAIT);
}

describe('a socket file', () => {
  test.for([
    ['is removed', (socket: string) => rmSync(socket), /smmap\.sock was removed$/],
    [
      'and its folder are removed, and the folder is made again',
      (socket: string) => {
        const folder = join(socket, '..');
        rmSync(folder, { recursive: true });
        void sleep(700).then(() => mkdirSync(folder));
      },
      /its folder does not exist; make it/,
    ],
    [
      'gives its place to that of a dead server',
      async (socket: string) => {
        const dead = createServer().listen(`${socket}.dead`);
        await once(dead, 'listening');
        renameSync(`${socket}.dead`, socket);
        dead.close();
      },
      /is another file now, on which no server listens$/,
    ],
    [
      'gives its place to a file, which then goes',
      (socket: string) => {
        rmSync(socket);
        writeFileSync(socket, 'precious');
        void sleep(700).then(() => rmSync(socket));
      },
      /exists already and is not a socket/,
    ],
  ] as const)('that %s is logged as lost, and bound again', async ([, lose, cause]) => {
    const folder = join(await makeFolder(), 'run');
    mkdirSync(folder);
    const { daemon, socket } = await serveIn(folder);
    const client = await connectTo(socket);
    onTestFinished(() => client.close());
    await lose(socket);
    await daemon.logged('socket_lost', (line) => cause.test(String(line['cause'])) && line['listener'] === 'mta');
    await vi.waitUntil(
      () => daemon.log.filter((line) => line.event === 'listening' && line['listener'] === 'mta').length === 2,
      WAIT,
    );
    await answers(socket);
    expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`); // who came in before stays
    expect(daemon.log.some(({ event }) => event === 'handing_over')).toBe(false);
    await vi.waitUntil(() => lstatSync(`${socket}.control`, { throwIfNoEntry: false })?.isSocket(), WAIT);
    await sleep(1_200);
    const lost = daemon.log.filter(({ event, listener }) => event === 'socket_lost' && listener === 'mta');
    expect(new Set(lost.map((line) => line['cause'])).size).toBe(lost.length); // each cause once, however long it lasts
    expect(readdirSync(folder).toSorted()).toEqual(['smmap.sock', 'smmap.sock.control']);
    client.close(); // a stop waits for it
    expect(await daemon.stop()).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of the control socket is bound again after it was removed, too', async () => {
    const { daemon, socket } = await serveIn(await makeFolder());
    rmSync(`${socket}.control`);
    await daemon.logged('socket_lost', (line) => line['listener'] === 'control');
    await vi.waitUntil(() => existsSync(`${socket}.control`), WAIT);
    expect(lstatSync(`${socket}.control`).mode & 0o777).toBe(0o600);
    expect(await askOnce(`${socket}.control`, 'stores', '')).toMatch(/^OK /);
  });

  test('gets another mode without a moment in which no daemon listens', async () => {
    const { daemon, socket } = await serveIn(await makeFolder());
    const over = new AbortController();
    const failures: string[] = [];
    let asked = 0;
    const asking = (async () => {
      while (!over.signal.aborted) {
        asked++;
        const reply = await askOnce(socket, 'mailbox', FRED).catch(String);
        if (reply !== `OK ${FRED}`) failures.push(reply);
      }
    })();
    for (let round = 0; round < 20; round++) {
      const mode = round % 2 === 0 ? 0o600 : 0o666;
      writeFileSync(join(daemon.folder, 'smmap.toml'), configOf(socket, `, mode = "${mode.toString(8)}"`));
      daemon.signal('SIGHUP');
      await vi.waitUntil(() => (lstatSync(socket).mode & 0o777) === mode, WAIT);
      await vi.waitUntil(() => daemon.log.filter(({ event }) => event === 'reloaded').length === round + 1, WAIT);
    }
    over.abort();
    await asking;
    process.stderr.write(`20 changes of a mode: ${failures.length} of ${asked} connects failed\n`);
    expect(failures).toEqual([]);
    await sleep(1_000);
    expect(daemon.log.filter(({ event }) => event === 'socket_lost' || event === 'handing_over')).toEqual([]);
  });
});

/** Puts a link in the place of each file of a folder as soon as it is there, as the folder's owner can. */
const ATTACKER = `
  import { readdirSync, renameSync, symlinkSync } from 'node:fs';
  const [folder, target] = process.argv.slice(1);
  let at = 0;
  for (;;) {
    for (const name of readdirSync(folder)) {
      if (name.startsWith('moved')) continue;
      try {
        renameSync(folder + '/' + name, folder + '/moved' + at++);
        symlinkSync(target, folder + '/' + name);
      } catch {}
    }
  }`;

function attack(folder: string, target: string): ChildProcess {
  const as = { uid: 65_534, gid: 65_534, stdio: 'ignore' } as const;
  const attacker = spawn(process.execPath, ['--input-type=module', '-e', ATTACKER, folder, target], as);
  onTestFinished(() => void attacker.kill('SIGKILL'));
  return attacker;
}

describe('root, in the folder of another user', () => {
  const isRoot = process.getuid?.() === 0;

  test('does not open its files to others if the owner of the folder replaces the socket by a link', async (context) => {
    if (!isRoot) return context.skip('only root can be lured into this');
    const secret = join(await makeFolder(), 'secret');
    writeFileSync(secret, 'precious', { mode: 0o600 });
    chmodSync(join(secret, '..'), 0o755);
    const folder = await makeFolder();
    chownSync(folder, 65_534, 65_534);
    const home = await makeFolder();
    const own = join(home, 'own.sock');
    const config = (mode: string): string => `
      listen.own.path = "${own}"
      listen.chroot = { path = "${folder}/smmap.sock", mode = "${mode}", owner = "65534", group = "65534" }
      control.path = "${home}/control.sock"
      store.fixed = { driver = "memory", mailboxes = ["${FRED}"] }`;
    const daemon = await serve({ folder: home, config: config('0666') });
    const attacker = spawn(process.execPath, ['--input-type=module', '-e', ATTACKER, folder, secret], {
      uid: 65_534,
      gid: 65_534,
      stdio: 'ignore',
    });
    onTestFinished(() => void attacker.kill('SIGKILL'));
    await vi.waitUntil(() => readdirSync(folder).some((name) => name.startsWith('moved')), WAIT);
    const outcomes = (): number => daemon.log.filter(({ event }) => event.startsWith('reload')).length;
    for (let round = 0; round < 40; round++) {
      const before = outcomes();
      writeFileSync(join(home, 'smmap.toml'), config(round % 2 === 0 ? '0660' : '0666'));
      daemon.signal('SIGHUP');
      await vi.waitUntil(() => outcomes() > before, WAIT);
      const { mode, uid } = statSync(secret);
      expect([(mode & 0o777).toString(8), uid]).toEqual(['600', 0]);
    }
    attacker.kill('SIGKILL');
    expect(await askOnce(own, 'mailbox', FRED)).toBe(`OK ${FRED}`);
    expect(await daemon.stop()).toBe(0);
    expect(statSync(secret).mode & 0o777).toBe(0o600);
  });

  test('gives a socket file the right mode and owner with any umask', async (context) => {
    if (!isRoot) return context.skip('only root can give a file away');
    const folder = await makeFolder();
    const path = join(folder, 'smmap.sock');
    const config = configOf(path, ', mode = "0660", owner = "65534", group = "65533"');
    for (const umask of ['000', '077']) {
      const daemon = await serve({ folder, config, under: ['sh', '-c', `umask ${umask}; exec "$0" "$@"`] });
      const { mode, uid, gid } = lstatSync(path);
      expect([mode & 0o777, uid, gid]).toEqual([0o660, 65_534, 65_533]);
      expect(await daemon.stop()).toBe(0);
    }
  });

  test('does not give away its files if the owner of a store replaces the new data file by a link', async (context) => {
    if (!isRoot) return context.skip('only root can be lured into this');
    const home = await makeFolder();
    const secret = join(home, 'secret');
    writeFileSync(secret, 'precious', { mode: 0o600 });
    chmodSync(home, 0o755);
    const store = await makeFolder();
    chownSync(store, 65_534, 65_534);
    const attacker = attack(store, secret);
    for (let round = 0; round < 15; round++) {
      await cli(['store', 'create', '--store', store]); // fails mostly
      const { mode, uid } = statSync(secret);
      expect([(mode & 0o777).toString(8), uid]).toEqual(['600', 0]);
      for (const name of readdirSync(store)) rmSync(join(store, name), { force: true });
    }
    attacker.kill('SIGKILL');
    await once(attacker, 'exit');
    for (const name of readdirSync(store)) rmSync(join(store, name), { force: true });
    expect((await cli(['store', 'create', '--store', store])).code).toBe(0);
    for (const name of ['smmap.mdb', 'smmap.mdb-lock']) {
      const { mode, uid, gid } = statSync(join(store, name));
      expect([mode & 0o777, uid, gid]).toEqual([0o640, 65_534, 65_534]);
    }
  });

  /** What a command of root leaves in the folder of another user, as `uid:gid`. */
  const owners = (folder: string): string[] =>
    [folder, join(folder, 'smmap.mdb'), join(folder, 'smmap.mdb-lock')].map((each) => {
      const { uid, gid } = lstatSync(each);
      return `${uid}:${gid}`;
    });

  test('gives a store to the owner of its folder, even a store that root made before', async (context) => {
    if (!isRoot) return context.skip('only root can give a file away');
    const home = await makeFolder();
    chownSync(home, 65_534, 65_533);
    const [fresh, old] = [join(home, 'a', 'store'), join(home, 'old')];
    expect((await cli(['store', 'create', '--store', fresh])).code).toBe(0);
    expect(owners(fresh)).toEqual(['65534:65533', '65534:65533', '65534:65533']);
    expect(statSync(join(home, 'a')).uid).toBe(65_534);
    chownSync(home, 0, 0);
    expect((await cli(['store', 'create', '--store', old])).code).toBe(0);
    expect(owners(old)).toEqual(['0:0', '0:0', '0:0']);
    chownSync(old, 65_534, 65_533); // as systemd-tmpfiles does
    expect((await cli(['mailbox', 'list', '--store', old])).code).toBe(0);
    expect((await cli(['mailbox', 'add', '--store', old, FRED])).code).toBe(0);
    expect(owners(old)).toEqual(['65534:65533', '65534:65533', '65534:65533']);
  });

  test('does not give away a file that has a second name elsewhere', async (context) => {
    if (!isRoot) return context.skip('only root can give a file away');
    const home = await makeFolder();
    const [mine, theirs] = [join(home, 'mine'), join(home, 'theirs')];
    expect((await cli(['store', 'create', '--store', mine])).code).toBe(0);
    mkdirSync(theirs);
    linkSync(join(mine, 'smmap.mdb'), join(theirs, 'smmap.mdb'));
    chownSync(theirs, 65_534, 65_534);
    await cli(['mailbox', 'add', '--store', theirs, FRED]);
    expect(statSync(join(mine, 'smmap.mdb')).uid).toBe(0);
  });
});
