import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readLedger } from '../../src/observe/shadow/file.ts';
import { connectTo } from './client.ts';
import { type Daemon, cli, makeFolder, serve } from './daemon.ts';

const WRITTEN_MS = 4_000; // records are written every two seconds

const stateOf = (folder: string): string => join(folder, 'state');
const fileOf = (folder: string): string => join(stateOf(folder), 'shadow.jsonl');

function start(folder: string, config: string, args: readonly string[] = []): Promise<Daemon> {
  return serve({ folder, config, args, under: ['env', `STATE_DIRECTORY=${stateOf(folder)}`] });
}

async function reload(daemon: Daemon, config: string): Promise<void> {
  await writeFile(join(daemon.folder, 'smmap.toml'), config);
  const { code, stderr } = await cli(['reload', '--config', join(daemon.folder, 'smmap.toml')]);
  if (code !== 0) throw new Error(stderr);
}

async function clientOf({ socket }: Daemon) {
  const client = await connectTo(socket);
  onTestFinished(() => client.close());
  return client;
}

/** Waits until a key is in the file. */
function written(folder: string, key: string): Promise<boolean> {
  const has = (): boolean => readFileSync(fileOf(folder), 'utf8').includes(key);
  return vi.waitUntil(
    () => {
      try {
        return has();
      } catch {
        return false;
      }
    },
    { timeout: WRITTEN_MS, interval: 50 },
  );
}

/** A configuration over mailboxes that the daemon itself has. */
const configOf = (folder: string, map: string, rest = ''): string =>
  `${rest}
[listen.mta]
path = "${join(folder, 's')}"
[store.fixed]
driver = "memory"
mailboxes = ["fred@example.org"]
[map.mailbox]
${map}
`;

describe('a map with shadow = "accept"', () => {
  test('refuses nobody; after a reload without shadow it refuses at once', async () => {
    const folder = await makeFolder();
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"'));
    const client = await clientOf(daemon);
    expect(await client.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
    expect(await client.ask('mailbox', 'no address')).toBe('OK no address');
    expect(await client.ask('mailbox', 'user-without-domain')).toBe('OK user-without-domain');
    expect(await daemon.logged('would_refuse')).toMatchObject({
      key: 'joe@example.org',
      reply: 'OK',
      would: 'NOTFOUND',
    });
    expect(daemon.log.filter(({ event }) => event === 'refused' || event === 'deferred')).toEqual([]);
    await reload(daemon, configOf(folder, ''));
    expect(await client.ask('mailbox', 'joe@example.org')).toBe('NOTFOUND ');
    expect(await client.ask('mailbox', 'user-without-domain')).toMatch(/^TEMP /);
    expect(await client.ask('nosuch', 'joe@example.org')).toMatch(/^TEMP /);
  });

  test('keeps its records over a restart and a kill -9', async () => {
    const folder = await makeFolder();
    const config = configOf(folder, 'shadow = "accept"');
    const first = await start(folder, config);
    await (await clientOf(first)).ask('mailbox', 'restarted@example.org');
    await first.stop('SIGINT');
    expect(readFileSync(fileOf(folder), 'utf8')).toContain('restarted@example.org');
    const second = await start(folder, config);
    await (await clientOf(second)).ask('mailbox', 'killed@example.org');
    await written(folder, 'killed@example.org');
    await second.kill();
    const third = await start(folder, config);
    await (await clientOf(third)).ask('mailbox', 'killed@example.org');
    await third.stop('SIGINT');
    const text = readFileSync(fileOf(folder), 'utf8');
    expect(text.match(/killed@example\.org/g)).toHaveLength(2);
    expect(text).toContain('restarted@example.org');
  });

  test('has one report of all workers, with what they were asked just before a stop', async () => {
    const folder = await makeFolder();
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"', 'workers = 2'));
    const names = Array.from({ length: 12 }, (_, at) => `nobody-${at}@example.org`);
    const clients = await Promise.all(names.map(() => clientOf(daemon)));
    for (const name of [...names, 'fred@example.org']) {
      const replies = await Promise.all(clients.map((client) => client.ask('mailbox', name)));
      expect(replies).toEqual(clients.map(() => `OK ${name}`));
    }
    await daemon.stop('SIGINT');
    const workers = new Set(daemon.log.filter(({ event }) => event === 'would_refuse').map((line) => line['worker']));
    expect(workers).toEqual(new Set([1, 2]));
    const { records, hours } = await readLedger(fileOf(folder));
    expect(Array.from(records, ({ key, count }) => [key, count])).toEqual(
      expect.arrayContaining(names.map((name) => [name, clients.length])),
    );
    expect(Array.from(hours).reduce((sum, { asked }) => sum + asked, 0)).toBe((names.length + 1) * clients.length);
  });

  test('accepts at the deadline, and never later; without shadow it defers', async () => {
    const folder = await makeFolder();
    const hung = createServer((socket) => void socket.on('error', () => {})).listen(join(folder, 'hung'));
    onTestFinished(() => void hung.close());
    const config = (map: string): string => `
limits.deadline_ms = 1_000
[listen.mta]
path = "${join(folder, 's')}"
[store.hung]
driver = "socketmap"
server = "unix:${join(folder, 'hung')}"
canary = { mailbox = "canary@example.org" }
timeout_ms = 9_000
[map.mailbox]
${map}
`;
    const daemon = await start(folder, config('shadow = "accept"'));
    const client = await clientOf(daemon);
    const since = performance.now();
    expect(await client.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(performance.now() - since).toBeLessThan(1_150 + 3_000); // 1.15 deadlines, and a busy machine
    expect(await daemon.logged('would_defer')).toMatchObject({ cause: 'deadline passed', reply: 'OK', would: 'TEMP' });
    await reload(daemon, config(''));
    expect(await client.ask('mailbox', 'fred@example.org')).toMatch(/^TEMP /);
  });

  test('accepts also if there are too many connections', async () => {
    const folder = await makeFolder();
    const limits = '[limits]\nsoft_connections = 1\nhard_connections = 10\n';
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"', limits));
    const [one, two] = [await clientOf(daemon), await clientOf(daemon)];
    expect(await one.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(await two.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(await daemon.logged('would_defer')).toMatchObject({ cause: 'too many connections' });
    await reload(daemon, configOf(folder, '', limits));
    expect(await two.ask('mailbox', 'fred@example.org')).toBe('TEMP too many connections');
  });

  test('accepts nobody any more on old connections once a daemon without shadow has taken over', async () => {
    const folder = await makeFolder();
    const old = await start(folder, configOf(folder, 'shadow = "accept"'));
    const client = await clientOf(old);
    expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
    await start(folder, configOf(folder, ''), ['--takeover']);
    await expect.poll(() => client.ask('mailbox', 'joe@example.org')).toBe('NOTFOUND ');
    expect(await client.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
  });

  test('goes on if its records cannot be written, and says so once', async () => {
    const folder = await makeFolder();
    await writeFile(stateOf(folder), 'a file in the place of the folder');
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"'));
    const client = await clientOf(daemon);
    await daemon.logged('shadow_unwritable');
    for (const key of ['a@example.org', 'b@example.org']) {
      expect(await client.ask('mailbox', key)).toBe(`OK ${key}`);
      await sleep(2_200);
    }
    expect(daemon.log.filter(({ event }) => event === 'shadow_unwritable')).toHaveLength(1);
  });
});

test('a map with the name of another map as its shadow is compared with it, and refuses nobody', async () => {
  const folder = await makeFolder();
  const both = (map: string): string => `
[listen.mta]
path = "${join(folder, 's')}"
[store.old]
driver = "memory"
mailboxes = ["fred@example.org"]
[store.new]
driver = "memory"
mailboxes = ["joe@example.org"]
[map.old]
stores = ["old"]
[map.mailbox]
stores = ["new"]
${map}
`;
  const daemon = await start(folder, both('shadow = "old"'));
  const client = await clientOf(daemon);
  expect(await client.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('NOTFOUND ');
  expect(await daemon.logged('would_refuse')).toMatchObject({ key: 'fred@example.org', reply: 'OK' });
  expect(await daemon.logged('would_differ')).toMatchObject({ key: 'joe@example.org', reply: 'NOTFOUND', would: 'OK' });
  await reload(daemon, both(''));
  expect(await client.ask('mailbox', 'fred@example.org')).toBe('NOTFOUND ');
});

describe('smmap shadow', () => {
  const DAY_MS = 86_400_000;
  const shadow = (folder: string, ...args: readonly string[]) =>
    cli(['shadow', ...args, '--config', join(folder, 'smmap.toml')], '', { env: { STATE_DIRECTORY: stateOf(folder) } });

  test('report says what a map in shadow would refuse, also while no daemon runs; clear removes it', async () => {
    const folder = await makeFolder();
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"'));
    const client = await clientOf(daemon);
    for (const key of ['fred', 'joe', 'joe', 'postmaster']) await client.ask('mailbox', `${key}@example.org`);
    await client.ask('mailbox', 'nodomain');
    await daemon.stop('SIGINT');
    const { code, stdout, stderr } = await shadow(folder, 'report');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^map mailbox: asked 5 times, in shadow since /);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/\S+Z/g, 'TIME'))).toEqual([
      'map mailbox: asked 5 times, in shadow since TIME',
      ' addresses questions',
      ' look at these first 2 2',
      ' would be refused, look like probes 1 2',
      '',
      'GROUP KEY WOULD REPLY COUNT FIRST LAST WHY',
      expect.stringMatching(/^look (nodomain TEMP|postmaster@example.org NOTFOUND) OK 1 TIME TIME /),
      expect.stringMatching(/^look (nodomain TEMP|postmaster@example.org NOTFOUND) OK 1 TIME TIME /),
      'probe joe@example.org NOTFOUND OK 2 TIME TIME asked only within a minute',
      '',
    ]);
    expect(code).toBe(1);
    expect((await shadow(folder, 'clear')).code).toBe(0);
    expect(await shadow(folder, 'report')).toMatchObject({ code: 65, stdout: '' });
  });

  test('report counts only what was asked since then, of the map that is wanted, and prints JSON', async () => {
    const folder = await makeFolder();
    await writeFile(join(folder, 'smmap.toml'), configOf(folder, ''));
    const now = Date.now();
    const record = { map: 'mailbox', would: 'NOTFOUND', reason: 'absent', reply: 'OK', count: 1, known: true };
    const lines = [
      { map: 'mailbox', hour: now - (now % 3_600_000), asked: 7, unkept: 0 },
      { ...record, key: 'old@example.org', first: now - 3 * DAY_MS, last: now - 2 * DAY_MS },
      { ...record, key: 'new@example.org', first: now - 3 * DAY_MS, last: now },
      { ...record, map: 'other', key: 'other@example.org', first: now, last: now },
    ];
    const file = join(folder, 'records');
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    const report = async (...args: readonly string[]) => {
      const { code, stdout } = await shadow(folder, 'report', '--file', file, '--json', ...args);
      const all = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      return { code, keys: all.flatMap(({ key }) => (key === undefined ? [] : [key])), summary: all.at(-1) };
    };
    expect(new Set((await report()).keys)).toEqual(
      new Set(['new@example.org', 'old@example.org', 'other@example.org']),
    );
    const { code, keys, summary } = await report('--since', '24h', '--map', 'mailbox');
    expect(keys).toEqual(['new@example.org']);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ summary: true, exitCode: 1, maps: [{ map: 'mailbox', asked: 7 }] });
    expect((await report('--limit', '1')).summary).toMatchObject({ leftOut: 2 });
    expect((await shadow(folder, 'report', '--file', file, '--map', 'nosuch')).code).toBe(65);
    expect((await shadow(folder, 'report', '--since', 'yesterday')).code).toBe(64);
  });

  test('report ends with 0 if nothing would be refused, and says so', async () => {
    const folder = await makeFolder();
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"'));
    await (await clientOf(daemon)).ask('mailbox', 'fred@example.org');
    await daemon.stop('SIGINT');
    const { code, stdout } = await shadow(folder, 'report');
    expect([code, stdout]).toEqual([0, expect.stringContaining('nothing would be refused or deferred')]);
  });

  test('report says why there is nothing to report', async () => {
    const folder = await makeFolder();
    await writeFile(join(folder, 'smmap.toml'), configOf(folder, ''));
    expect((await shadow(folder, 'report')).stderr).toContain('no map of');
    await writeFile(join(folder, 'smmap.toml'), configOf(folder, 'shadow = "accept"'));
    expect((await shadow(folder, 'report')).stderr).toContain('there are no records yet of mailbox');
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"'));
    await daemon.stop('SIGINT');
    const { code, stderr } = await shadow(folder, 'report');
    expect([code, stderr]).toEqual([65, expect.stringContaining('nothing was asked')]);
    expect((await shadow(folder, 'report', '--file', folder)).code).toBe(74);
  });

  test('report has hashes where the log has them, and log reveal shows them', async () => {
    const folder = await makeFolder();
    const daemon = await start(folder, configOf(folder, 'shadow = "accept"', 'log.keys = "hash"'));
    await (await clientOf(daemon)).ask('mailbox', 'hidden@example.org');
    await daemon.stop('SIGINT');
    expect(readFileSync(fileOf(folder), 'utf8')).not.toContain('hidden');
    const { stdout, stderr } = await shadow(folder, 'report');
    expect(stderr).toContain('smmap log reveal');
    const options = { env: { STATE_DIRECTORY: stateOf(folder) } };
    const revealed = await cli(['log', 'reveal', '--config', join(folder, 'smmap.toml')], stdout, options);
    expect(revealed.stdout).toContain('hidden@example.org');
  });

  test('smmap check warns of the map, and smmap explain shows what it says', async () => {
    const folder = await makeFolder();
    await start(folder, configOf(folder, 'shadow = "accept"'));
    const config = ['--config', join(folder, 'smmap.toml')];
    expect((await cli(['check', ...config])).stderr).toContain('this map refuses nobody and defers nobody');
    const { code, stdout } = await cli(['explain', ...config, 'joe@example.org']);
    expect(stdout).toMatch(/shadow +the map says NOTFOUND \(absent\); the reply is OK/);
    expect(stdout).toContain('hint');
    expect(code).toBe(0);
    expect((await cli(['explain', '--offline', ...config, 'joe@example.org'])).stdout).toContain(
      'the map says NOTFOUND',
    );
  });
});
