import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { RENEWALS } from '../support/long.ts';
import { readAll } from '../support/server.ts';
import { askOnce, connectTo, request } from './client.ts';
import type { Result } from './command.ts';
import { type Daemon, cli, fill, makeFolder, serve } from './daemon.ts';
import { PARTS, describePart, together } from './part.ts';
import { findPostfix } from './postfix.ts';
import { findSendmail } from './sendmail.ts';

const FRED = 'fred@example.org';

/** A daemon whose configuration can be written anew, and a client that stays connected. */
async function serveConfigured(config: (folder: string) => string) {
  const folder = await makeFolder();
  const daemon = await serve({ folder, config: config(folder) });
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  let told = 0;
  return {
    folder,
    daemon,
    client,
    /** Resolves to the event that says what came of it. */
    reload: async (text: string): Promise<Daemon['log'][number]> => {
      await writeFile(join(folder, 'smmap.toml'), text);
      daemon.signal('SIGHUP');
      const events = (): Daemon['log'] => daemon.log.filter(({ event }) => event.startsWith('reload'));
      while (events().length === told) await sleep(5);
      told++;
      return events().at(-1) as Daemon['log'][number];
    },
  };
}

const listen = (folder: string, rest = ''): string => `[listen.mta]\npath = "${join(folder, 'smmap.sock')}"\n${rest}\n`;
const fixed = (name: string, rest = ''): string =>
  `[store.fixed]\ndriver = "memory"\nmailboxes = ["${name}@example.org"]\n[map.mailbox]\n${rest}\n`;

test('a reload replaces maps, stores, limits and the log level, and keeps connections open', async () => {
  const { folder, daemon, client, reload } = await serveConfigured((dir) => listen(dir) + fixed('fred'));
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('NOTFOUND ');
  const text = `log.level = "debug"\nlimits.reply_bytes = 100\n${listen(folder)}${fixed('joe', 'reply = "address"')}[map.more]\n`;
  expect(await reload(text)).toMatchObject({ event: 'reloaded', listeners: [`unix:${daemon.socket}`] });
  expect(await client.ask('mailbox', FRED)).toBe('NOTFOUND ');
  expect(await client.ask('mailbox', 'JOE@example.org')).toBe('OK joe@example.org');
  expect(await client.ask('more', 'joe@example.org')).toBe('OK joe@example.org');
  await daemon.logged('accepted', ({ map }) => map === 'more');
});

test('smmap reload says what changed after it is in use, or why the reload was refused', async () => {
  const { folder, daemon, client } = await serveConfigured((dir) => listen(dir) + fixed('fred'));
  const reload = async (text: string, socket = daemon.socket): Promise<Result> => {
    await writeFile(join(folder, 'smmap.toml'), text);
    return cli(['reload', '--control', `unix:${socket}.control`]);
  };
  const more = `limits.deadline_ms = 3000\n${listen(folder)}[listen.more]\npath = "${folder}/more.sock"\n`;
  expect(await reload(more + fixed('joe'))).toEqual({
    code: 0,
    stdout: 'listeners: added more\nstores: changed fixed\nlimits: deadline_ms 4000 -> 3000\n',
    stderr: '',
  });
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
  expect(await askOnce(join(folder, 'more.sock'), 'mailbox', 'joe@example.org')).toBe('OK joe@example.org');
  expect((await daemon.logged('reloaded'))['changes']).toHaveLength(3);
  expect((await reload(more + fixed('joe'))).stdout).toBe('nothing has changed\n');

  const kept = 'smmap: the reload was refused, so the old configuration stays in use\n';
  expect(await reload(`${more}${fixed('fred')}replly = "key"\n`)).toEqual({
    code: 78,
    stdout: '',
    stderr: expect.stringMatching(/^smmap: .*smmap\.toml.*replly: is not known; did you mean reply\?\n/) as string,
  });
  expect(await reload(`${more}[listen.no]\npath = "${folder}/missing/x.sock"\n${fixed('fred')}`)).toEqual({
    code: 73,
    stdout: '',
    stderr: expect.stringContaining(`its folder does not exist; make it, or choose another folder\n${kept}`) as string,
  });
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');

  const elsewhere = join(folder, 'elsewhere.sock');
  expect(await reload(`[listen.mta]\npath = "${elsewhere}"\n${fixed('joe')}`)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('listeners: changed mta, removed more\ncontrol: changed socket\n') as string,
  });
  expect((await reload(listen(folder) + fixed('joe'), elsewhere)).code).toBe(0);
});

test('a reload opens an embedded store in another folder, and keeps an unchanged one open', async () => {
  const folder = await makeFolder();
  await fill(join(folder, 'a'), ['fred@example.org']);
  await fill(join(folder, 'b'), ['joe@example.org']);
  const store = (name: string): string => `store.${name} = { driver = "embedded", path = "${join(folder, name)}" }\n`;
  const listening = `limits.deadline_ms = 200\nlisten.mta.path = "${join(folder, 'smmap.sock')}"\n`;
  const daemon = await serve({ folder, config: listening + store('a') });
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  for (const [names, replies] of [
    [
      ['a', 'b'],
      ['OK', 'OK'],
    ],
    [['b'], ['NOTFOUND', 'OK']],
    [['b'], ['NOTFOUND', 'OK']],
    [['a'], ['OK', 'NOTFOUND']],
  ] as const) {
    await writeFile(join(folder, 'smmap.toml'), listening + names.map(store).join(''));
    const before = daemon.log.length;
    daemon.signal('SIGHUP');
    while (!daemon.log.slice(before).some(({ event }) => event === 'reloaded')) await sleep(5);
    const asked = ['fred', 'joe'].map(async (name) => (await client.ask('m', `${name}@example.org`)).split(' ')[0]);
    expect(await Promise.all(asked)).toEqual(replies);
  }
  await sleep(500); // what is gone is closed after the deadline; the file that was opened anew meanwhile is not
  expect(await client.ask('m', FRED)).toBe(`OK ${FRED}`);
  expect(await client.ask('m', 'joe@example.org')).toBe('NOTFOUND ');
  expect(daemon.log.filter(({ event }) => event === 'store_opened').map((line) => line['store'])).toEqual([
    'a',
    'b',
    'a',
  ]);
});

test('a reload opens new listeners, closes removed ones, and changes who may connect to the others', async () => {
  const { folder, daemon, client, reload } = await serveConfigured(
    (dir) => listen(dir, 'mode = "0600"') + fixed('fred'),
  );
  const second = join(folder, 'second.sock');
  const inode = lstatSync(daemon.socket).ino;
  await reload(
    `${listen(folder, 'mode = "0660"')}[listen.second]\npath = "${second}"\nprotocol = "line"\n${fixed('fred')}`,
  );
  expect(lstatSync(daemon.socket).mode).toBe(0o140660);
  expect(lstatSync(daemon.socket).ino).not.toBe(inode); // a socket file is made with its mode, and takes the place of the other
  const line = createConnection(second);
  line.end(`mailbox ${FRED}\n`);
  expect(await readAll(line)).toBe(`OK ${FRED}\n`);
  await reload(`[listen.other]\npath = "${second}"\n${fixed('fred')}`);
  expect(existsSync(daemon.socket)).toBe(false);
  expect(await askOnce(second, 'mailbox', FRED)).toBe(`OK ${FRED}`); // netstrings now
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`); // who came in before stays
});

test.for([
  [
    'a mistake in it',
    (folder: string) => `${listen(folder)}${fixed('joe', 'replly = "key"')}`,
    /replly: is not known; did you mean reply\?/,
  ],
  ['no TOML', () => 'listen = [', /smmap\.toml:1: column 10/],
  [
    'a listener that cannot be had',
    (folder: string) => `${listen(folder)}[listen.no]\npath = "${folder}/none/s.sock"\n${fixed('joe')}`,
    /its folder does not exist/,
  ],
  [
    'a listener in the place of a file',
    (folder: string) => `${listen(folder)}[listen.b]\npath = "${folder}/smmap.toml"\n${fixed('joe')}`,
    /exists already and is not a socket/,
  ],
] as const)('a reload of a configuration with %s changes nothing, and the log says why', async ([, text, cause]) => {
  const { folder, client, reload } = await serveConfigured((dir) => listen(dir, 'mode = "0600"') + fixed('fred'));
  expect(await reload(text(folder))).toMatchObject({
    event: 'reload_refused',
    cause: expect.stringMatching(cause) as string,
  });
  expect(lstatSync(join(folder, 'smmap.sock')).mode).toBe(0o140600);
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('NOTFOUND ');
  expect(await reload(listen(folder) + fixed('joe'))).toMatchObject({ event: 'reloaded' });
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
});

describe('20 refused reloads', () => {
  /** A server that keeps each connection and says nothing, as a database that hangs. */
  async function countConnections(): Promise<{ port: number; open: () => Promise<number> }> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume(); // else the end of the connection would not be seen
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const open = promisify(server.getConnections.bind(server));
    return { port: (server.address() as AddressInfo).port, open };
  }

  test('lose no client, leave no connection of a store open, and log the true cause', async () => {
    const { folder, daemon, reload } = await serveConfigured((dir) => listen(dir) + fixed('fred'));
    const database = await countConnections();
    const url = `postgresql://smmap@127.0.0.1:${database.port}/mail`;
    const refused = `
      listen.moved.path = "${folder}/moved.sock"
      control.path = "${folder}/missing/control.sock"
      store.far = { driver = "postgresql", url = "${url}", schema = "users" }`;
    let asked = 0;
    const failures: string[] = [];
    const over = new AbortController();
    const asking = (async () => {
      while (!over.signal.aborted) {
        asked++;
        const reply = await askOnce(daemon.socket, 'mailbox', FRED).catch(String);
        if (reply !== `OK ${FRED}`) failures.push(reply);
      }
    })();
    const causes = new Set<unknown>();
    for (let round = 0; round < 20; round++) {
      causes.add((await reload(refused))['cause']);
      await sleep(50);
    }
    over.abort();
    await asking;
    process.stderr.write(`20 refused reloads: ${failures.length} of ${asked} connects failed\n`);
    expect(failures).toEqual([]);
    expect([...causes]).toEqual([
      `cannot listen on unix:${folder}/missing/control.sock: its folder does not exist; make it, or choose another folder`,
    ]);
    await vi.waitUntil(async () => (await database.open()) === 0, { timeout: 20_000, interval: 20 });
    await sleep(1_500); // longer than a probe of a store that went on would wait
    expect(await database.open()).toBe(0);
    expect(readdirSync(folder).toSorted()).toEqual(['smmap.sock', 'smmap.sock.control', 'smmap.toml']);
  });
});

describe('a reload that comes too late', () => {
  test('while the daemon stops opens no listener, and the daemon ends', async () => {
    const { folder, daemon, client } = await serveConfigured(
      (dir) => `limits.stop_ms = 60_000\n${listen(dir)}${fixed('fred')}`,
    );
    expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
    const ended = daemon.stop();
    await daemon.logged('stopping');
    await writeFile(
      join(folder, 'smmap.toml'),
      `${listen(folder)}[listen.more]\npath = "${folder}/more.sock"\n${fixed('joe')}`,
    );
    daemon.signal('SIGHUP');
    expect(await daemon.logged('reload_refused')).toMatchObject({ cause: 'the daemon is stopping' });
    await client.ended;
    client.close();
    expect(await ended).toBe(0);
    expect(readdirSync(folder)).toEqual(['smmap.toml']);
  });

  test.for([0, 1, 2, 5, 10, 20])('%i ms before SIGTERM is finished or abandoned', async (beforeMs) => {
    const { folder, daemon, client } = await serveConfigured((dir) => listen(dir) + fixed('fred'));
    client.close();
    const stores = Array.from({ length: 200 }, (_, at) => `store.s${at} = { driver = "memory", mailboxes = [] }\n`);
    const moved = `listen.moved.path = "${folder}/moved.sock"\nstore.last = { driver = "embedded", path = "${folder}/s" }\n`;
    await writeFile(join(folder, 'smmap.toml'), `${moved}${stores.join('')}`);
    daemon.signal('SIGHUP');
    if (beforeMs > 0) await sleep(beforeMs);
    expect(await daemon.stop()).toBe(0);
    expect(readdirSync(folder).filter((name) => name !== 's')).toEqual(['smmap.toml']);
  });

  test('during a handover takes no path back, and the daemon ends', async () => {
    const folder = await makeFolder();
    const config = listen(folder) + fixed('fred');
    const first = await serve({ folder, config });
    const client = await connectTo(first.socket);
    const second = await serve({ folder, config, args: ['--takeover'] });
    await first.logged('handing_over');
    await writeFile(
      join(folder, 'smmap.toml'),
      `${listen(folder)}[listen.more]\npath = "${folder}/more.sock"\n${fixed('fred')}`,
    );
    first.signal('SIGHUP');
    expect(await first.logged('reload_refused')).toMatchObject({ cause: 'the daemon is stopping' });
    expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
    client.close();
    await first.logged('stopped');
    expect(await askOnce(second.socket, 'mailbox', FRED)).toBe(`OK ${FRED}`);
    expect(readdirSync(folder).toSorted()).toEqual(['smmap.sock', 'smmap.sock.control', 'smmap.toml']);
  });
});

test('an old daemon serves its clients until they close, with the answers of the new daemon', async () => {
  const folder = await makeFolder();
  const config = listen(folder) + fixed('fred');
  const first = await serve({ folder, config });
  const client = await connectTo(first.socket);
  const second = await serve({ folder, config: listen(folder) + fixed('joe'), args: ['--takeover'] });
  await first.logged('handing_over');
  expect(await client.ask('mailbox', FRED)).toBe('NOTFOUND ');
  expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
  await second.kill();
  expect(await client.ask('mailbox', FRED)).toBe('TEMP lookup failed');
  const third = await serve({ folder, config });
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
  client.close();
  await first.logged('stopped');
  expect(await askOnce(third.socket, 'mailbox', FRED)).toBe(`OK ${FRED}`);
  expect(await third.stop()).toBe(0);
  expect(existsSync(third.socket)).toBe(false);
});

test('an old daemon refuses no address as soon as a new one has its path', async () => {
  const folder = await makeFolder();
  const first = await serve({ folder, config: listen(folder) + fixed('fred') });
  const client = await connectTo(first.socket);
  onTestFinished(() => client.close());
  const starting = serve({ folder, config: listen(folder) + fixed('joe'), args: ['--takeover'] });
  while ((await askOnce(first.socket, 'mailbox', 'joe@example.org')) === 'NOTFOUND ');
  for (let at = 0; at < 2_000; at++) {
    await sleep(1);
    expect(await client.ask('mailbox', 'joe@example.org')).toBe('OK joe@example.org');
    if (first.log.some(({ event }) => event === 'handing_over')) break;
  }
  await starting;
});

test('an old daemon half-closes after handover_ms', async () => {
  const folder = await makeFolder();
  const config = `limits.handover_ms = 300\n${listen(folder)}${fixed('fred')}`;
  const first = await serve({ folder, config });
  const client = await connectTo(first.socket);
  await serve({ folder, config, args: ['--takeover'] });
  await first.logged('handing_over');
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
  await client.ended;
  client.close();
  await first.logged('stopped');
});

test('a takeover replaces no other file, and a removed path is not a takeover', async () => {
  const folder = await makeFolder();
  const config = listen(folder) + fixed('fred');
  await writeFile(join(folder, 'smmap.sock'), 'precious');
  await expect(serve({ folder, config, args: ['--takeover'] })).rejects.toThrow('exists already and is not a socket');
  expect(readFileSync(join(folder, 'smmap.sock'), 'utf8')).toBe('precious');
  rmSync(join(folder, 'smmap.sock'));

  const daemon = await serve({ folder, config, args: ['--takeover'] }); // from nobody
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  rmSync(daemon.socket);
  await sleep(1_200);
  expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
  expect(daemon.log.some(({ event }) => event === 'handing_over')).toBe(false);
});

test('a takeover with a listener that cannot be opened does not take the path of the old daemon', async () => {
  const folder = await makeFolder();
  const config = listen(folder) + fixed('fred');
  const first = await serve({ folder, config });
  const bad = `${config}[listen.b]\npath = "${folder}/none/s.sock"\n`;
  await expect(serve({ folder, config: bad, args: ['--takeover'] })).rejects.toThrow('ended with 73');
  await sleep(700);
  expect(first.log.some(({ event }) => event === 'handing_over')).toBe(false);
  expect(await askOnce(first.socket, 'mailbox', FRED)).toBe(`OK ${FRED}`);
});

const clients = together({ postfix: await findPostfix(PARTS), sendmail: await findSendmail(PARTS) });

describePart(`across ${RENEWALS} reloads and ${RENEWALS} takeovers`, clients, ({ postfix, sendmail }) => {
  test('a live Sendmail, a live Postfix and a loop of Exim calls lose no lookup', async () => {
    const folder = await makeFolder();
    await fill(join(folder, 'store'), ['fred@example.org']);
    const config = `${listen(folder)}[store.local]\ndriver = "embedded"\npath = "${join(folder, 'store')}"\n[map.mailbox]\n`;
    const daemons = [await serve({ folder, config })];
    const path = join(folder, 'smmap.sock');
    const over = new AbortController();
    const counts = { postfix: 0, sendmail: 0, exim: 0 };
    async function* keys(who: 'postfix' | 'sendmail', end: string): AsyncGenerator<string> {
      while (!over.signal.aborted) {
        counts[who]++;
        yield `${FRED}${end}`;
        await sleep(10);
      }
    }
    const asking = postfix.postmap(['-q', '-', `socketmap:unix:${path}:mailbox`], keys('postfix', '\n'));
    const mapping = sendmail.maps(path, 'mailbox', keys('sendmail', ''), '-T<TMPF> -a<OK>');
    const calling = (async () => {
      const replies = new Set<string>();
      while (!over.signal.aborted) {
        counts.exim++;
        const socket = createConnection(path);
        const all = readAll(socket);
        socket.end(request('mailbox', FRED));
        replies.add(await all);
      }
      return replies;
    })();

    for (let round = 0; round < RENEWALS; round++) {
      const daemon = daemons.at(-1) as Daemon;
      const before = daemon.log.length;
      daemon.signal('SIGHUP');
      while (!daemon.log.slice(before).some(({ event }) => event === 'reloaded')) await sleep(5);
      daemons.push(await serve({ folder, config, args: ['--takeover'] }));
      await daemon.logged('handing_over');
    }
    over.abort();
    const { code, stdout, stderr } = await asking;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n')).toEqual(Array.from({ length: counts.postfix }, () => `${FRED}\t${FRED}`));
    const answers = await mapping;
    expect(new Set(answers.map((answer) => `${answer.code} ${answer.value}`))).toEqual(new Set([`0 ${FRED}<OK>`]));
    expect(answers).toHaveLength(counts.sendmail);
    expect(await calling).toEqual(new Set([`19:OK ${FRED},`]));
    for (const daemon of daemons.slice(0, -1)) await daemon.logged('stopped');
    process.stderr.write(`${RENEWALS} reloads, ${RENEWALS} takeovers: none lost of ${JSON.stringify(counts)}\n`);
  });
});
