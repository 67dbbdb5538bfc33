// smmap as a service of a real systemd: the units as they are shipped, and the package as npm installs it.

import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { askOnce } from './client.ts';
import type { Result } from './command.ts';
import type { Event } from './daemon.ts';
import { type Init, startInit } from './init.ts';
import { makeTrustedFolder } from './mta.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS = 30_000;

/** Has something done when a test is over, as onTestFinished does: tests that run side by side have one each. */
export type AtEnd = (end: () => void | Promise<void>) => void;

/** A machine on which smmap is a service. */
export interface Service {
  /** A folder of the test, which only root can write. */
  readonly folder: string;
  /** The folder of the service's sockets, /run/smmap there, as the test and mail servers see it. */
  readonly sockets: string;
  readonly socket: string;
  /** Writes /etc/smmap/smmap.toml. */
  configure(text: string): Promise<void>;
  systemctl(...args: string[]): Promise<Result>;
  /** Runs another command on that machine. */
  run(file: string, ...args: string[]): Promise<Result>;
  /** A property of the service, such as ActiveState or MainPID. */
  property(name: string): Promise<string>;
  /** The process that serves, by its file. */
  worker(): Promise<number>;
  /** All that its daemons logged. */
  logged(): Promise<Event[]>;
  /** Replaces the installed files, which are gone for a while. */
  upgrade(): Promise<void>;
  ask(key: string): Promise<string>;
  /** What systemd and all processes said, for a failure. */
  said(): Promise<string>;
}

const LOGGED = '[Service]\nStandardOutput=append:/var/log/smmap\nStandardError=append:/var/log/smmap\n';

/** Starts a systemd that has the units, and drop-ins of the test; the service is not started yet. It ends with the test. */
export async function makeService(atEnd: AtEnd, dropIns: Readonly<Record<string, string>> = {}): Promise<Service> {
  const folder = await makeTrustedFolder();
  const at = (...names: string[]): string => join(folder, ...names);
  for (const name of ['etc', 'local/bin', 'local/lib/smmap', 'sockets', 'log'])
    await mkdir(at(name), { recursive: true });
  await install(at('local/lib/smmap'));
  await symlink(`../lib/node/${basename(process.execPath)}`, at('local/bin/node'));
  await symlink('../lib/smmap/dist/main.js', at('local/bin/smmap'));
  await symlink('../lib/smmap/systemd/smmap-keeper', at('local/bin/smmap-keeper'));
  const etc: Record<string, string> = {
    group: 'root:x:0:\nsmmap:x:59010:\npostfix:x:59011:\n',
    'smmap/smmap.toml': '',
    'systemd/system/sysinit.target': '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n',
    'systemd/system/smmap.service.d/test.conf': LOGGED,
    'systemd/system/smmap@.service.d/test.conf': LOGGED,
  };
  for (const name of ['smmap.service', 'smmap.socket']) {
    etc[`systemd/system/${name}`] = await readFile(join(ROOT, 'systemd', name), 'utf8');
  }
  for (const [name, text] of Object.entries(dropIns)) etc[`systemd/system/${name}`] = text;
  const init: Init = await startInit({
    folder,
    etc,
    mounts: [
      { at: '/usr/local', from: 'local' },
      { at: '/usr/local/lib/smmap/node_modules', from: join(ROOT, 'node_modules') },
      { at: '/usr/local/lib/node', from: dirname(process.execPath) },
      { at: '/var/lib', from: 'tmpfs' },
      { at: '/var/log', from: 'log' },
      { at: '/run/smmap', from: 'sockets' },
    ],
  });
  atEnd(async () => {
    await init.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const socket = at('sockets/smmap.sock');
  const log = async (): Promise<string> => readFile(at('log/smmap'), 'utf8').catch(() => '');
  return {
    folder,
    sockets: at('sockets'),
    socket,
    configure: (text) => writeFile(at('etc/smmap/smmap.toml'), text),
    systemctl: (...args) => init.run('systemctl', ...args),
    run: (file, ...args) => init.run(file, ...args),
    async property(name) {
      return (await init.run('systemctl', 'show', '--value', '-p', name, 'smmap.service')).stdout.trim();
    },
    worker: async () => Number.parseInt(await readFile(at('sockets/worker'), 'utf8'), 10),
    async logged() {
      const lines = (await log()).split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
      return lines.map((line) => JSON.parse(line) as Event);
    },
    async upgrade() {
      await rename(at('local/lib/smmap/dist'), at('local/lib/smmap/old'));
      await sleep(700);
      await rm(at('local/lib/smmap/old'), { recursive: true });
      await cp(join(ROOT, 'dist'), at('local/lib/smmap/dist'), { recursive: true });
    },
    ask: (key) => askOnce(socket, 'mailbox', key),
    said: async () => init.log() + (await log()),
  };
}

/** As npm lays it out. */
async function install(folder: string): Promise<void> {
  for (const name of ['dist', 'systemd', 'package.json'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await mkdir(join(folder, 'node_modules'));
}

/** Waits until something is so. */
export function until(isSo: () => Promise<boolean>): Promise<boolean> {
  return vi.waitUntil(isSo, { timeout: WAIT_MS, interval: 50 });
}
