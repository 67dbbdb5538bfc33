import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { StoredRecord } from '../../src/record/record.ts';
import { type Answer, ask } from '../support/get.ts';
import { startSmmap } from '../support/smmap.ts';
import { openToWrite } from '../support/sqlite.ts';
import { connectTo } from './client.ts';
import { run } from './command.ts';
import { type Daemon, cli, copyProgram, fill, makeFolder, serve } from './daemon.ts';

const FRED = 'fred@example.org';
const TCP = '[metrics]\ntcp = "127.0.0.1:0"\n';
const WAIT = { timeout: 20_000, interval: 5 };

const STORE = (folder: string): string => `[store.local]\ndriver = "embedded"\npath = "${folder}/store"\n`;

/** A configuration with a listener `mta` and the embedded store in a folder. */
const configOf = (folder: string, rest: string): string =>
  `[listen.mta]\npath = "${folder}/smmap.sock"\n${STORE(folder)}${rest}`;

/** Where the metrics of a daemon are: its newest port. */
async function portOf(daemon: Daemon): Promise<number> {
  await daemon.logged('listening', ({ listener }) => listener === 'metrics');
  const where = String(daemon.log.findLast(({ listener }) => listener === 'metrics')?.['where']);
  return Number(where.split(':').at(-1));
}

/** A daemon that has fred, and serves its metrics on a port. */
async function serveWithFred(rest = '[map.mailbox]\n') {
  const folder = await makeFolder();
  await fill(join(folder, 'store'), [FRED]);
  const daemon = await serve({ folder, config: configOf(folder, TCP + rest) });
  const client = await connectTo(daemon.socket);
  onTestFinished(() => client.close());
  return { folder, daemon, client, port: await portOf(daemon) };
}

/** The value of a metric; null if there is none. */
function valueOf({ text }: Answer, series: string): number | null {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

async function reload(folder: string, text: string): Promise<string> {
  await writeFile(join(folder, 'smmap.toml'), text);
  const { code, stdout, stderr } = await cli(['reload', '--control', `unix:${folder}/smmap.sock.control`]);
  return code === 0 ? stdout : stderr;
}

describe('the pages of [metrics]', () => {
  test('say what was replied, and name no address', async () => {
    const { client, port } = await serveWithFred('[map.mailbox]\nstates = { disabled = "PERM disabled" }\n');
    await client.ask('mailbox', FRED);
    await client.ask('mailbox', 'nobody@example.org');
    await client.ask('mailbox', 'no address@@');
    await client.ask('fred@example.org', FRED);
    const metrics = await ask(port, '/metrics');
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const replied = (result: string, map = 'mailbox') =>
      valueOf(metrics, `smmap_replies_total{map="${map}",listener="mta",result="${result}"}`);
    expect([replied('OK'), replied('NOTFOUND'), replied('TEMP', 'no map')]).toEqual([1, 2, 1]);
    expect(valueOf(metrics, 'smmap_refusals_total{map="mailbox",reason="absent"}')).toBe(1);
    expect(valueOf(metrics, 'smmap_refusals_total{map="mailbox",reason="no_address"}')).toBe(1);
    expect(valueOf(metrics, 'smmap_deferrals_total{map="no map",reason="unknown_map"}')).toBe(1);
    expect(valueOf(metrics, 'smmap_reply_seconds_count{map="mailbox"}')).toBe(3);
    expect(valueOf(metrics, 'smmap_connections')).toBe(1);
    expect(valueOf(metrics, 'smmap_store_records{store="local",kind="mailbox"}')).toBe(1);
    const status = await ask(port, '/status.json');
    expect(JSON.parse(status.text)).toMatchObject({
      healthy: true,
      ready: true,
      connections: 1,
      stores: [{ name: 'local' }],
    });
    for (const { text } of [metrics, status]) expect(text).not.toMatch(/fred|nobody|@/);
  });

  test('are read by GET and HEAD only, one request a connection', async () => {
    const { port } = await serveWithFred();
    const head = await ask(port, '/metrics', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(Number(head.headers['content-length'])).toBeGreaterThan(1_000);
    expect(head.headers.connection).toBe('close');
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await ask(port, '/metrics', { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET, HEAD']);
    }
    for (const path of ['/metrics/', '/constructor', '//metrics', '/../metrics']) {
      expect([path, (await ask(port, path)).status]).toEqual([path, 404]);
    }
    expect((await ask(port, '/health?verbose')).text).toBe('healthy\n');
    const big = await ask(port, '/metrics', { headers: { x: 'y'.repeat(10_000) } });
    expect(big.status).toBe(431);
  });

  test('cannot be held by clients that send nothing: twenty at most, for ten seconds', async () => {
    const { client, port } = await serveWithFred();
    const idle = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    onTestFinished(() => idle.forEach((socket) => socket.destroy()));
    const ended = Promise.all(
      idle.map((socket) => {
        socket.resume().on('error', () => {}); // a reset is an end, too
        return new Promise((resolve) => socket.once('close', resolve));
      }),
    );
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    await sleep(100);
    await expect(ask(port, '/health')).rejects.toThrow();
    expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
    await ended;
    expect((await ask(port, '/health')).status).toBe(200);
  });

  test('are at a socket of their own mode, too', async () => {
    const folder = await makeFolder();
    const place = `[metrics]\npath = "${folder}/metrics"\n`;
    await serve({ folder, config: configOf(folder, place) });
    expect((await ask(join(folder, 'metrics'), '/health')).text).toBe('healthy\n');
  });

  test('are answered while a store hangs, and say so', async () => {
    const [folder, other] = [await makeFolder(), await makeFolder()];
    const hanging = await startSmmap(other);
    onTestFinished(() => hanging.kill());
    const fred: StoredRecord = {
      about: 'mailbox',
      local: 'fred',
      domain: 'example.org',
      value: '',
      state: 'active',
      folders: [],
    };
    const replaceAll = (records: readonly StoredRecord[]): Promise<void> => hanging.fill(records);
    await replaceAll([fred]);
    await hanging.mend();
    const store = `[store.far]\ndriver = "socketmap"\nserver = "unix:${hanging.socket}"\nmailbox = "mailbox"\ncanary.mailbox = "${FRED}"\ntimeout_ms = 2_000\n`;
    const config = `[listen.mta]\npath = "${folder}/smmap.sock"\n${TCP}${store}[map.mailbox]\n`;
    const daemon = await serve({ folder, config });
    const port = await portOf(daemon);
    const server = `{store="far",server="socketmap"}`;
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    expect(await client.ask('mailbox', FRED)).toBe(`OK ${FRED}`);
    expect(valueOf(await ask(port, '/metrics'), `smmap_server_up${server}`)).toBe(1);
    hanging.hang();
    onTestFinished(() => hanging.mend());
    const asked = client.ask('mailbox', FRED);
    await vi.waitUntil(
      async () => valueOf(await ask(port, '/metrics'), 'smmap_store_questions_pending{store="far"}') === 1,
      WAIT,
    );
    expect(await asked).toBe('TEMP lookup failed');
    while (!daemon.log.some(({ event }) => event === 'store_unavailable')) await client.ask('mailbox', FRED);
    const metrics = await ask(port, '/metrics');
    expect(valueOf(metrics, `smmap_server_up${server}`)).toBe(0);
    expect(valueOf(metrics, `smmap_server_outages_total${server}`)).toBe(1);
    expect(valueOf(metrics, 'smmap_store_up{store="far"}')).toBe(0);
    expect(valueOf(metrics, 'smmap_deferrals_total{map="mailbox",reason="store_failed"}')).toBeGreaterThan(0);
    expect((await ask(port, '/health')).status).toBe(200);
  });
});

describe('/ready, and smmap health --ready', () => {
  test('name a store that was never filled, until it is', async () => {
    const { folder, port } = await serveWithFred('[map.mailbox]\n[map.virtual]\nkind = "alias"\n');
    const words = 'store local: was never filled with alias';
    await vi.waitUntil(async () => (await ask(port, '/ready')).status === 503, WAIT);
    expect((await ask(port, '/ready')).text).toBe(`${words}\n`);
    const control = ['--control', `unix:${folder}/smmap.sock.control`];
    expect(await cli(['health', ...control])).toMatchObject({ code: 0, stdout: `healthy\nnot ready\n${words}\n` });
    expect(await cli(['health', '--ready', ...control])).toMatchObject({ code: 1 });
    const { stdout } = await cli(['health', '--json', ...control]);
    expect(JSON.parse(stdout)).toEqual({ healthy: true, ready: false, unhealthy: [], unready: [words], exitCode: 0 });
    await cli(['alias', 'add', '--store', join(folder, 'store'), 'joe@example.org', FRED]);
    expect(await ask(port, '/ready')).toMatchObject({ status: 200, text: 'ready\n' });
    expect(await cli(['health', '--ready', ...control])).toMatchObject({ code: 0, stdout: 'healthy\nready\n' });
  });

  test('name a store whose canary is gone, until it is back', async () => {
    const folder = await makeFolder();
    const file = openToWrite(join(folder, 'mail.db'));
    onTestFinished(() => file.close());
    file.exec('create table mailboxes (address text)');
    file.run('insert into mailboxes values (?)', FRED);
    const store = `[store.people]\ndriver = "sqlite"\npath = "${folder}/mail.db"\nmailbox = "select address from mailboxes where address = :address"\ncanary.mailbox = "${FRED}"\n`;
    const config = `[listen.mta]\npath = "${folder}/smmap.sock"\n${TCP}${store}[map.mailbox]\n`;
    const daemon = await serve({ folder, config });
    const port = await portOf(daemon);
    expect((await ask(port, '/ready')).text).toBe('ready\n');
    file.exec('delete from mailboxes');
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    expect(await client.ask('mailbox', 'joe@example.org')).toBe('TEMP lookup failed');
    const { status, text } = await ask(port, '/ready');
    expect([status, text]).toEqual([503, 'store people: its canary fails\n']);
    const metrics = await ask(port, '/metrics');
    expect(valueOf(metrics, 'smmap_server_trusted{store="people",server="sqlite"}')).toBe(0);
    expect(valueOf(metrics, 'smmap_deferrals_total{map="mailbox",reason="canary_failed"}')).toBe(1);
    expect((await ask(port, '/status.json')).text).not.toContain('@');
    file.run('insert into mailboxes values (?)', FRED);
    await vi.waitUntil(async () => (await ask(port, '/ready')).status === 200, WAIT);
  });
});

describe('/health, and smmap health', () => {
  test('name a listener whose socket file cannot be made again, until it can', async () => {
    const folder = await makeFolder();
    const sockets = join(folder, 'sockets');
    mkdirSync(sockets);
    const config = `[listen.mta]\npath = "${sockets}/s"\n[control]\npath = "${folder}/control"\n${TCP}${STORE(folder)}`;
    const port = await portOf(await serve({ folder, config }));
    rmSync(sockets, { recursive: true });
    await vi.waitUntil(async () => (await ask(port, '/health')).status === 503, WAIT);
    const words = 'listener mta: its socket file is gone, so no client can connect';
    expect((await ask(port, '/health')).text).toBe(`${words}\n`);
    const health = await cli(['health', '--control', `unix:${folder}/control`]);
    expect(health).toMatchObject({ code: 1, stdout: expect.stringContaining(`not healthy\n${words}\n`) as string });
    const metrics = await ask(port, '/metrics');
    expect(valueOf(metrics, 'smmap_listener_up{listener="mta",serves="maps"}')).toBe(0);
    expect(valueOf(metrics, 'smmap_listener_up{listener="control",serves="control"}')).toBe(1);
    mkdirSync(sockets);
    await vi.waitUntil(async () => (await ask(port, '/health')).status === 200, WAIT);
    expect(valueOf(await ask(port, '/metrics'), 'smmap_listener_lost_total{listener="mta"}')).toBeGreaterThan(0);
  });

  test('fail with 1 if no daemon runs, or it hangs', async () => {
    const { folder, daemon, client } = await serveWithFred();
    client.close();
    const control = ['--control', `unix:${folder}/smmap.sock.control`];
    daemon.signal('SIGSTOP');
    const hung = await cli(['health', ...control]);
    daemon.signal('SIGCONT');
    expect(hung).toMatchObject({ code: 1, stdout: expect.stringContaining('no reply within 5000 ms') as string });
    await daemon.stop();
    const gone = await cli(['health', '--json', ...control]);
    expect(gone.code).toBe(1);
    expect(JSON.parse(gone.stdout)).toMatchObject({ healthy: false, ready: false, exitCode: 1 });
  });
});

describe('a reload', () => {
  test('opens, moves and closes the listener of the metrics, and counts itself', async () => {
    const folder = await makeFolder();
    const daemon = await serve({ folder, config: configOf(folder, '') });
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    const path = join(folder, 'metrics');
    expect(await reload(folder, configOf(folder, `[metrics]\npath = "${path}"\n`))).toBe('metrics: added listener\n');
    expect((await ask(path, '/health')).status).toBe(200);
    expect(await reload(folder, configOf(folder, TCP))).toBe('metrics: changed listener\n');
    expect(existsSync(path)).toBe(false);
    const port = await portOf(daemon);
    expect(await reload(folder, configOf(folder, '[metrics]\n'))).toContain('has no place to listen');
    const metrics = await ask(port, '/metrics');
    expect(valueOf(metrics, 'smmap_reloads_total{result="accepted"}')).toBe(2);
    expect(valueOf(metrics, 'smmap_reloads_total{result="refused"}')).toBe(1);
    expect(valueOf(metrics, 'smmap_config_accepted')).toBe(0);
    expect(await reload(folder, configOf(folder, ''))).toBe('metrics: removed listener\n');
    await expect(ask(port, '/health')).rejects.toThrow('ECONNREFUSED');
    expect(await client.ask('mailbox', FRED)).toMatch(/^TEMP/); // it was never filled, and the client stays
  });

  test('is refused as a whole if the port of the metrics is in use', async () => {
    const { folder, client, port } = await serveWithFred();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const wanted = `[metrics]\ntcp = "127.0.0.1:${(taken.address() as AddressInfo).port}"\n`;
    expect(await reload(folder, configOf(folder, `${wanted}[map.mailbox]\n[map.more]\n`))).toContain(
      'another server listens there',
    );
    expect((await ask(port, '/health')).status).toBe(200);
    expect(await client.ask('more', FRED)).toBe('TEMP unknown map');
  });

  test('keeps what was counted', async () => {
    const { folder, client, port } = await serveWithFred();
    await client.ask('mailbox', FRED);
    await reload(folder, configOf(folder, `[metrics]\npath = "${folder}/metrics"\n[map.mailbox]\nreply = "address"\n`));
    await client.ask('mailbox', FRED);
    const metrics = await ask(join(folder, 'metrics'), '/metrics');
    expect(valueOf(metrics, 'smmap_replies_total{map="mailbox",listener="mta",result="OK"}')).toBe(2);
    await expect(ask(port, '/metrics')).rejects.toThrow('ECONNREFUSED');
  });
});

test('a takeover hands on the socket of the metrics: at every moment somebody answers there', async () => {
  const folder = await makeFolder();
  await fill(join(folder, 'store'), [FRED]);
  const config = configOf(folder, `[metrics]\npath = "${folder}/metrics"\n[map.mailbox]\n`);
  const first = await serve({ folder, config });
  const ended = new AbortController();
  let asked = 0;
  const polling = (async () => {
    for (; !ended.signal.aborted; asked++)
      expect((await ask(join(folder, 'metrics'), '/health')).text).toBe('healthy\n');
  })();
  const second = await serve({ folder, config, args: ['--takeover'] });
  await first.logged('handing_over');
  await sleep(200);
  ended.abort();
  await polling;
  expect(asked).toBeGreaterThan(10);
  const started = valueOf(await ask(join(folder, 'metrics'), '/metrics'), 'smmap_start_time_seconds');
  await second.stop();
  expect(started).toBeGreaterThan(Date.now() / 1_000 - 20);
  expect(existsSync(join(folder, 'metrics'))).toBe(false);
});

test('a stop closes the listener of the metrics at once, while clients are still served', async () => {
  const { daemon, client, port } = await serveWithFred();
  const stopped = daemon.stop();
  await daemon.logged('stopping');
  // A connection that came in just before is reset.
  await expect.poll(() => ask(port, '/health').catch(String)).toMatch('ECONNREFUSED');
  client.close();
  expect(await stopped).toBe(0);
});

test('without the package, a configuration with [metrics] is refused with the command that installs it', async () => {
  const folder = await makeFolder();
  const main = await copyProgram(/^prom-client$/);
  const file = join(folder, 'smmap.toml');
  const smmap = (...args: string[]) => run(process.execPath, [main, ...args, '--config', file], { limit: 30_000 });
  writeFileSync(file, configOf(folder, TCP));
  const text = /the package prom-client is not installed.*npm install --prefix \/\S+ prom-client\n/s;
  expect(await smmap('serve')).toMatchObject({ code: 78, stderr: expect.stringMatching(text) as string });
  const { code, stdout, stderr } = await smmap('check');
  expect([code, stdout + stderr]).toEqual([
    78,
    expect.stringMatching(/metrics: the package prom-client is not installed/),
  ]);
  const daemon = await serve({ folder, main, config: configOf(folder, '') });
  expect(await reload(folder, configOf(folder, TCP))).toMatch(text);
  await daemon.stop();
});
