import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../support/config.ts';
import { askOnce, connectTo } from './client.ts';
import { run } from './command.ts';
import { MAIN, makeFolder, serve } from './daemon.ts';
import { type Missing, describePart } from './part.ts';

const UNITS = fileURLToPath(new URL('../../systemd/', import.meta.url));
/** The highest exposure of each service, of 10, as systemd-analyze rates it. */
const EXPOSURE = [
  ['smmap.service', [], 1.5],
  ['smmap.service with postfix-group.conf', ['postfix-group.conf'], 1.6],
  ['smmap.service with local-stores.conf', ['local-stores.conf'], 1.1],
  ['smmap.service with local-stores.conf and postfix-group.conf', ['local-stores.conf', 'postfix-group.conf'], 1.4],
  ['smmap.service with apparmor.conf', ['apparmor.conf'], 1.5],
  ['smmap.service with passwords.conf', ['passwords.conf'], 1.5],
  ['smmap.service with no-network.conf', ['no-network.conf'], 0.7],
] as const;
const DEFAULTS = parseConfig('', 'defaults', { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' });
const WAIT = { timeout: 20_000, interval: 10 };

function program(name: string): { name: string } | Missing {
  const found = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, name)));
  return found ? { name } : { name: 'systemd', missing: `there is no ${name}, which is part of systemd` };
}

/** The units as they are, but for the command: a machine that tests smmap has not installed it. */
async function copyUnits(dropIns: readonly string[] = []): Promise<Record<'service' | 'socket' | 'instance', string>> {
  const folder = await makeFolder();
  const service = join(folder, 'smmap.service');
  const socket = join(folder, 'smmap.socket');
  const instance = join(folder, 'smmap@.service');
  for (const file of [service, instance]) {
    const text = readUnit(basename(file));
    expect(text).toMatch(/^ExecStart=smmap-keeper smmap serve --takeover --config \/etc\/smmap\/(?:smmap|%i)\.toml$/m);
    const installed = text.replace(/^ExecStart=smmap-keeper/m, `ExecStart=${join(UNITS, 'smmap-keeper')}`);
    writeFileSync(file, installed.replace(/^ExecReload=smmap/m, `ExecReload=${MAIN}`));
  }
  mkdirSync(`${service}.d`);
  for (const name of dropIns) writeFileSync(join(`${service}.d`, name), readUnit(name));
  writeFileSync(socket, readUnit('smmap.socket'));
  return { service, socket, instance: instance.replace('@', '@two') };
}

function readUnit(name: string): string {
  return readFileSync(join(UNITS, name), 'utf8');
}

/** The last value of a setting. */
function setting(unit: string, key: string): string | undefined {
  return [...readUnit(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].at(-1)?.[1];
}

test('smmap.service allows descriptors for all connections and a reserve', () => {
  const room = DEFAULTS.limits.hardConnections + 1_000;
  expect(Number(setting('smmap.service', 'LimitNOFILE'))).toBeGreaterThanOrEqual(room);
});

test('the service uses the default folders of smmap', () => {
  expect(`/run/${setting('smmap.service', 'RuntimeDirectory')}/smmap.sock`).toBe(
    setting('smmap.socket', 'ListenStream'),
  );
  expect(setting('smmap.socket', 'ListenStream')).toBe('/run/smmap/smmap.sock');
  expect(setting('smmap.service', 'StateDirectory')).toBe('smmap');
  expect(readUnit('tmpfiles.conf')).toMatch(/^d \/var\/lib\/smmap 0750 smmap smmap -$/m);
});

test('smmap@.service has each setting of smmap.service, and a configuration and folders of its own', () => {
  const settingsOf = (name: string): readonly string[] =>
    readUnit(name)
      .split('\n')
      .filter((line) => /^[[A-Z]/.test(line));
  const own = (line: string): string =>
    line
      .replace('smmap.toml', '%i.toml')
      .replace(/^ExecReload=.*/, '$& --config /etc/smmap/%i.toml')
      .replace(/^(RuntimeDirectory|StateDirectory)=smmap$/, '$&-%i')
      .replace(/^Description=.*/, '$& (%i)');
  expect(settingsOf('smmap@.service')).toEqual(settingsOf('smmap.service').map(own));
});

describePart('systemd-analyze', program('systemd-analyze'), ({ name }) => {
  test('reports nothing about the units', async () => {
    const { service, socket, instance } = await copyUnits();
    expect(await run(name, ['verify', '--man=no', service, socket, instance])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('finds an unknown setting, so no report means no mistake', async () => {
    const { service } = await copyUnits();
    writeFileSync(service, readFileSync(service, 'utf8').replace('[Service]', '[Service]\nNoSuchSetting=yes'));
    expect((await run(name, ['verify', '--man=no', service])).stderr).toContain('NoSuchSetting');
  });

  test.for(EXPOSURE)(
    'rates the exposure of %s within its limit, and reports nothing about it',
    async ([, dropIns, most]) => {
      const { service } = await copyUnits(dropIns);
      const { stdout } = await run(name, ['security', '--offline=true', '--no-pager', service]);
      const exposure = Number(/Overall exposure level for smmap\.service: ([\d.]+) /.exec(stdout)?.[1]);
      expect(exposure, stdout).toBeLessThanOrEqual(most);
      expect(await run(name, ['verify', '--man=no', service])).toEqual({ code: 0, stdout: '', stderr: '' });
    },
  );

  test('counts nothing for which smmap.service does not give the reason', async () => {
    const { service } = await copyUnits();
    const { stdout } = await run(name, ['security', '--offline=true', '--json=short', service]);
    const rated = JSON.parse(stdout) as { name: string; exposure: string | null }[];
    const counted = rated.filter(({ exposure }) => exposure !== null).map((each) => each.name);
    const given = /^# What `systemd-analyze security` still counts[^]*?^$/m.exec(readUnit('smmap.service'))?.[0] ?? '';
    const explained = [...given.matchAll(/^# (\w+=.*?): /gm)].flatMap(([, names = '']) => names.split(', '));
    expect(explained.toSorted()).toEqual(counted.toSorted());
  });
});

describePart('systemd-sysusers', program('systemd-sysusers'), ({ name }) => {
  test('would make the user and the group of the service', async () => {
    const root = await makeFolder();
    const { code, stderr } = await run(name, ['--dry-run', `--root=${root}`, join(UNITS, 'sysusers.conf')]);
    expect(code).toBe(0);
    expect(stderr).toMatch(new RegExp(`^Creating group '${setting('smmap.service', 'Group')}' `, 'm'));
    expect(stderr).toMatch(new RegExp(`^Creating user '${setting('smmap.service', 'User')}' `, 'm'));
  });
});

describePart('systemd-tmpfiles', program('systemd-tmpfiles'), ({ name }) => {
  test('makes the folder of the store, and reports nothing', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can give folders away');
    const root = await makeFolder();
    execFileSync('mkdir', ['-p', join(root, 'etc'), join(root, 'var/lib')]);
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nsmmap:x:990:991::/:/bin/false\n');
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nsmmap:x:991:\n');
    execFileSync('mkdir', ['-m', '750', join(root, 'var/lib/smmap')]);
    const data = join(root, 'var/lib/smmap/smmap.mdb');
    writeFileSync(data, '', { mode: 0o640 }); // by root, before the folder belonged to smmap
    const made = await run(name, ['--create', `--root=${root}`, join(UNITS, 'tmpfiles.conf')]);
    expect(made).toEqual({ code: 0, stdout: '', stderr: '' });
    const { uid, gid, mode } = lstatSync(join(root, 'var/lib/smmap'));
    expect([uid, gid, mode & 0o777]).toEqual([990, 991, 0o750]);
    const file = lstatSync(data);
    expect([file.uid, file.gid, file.mode & 0o777]).toEqual([990, 991, 0o640]);
  });
});

describePart('systemd-socket-activate', program('systemd-socket-activate'), ({ name }) => {
  const activate = (folder: string, fdName: string): Parameters<typeof serve>[0] => ({
    folder,
    under: [name, `--fdname=${fdName}`, '-l', join(folder, 'smmap.sock')],
    config: `
      listen.mta.systemd = "smmap"
      store.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`,
  });

  test('passes a socket to the daemon, which answers on it and leaves it when it stops', async () => {
    const folder = await makeFolder();
    const path = join(folder, 'smmap.sock');
    const starting = serve(activate(folder, 'smmap'));
    const first = await vi.waitFor(() => connectTo(path), WAIT); // this one starts the daemon
    onTestFinished(() => first.close());
    expect(await first.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    const daemon = await starting;
    expect(await askOnce(path, 'mailbox', 'nobody@example.org')).toBe('NOTFOUND ');
    first.close();
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  test('keeps the socket across reloads without it and with it, and across refused reloads', async () => {
    const folder = await makeFolder();
    const path = join(folder, 'smmap.sock');
    const starting = serve(activate(folder, 'smmap'));
    const first = await vi.waitFor(() => connectTo(path), WAIT);
    onTestFinished(() => first.close());
    const daemon = await starting;
    const inodeOfFd3 = (): string => readlinkSync(`/proc/${daemon.pid}/fd/3`);
    const passedIn = inodeOfFd3();
    const reload = async (listeners: string): Promise<string> => {
      const before = daemon.log.length;
      writeFileSync(
        join(folder, 'smmap.toml'),
        `${listeners}\nstore.fixed = { driver = "memory", mailboxes = ["fred@example.org"] }`,
      );
      daemon.signal('SIGHUP');
      const event = await vi.waitUntil(
        () => daemon.log.slice(before).find((line) => line.event.startsWith('reload')),
        WAIT,
      );
      return event.event;
    };
    const held = 'listen.mta.systemd = "smmap"';
    const own = `listen.own.path = "${folder}/own.sock"`;
    const bad = `control.path = "${folder}/missing/control.sock"`;
    for (let round = 0; round < 5; round++) {
      expect(await reload(own)).toBe('reloaded');
      const connected = await connectTo(path);
      await connected.ended; // nobody answers there now, and says so
      connected.close();
      expect(inodeOfFd3()).toBe(passedIn);
      const others = await Promise.all(Array.from({ length: 5 }, () => connectTo(`${folder}/own.sock`))); // would have its number
      expect(await reload(`${held}\n${own}\n${bad}`)).toBe('reload_refused');
      expect(inodeOfFd3()).toBe(passedIn);
      expect(await reload(held)).toBe('reloaded');
      expect(inodeOfFd3()).toBe(passedIn);
      expect(await askOnce(path, 'mailbox', 'fred@example.org')).toBe('OK fred@example.org');
      for (const other of others) other.close();
    }
    expect(await first.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(daemon.log.filter(({ event }) => event === 'accept_failed')).toEqual([]);
  });

  test('causes an error with both names if it passes a socket with another name', async () => {
    const folder = await makeFolder();
    const path = join(folder, 'smmap.sock');
    const starting = serve(activate(folder, 'other')).catch((error: unknown) => String(error));
    const first = await vi.waitFor(() => connectTo(path), WAIT);
    expect(await starting).toMatch(
      /ended with 73: .*did not pass the socket "smmap" \(it passed other\).*FileDescriptorName=smmap/s,
    );
    first.close();
  });
});
