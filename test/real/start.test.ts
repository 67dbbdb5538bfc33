// How the daemon starts and ends, whatever comes in between.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, closeSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { LONG } from '../support/long.ts';
import { findMariadb } from '../support/mariadb.ts';
import { findPostgresql } from '../support/postgresql.ts';
import { askOnce, connectTo, request } from './client.ts';
import { run } from './command.ts';
import { MAIN, copyProgram, makeFolder, serve } from './daemon.ts';
import { PARTS, describePart, findPrograms, together } from './part.ts';

const FRED = 'fred@example.org';
const WAIT = { timeout: 20_000, interval: 5 };

function configOf(folder: string, rest = ''): string {
  return `
    listen.mta.path = "${folder}/smmap.sock"
    store.fixed = { driver = "memory", mailboxes = ["${FRED}"] }
    map.mailbox.stores = ["fixed"]
    ${rest}`;
}

/** A database that takes connections and says nothing. */
async function hangingDatabase(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `postgresql://smmap@127.0.0.1:${(server.address() as AddressInfo).port}/mail`;
}

describe('a start', () => {
  test('survives an early SIGHUP, and reloads for one that came after its configuration was read', async () => {
    const folder = await makeFolder();
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder));
    const startedAt = performance.now();
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', join(folder, 'smmap.toml')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const caught = (): boolean => {
      const mask = /^SigCgt:\s*(\S+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '0';
      return (BigInt(`0x${mask}`) & 1n) === 1n;
    };
    await vi.waitUntil(caught, { ...WAIT, interval: 1 });
    const heardAfter = performance.now() - startedAt;
    while (!said.includes('"started"')) {
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
      child.kill('SIGHUP');
      await sleep(2);
    }
    const startedAfter = performance.now() - startedAt;
    process.stderr.write(
      `SIGHUP is heard after ${heardAfter.toFixed()} ms, started after ${startedAfter.toFixed()} ms\n`,
    );
    expect(heardAfter).toBeLessThan(0.75 * startedAfter); // before smmap itself is loaded
    await vi.waitUntil(() => said.includes('"reloaded"'), WAIT);
    expect(await askOnce(join(folder, 'smmap.sock'), 'mailbox', FRED)).toBe(`OK ${FRED}`);
  });

  test('ends with 73 if a listener cannot be opened, even while a store connects', async () => {
    const folder = await makeFolder();
    const config = `
      control.path = "${folder}/missing/control.sock"
      store.first = { driver = "postgresql", url = "${await hangingDatabase()}", schema = "users" }`;
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder, config));
    const ended = await run(process.execPath, [MAIN, 'serve', '--config', join(folder, 'smmap.toml')], {
      limit: 10_000,
    });
    expect(ended).toMatchObject({ code: 73, stderr: expect.stringContaining('its folder does not exist') as string });
    expect(readdirSync(folder)).toEqual(['smmap.toml']);
  });

  test('ends at once at a signal, at any moment, and leaves no files behind', async () => {
    const folder = await makeFolder();
    const url = await hangingDatabase();
    const store = `store.far = { driver = "postgresql", url = "${url}", schema = "users" }`;
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder, store));
    for (let afterMs = 50; afterMs < 600; afterMs += 50) {
      const child = spawn(process.execPath, [MAIN, 'serve', '--config', join(folder, 'smmap.toml')], {
        stdio: 'ignore',
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      await sleep(afterMs);
      const askedAt = performance.now();
      child.kill('SIGTERM');
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      expect([0, 'SIGTERM']).toContain(code ?? signal);
      expect(performance.now() - askedAt).toBeLessThan(3_000);
      expect(readdirSync(folder)).toEqual(['smmap.toml']);
    }
  });
});

describePart('a start over a real PostgreSQL', findPostgresql(PARTS), (installation) => {
  test('ends with 78 if the package of another store is missing, and connects to no server', async () => {
    const server = await installation.start();
    onTestFinished(() => server.stop());
    const folder = await makeFolder();
    const main = await copyProgram(/^mysql2$/);
    const config = `
      store.first = { driver = "postgresql", url = "${server.url()}", mailbox = "select :address as address" }
      store.second = { driver = "mysql", url = "mysql://smmap@127.0.0.1:1/mail", schema = "users" }`;
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder, config));
    const ended = await run(process.execPath, [main, 'serve', '--config', join(folder, 'smmap.toml')], {
      limit: 10_000,
    });
    expect(ended).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(
        /^smmap: the package mysql2 is not installed: npm install --prefix \/\S+ mysql2\n$/,
      ) as string,
    });
  });
});

const databases = together({ postgresql: findPostgresql(PARTS), mariadb: await findMariadb(PARTS) });

describePart('a daemon whose program files are replaced while it runs', databases, ({ postgresql, mariadb }) => {
  test('answers, connects, fails, reloads and stops as before', async () => {
    const servers = await Promise.all([postgresql.start(), mariadb.start()]);
    for (const server of servers) {
      onTestFinished(() => server.stop());
      await server.kill();
    }
    await servers[1].restart();
    await servers[1].sql('create database if not exists mail');
    await servers[1].kill();
    const folder = await makeFolder();
    const main = await copyProgram(
      /^$/,
      /^(pg.*|mysql2|iconv-lite|safer-buffer|sql-escaper|sqlstring|named-placeholders)$/,
    );
    const anybody = 'mailbox = "select :address as address"';
    const drivers = `
      store.embedded = { driver = "embedded", path = "${folder}/store" }
      store.postgresql = { driver = "postgresql", url = "${servers[0].url()}", ${anybody} }
      store.mysql = { driver = "mysql", url = "${servers[1].url('mail')}", ${anybody} }
      map.embedded.stores = ["embedded"]
      map.postgresql.stores = ["postgresql"]
      map.mysql.stores = ["mysql"]`;
    const daemon = await serve({ folder, main, config: configOf(folder, drivers) });
    rmSync(dirname(main), { recursive: true });
    rmSync(join(dirname(dirname(main)), 'node_modules'), { recursive: true });
    for (const server of servers) await server.restart();
    for (const map of ['postgresql', 'mysql']) {
      const ask = async (): Promise<string> => await askOnce(daemon.socket, map, FRED);
      await vi.waitUntil(async () => (await ask()) === `OK ${FRED}`, WAIT);
    }
    expect(await askOnce(daemon.socket, 'mailbox', FRED)).toBe(`OK ${FRED}`);
    expect(await askOnce(daemon.socket, 'embedded', FRED)).toBe('TEMP lookup failed');
    expect(await askOnce(`${daemon.socket}.control`, 'stores', '')).toMatch(/^OK /);
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder, `${drivers}\nmap.more = {}`));
    daemon.signal('SIGHUP');
    await daemon.logged('reloaded');
    expect(await askOnce(daemon.socket, 'more', FRED)).toBe(`OK ${FRED}`);
    expect(await daemon.stop()).toBe(0);
  });

  test('refuses a configuration with a driver that it cannot load any more, and goes on', async () => {
    const folder = await makeFolder();
    const main = await copyProgram();
    const daemon = await serve({ folder, main, config: configOf(folder) });
    rmSync(dirname(main), { recursive: true });
    writeFileSync(
      join(folder, 'smmap.toml'),
      configOf(
        folder,
        'store.far = { driver = "postgresql", url = "postgresql://smmap@127.0.0.1:1/mail", schema = "users" }',
      ),
    );
    daemon.signal('SIGHUP');
    const refused = await daemon.logged('reload_refused');
    expect(refused['cause']).toMatch(/^unexpected error: .*postgresql/);
    expect(refused['err']).toMatchObject({ stack: expect.any(String) as string });
    expect(await askOnce(daemon.socket, 'mailbox', FRED)).toBe(`OK ${FRED}`);
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder, 'map.more = {}'));
    daemon.signal('SIGHUP');
    await daemon.logged('reloaded');
  });
});

test('a file of smmap that is missing is not taken for a package', async () => {
  const folder = await makeFolder();
  const main = await copyProgram();
  const chunks = join(dirname(main), 'chunks');
  const lost = readdirSync(chunks).filter((name) => name.startsWith('store-driver-postgresql-driver-'));
  for (const name of lost) rmSync(join(chunks, name));
  const config = join(folder, 'smmap.toml');
  const far = 'store.far = { driver = "postgresql", url = "postgresql://smmap@127.0.0.1:1/mail", schema = "users" }';
  writeFileSync(config, configOf(folder, far));
  const { code, stderr } = await run(process.execPath, [main, 'serve', '--config', config], { limit: 10_000 });
  expect([code, stderr]).toEqual([70, expect.stringContaining(`Cannot find module '${chunks}/${lost[0]}'`)]);
  expect(stderr).not.toContain('npm install');
});

describe('a log without a reader', () => {
  test('does not block replies, SIGTERM or a second signal', async () => {
    for (const signals of [['SIGTERM'], ['SIGTERM', 'SIGINT']] as const) {
      const folder = await makeFolder();
      const fifo = join(folder, 'log');
      execFileSync('mkfifo', [fifo]);
      const fd = openSync(fifo, 'r+');
      onTestFinished(() => closeSync(fd));
      writeFileSync(join(folder, 'smmap.toml'), configOf(folder, 'limits.stop_ms = 60_000'));
      const child = spawn(process.execPath, [MAIN, 'serve', '--config', join(folder, 'smmap.toml')], {
        stdio: ['ignore', fd, 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const path = join(folder, 'smmap.sock');
      await vi.waitUntil(() => existsSync(path), WAIT);
      const client = await connectTo(path);
      onTestFinished(() => client.close());
      const asked = 3_000; // each of them is a line of some 150 bytes, and a pipe takes 64 KiB
      for (let at = 0; at < asked; at++) client.socket.write(request('mailbox', `nobody${at}@example.org`));
      await vi.waitUntil(() => client.replies.length === asked, WAIT);
      expect(new Set(client.replies)).toEqual(new Set(['NOTFOUND ']));
      const askedAt = performance.now();
      const exited = once(child, 'exit');
      for (const signal of signals) {
        child.kill(signal);
        await client.ended;
      }
      if (signals.length === 1) client.close();
      expect(await exited).toEqual([signals.length === 1 ? 0 : 75, null]);
      expect(performance.now() - askedAt).toBeLessThan(4_000);
    }
  });

  test('says how many lines are missing when somebody reads it later', LONG, async () => {
    const folder = await makeFolder();
    writeFileSync(join(folder, 'smmap.toml'), configOf(folder));
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', join(folder, 'smmap.toml')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const path = join(folder, 'smmap.sock');
    await vi.waitUntil(() => existsSync(path), WAIT);
    const client = await connectTo(path);
    onTestFinished(() => client.close());
    const asked = 40_000;
    const key = `${'x'.repeat(900)}@example.org`; // 40 MB of log, of which 16 find room
    const some = Buffer.concat(Array.from({ length: 1_000 }, () => request('mailbox', key)));
    for (let at = 1_000; at <= asked; at += 1_000) {
      client.socket.write(some);
      await vi.waitUntil(() => client.replies.length === at, WAIT);
    }
    expect(new Set(client.replies)).toEqual(new Set(['NOTFOUND ']));
    let lines = 0;
    let lost = 0;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const read = (rest + text).split('\n');
      rest = read.pop() as string;
      for (const line of read) {
        const event = JSON.parse(line) as { event: string; lines: number };
        if (event.event === 'refused') lines++;
        if (event.event === 'log_lost') lost += event.lines;
      }
    });
    await vi.waitUntil(() => lost > 0 && lines + lost === asked, WAIT);
  });
});

describePart(
  'root at a terminal',
  findPrograms('script of util-linux', PARTS, 'script', ['usr/bin'], ['script']),
  ({ bin }) => {
    test('is told that the daemon needs no root, and a log that is no terminal is not', async ({ skip }) => {
      if (process.getuid?.() !== 0) skip('only root is told');
      const serving = [
        MAIN,
        'serve',
        '--config',
        '/dev/null',
        '--listen',
        'unix:/missing/smmap.sock',
        '--store',
        await makeFolder(),
      ];
      const typed = [process.execPath, ...serving].join(' ');
      const { stdout } = await run(join(bin, 'script'), ['-qec', typed, '/dev/null']);
      expect(stdout).toMatch(/^smmap: runs as root, .* systemctl enable --now smmap [^]*cannot listen on/);
      const { stderr } = await run(process.execPath, serving);
      expect(stderr).toMatch(/^smmap: cannot listen on/);
    });
  },
);
