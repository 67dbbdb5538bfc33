import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ask } from '../support/get.ts';
import { type Client, connectTo } from './client.ts';
import { type Daemon, cli, fill, makeFolder, serve } from './daemon.ts';

const FRED = 'fred@example.org';
const WAIT = { timeout: 20_000, interval: 20 };
const HARVEST = '[harvest]\nnames = 20\nwindow_s = 1\n';

/** A daemon whose windows take a second, and a client of it. */
async function serveWithFred(): Promise<{
  readonly daemon: Daemon;
  readonly client: Client;
  readonly port: number;
  readonly reload: (harvest: string) => Promise<unknown>;
}> {
  const folder = await makeFolder();
  await fill(join(folder, 'store'), [FRED]);
  const configOf = (harvest: string): string =>
    `${harvest}[listen.mta]\npath = "${folder}/smmap.sock"\n[store.local]\ndriver = "embedded"\npath = "${folder}/store"\n` +
    '[metrics]\ntcp = "127.0.0.1:0"\n[map.mailbox]\ndefault_domain = "example.org"\n';
  const daemon = await serve({ folder, config: configOf(HARVEST) });
  const { where } = await daemon.logged('listening', ({ listener }) => listener === 'metrics');
  return {
    daemon,
    client: await connect(daemon),
    port: Number(String(where).split(':').at(-1)),
    async reload(harvest) {
      await writeFile(join(folder, 'smmap.toml'), configOf(harvest));
      return cli(['reload', '--control', `unix:${daemon.socket}.control`]);
    },
  };
}

async function connect({ socket }: Daemon): Promise<Client> {
  const client = await connectTo(socket);
  onTestFinished(() => client.close());
  return client;
}

/** Asks for 20 addresses at a time, until the test ends or `stop` is called. Every reply must be NOTFOUND. */
function askOnAndOn(client: Client, keyOf: (at: number) => string): { stop(): Promise<number> } {
  const stopped = new AbortController();
  const asking = (async () => {
    let asked = 0;
    while (!stopped.signal.aborted) {
      const keys = Array.from({ length: 20 }, () => keyOf(asked++));
      const replies = await Promise.all(keys.map((key) => client.ask('mailbox', key)));
      expect(new Set(replies)).toEqual(new Set(['NOTFOUND ']));
    }
    return asked;
  })();
  asking.catch(() => {}); // the daemon may end first
  const stop = (): Promise<number> => {
    stopped.abort();
    return asking;
  };
  onTestFinished(async () => void (await stop().catch(() => {})));
  return { stop };
}

const told = ({ log }: Daemon, event: string) => log.filter((line) => line.event === event);

test('somebody who guesses addresses: one line, the metrics, smmap top; the others get the same replies', async () => {
  const { daemon, client, port } = await serveWithFred();
  const keys = [FRED, 'FRED+news@example.org', 'nobody@example.org', 'fred', '@', FRED];
  const replies = async (): Promise<string[]> => {
    const all: string[] = [];
    for (const key of keys) all.push(await client.ask('mailbox', key));
    return all;
  };
  const before = await replies();
  const guessing = askOnAndOn(await connect(daemon), (at) => (at % 2 === 0 ? `guess${at}` : `guess${at}@example.org`));
  const line = await daemon.logged('harvest');
  expect(line).toMatchObject({ level: 'warn', map: 'mailbox', listener: 'mta', domain: 'example.org', seconds: 1 });
  for (let times = 0; times < 50; times++) expect(await replies()).toEqual(before);
  const metrics = (await ask(port, '/metrics')).text;
  expect(metrics).toContain('smmap_harvest_alarms{map="mailbox",listener="mta"} 1\n');
  expect(metrics).toMatch(/^smmap_harvest_misses_total\{map="mailbox",listener="mta"\} [1-9]\d+$/m);
  expect(metrics).toMatch(/^smmap_harvest_names\{map="mailbox",listener="mta"\} [1-9]\d+$/m);
  const status = (await ask(port, '/status.json')).text;
  expect(JSON.parse(status)).toMatchObject({ harvest: [{ map: 'mailbox', listener: 'mta' }] });
  for (const page of [metrics, status]) expect(page).not.toMatch(/example\.org|guess\d/);
  const { stdout } = await cli(['top', '--once', '--control', `unix:${daemon.socket}.control`]);
  expect(stdout).toMatch(/^harvest {6}\d+ misses, ~\d+ names in \d\S*s: example\.org at mta$/m);
  const asked = await guessing.stop();
  const end = await daemon.logged('harvest_ended');
  expect([told(daemon, 'harvest').length, told(daemon, 'harvest_ended').length]).toEqual([1, 1]);
  const [misses, names] = [Number(end['misses']), Number(end['names'])];
  expect(misses).toBeGreaterThan(Number(line['misses']));
  expect(misses).toBeLessThanOrEqual(asked + 51); // those of the other client are all for one name
  expect(names).toBeGreaterThan(0.87 * (misses - 51));
  expect(names).toBeLessThan(1.13 * misses + 1);
  const calm = (await ask(port, '/metrics')).text;
  expect(calm).toContain('smmap_harvest_alarms{map="mailbox",listener="mta"} 0\n');
  const top = await cli(['top', '--once', '--control', `unix:${daemon.socket}.control`]);
  expect(top.stdout).not.toMatch(/^harvest/m);
  expect(await daemon.stop('SIGINT')).toBe(0);
});

test('somebody who asks again and again for a few old addresses is none', async () => {
  const { daemon, client, port } = await serveWithFred();
  askOnAndOn(await connect(daemon), (at) => `old${at % 5}@example.org`);
  const names = async (): Promise<number> =>
    Number(/^smmap_harvest_names\{.*\} (\d+)$/m.exec((await ask(port, '/metrics')).text)?.[1] ?? 0);
  for (let at = 0; at < 200; at++) await client.ask('mailbox', `old${at % 5}@example.org`);
  await vi.waitUntil(async () => [4, 5].includes(await names()), WAIT); // an estimate: in one of 100 processes, two look alike
  expect(told(daemon, 'harvest')).toEqual([]);
});

test('addresses that are gone from the store are none', async () => {
  const { daemon, client, port } = await serveWithFred();
  const people = Array.from({ length: 100 }, (_, at) => `user${at}@example.org`);
  const askAll = async (): Promise<readonly string[]> => Promise.all(people.map((key) => client.ask('mailbox', key)));
  const [folder, absent] = [join(daemon.folder, 'store'), 'smmap_refusals_total{map="mailbox",reason="absent"} '];
  const metric = async (name: string): Promise<number> =>
    Number((await ask(port, '/metrics')).text.split(`\n${name}`)[1]?.split('\n')[0] ?? 0);
  await fill(folder, people);
  await client.ask('mailbox', 'nobody@example.org');
  const over = Date.now() + 5_000; // some windows with hits
  while (Date.now() < over) expect((await askAll()).every((reply) => reply.startsWith('OK '))).toBe(true);
  const remove = ['mailbox', 'import', '--replace', '--allow-removals', '100', '--store', folder, '-'];
  const removing = cli(remove, `${FRED}\n`);
  await vi.waitUntil(async () => (await askAll())[0] === 'NOTFOUND ', { timeout: 20_000, interval: 1 });
  expect((await removing).code).toBe(0);
  const later = Date.now() + 5_000;
  while (Date.now() < later) expect(new Set(await askAll())).toEqual(new Set(['NOTFOUND ']));
  expect(await metric(absent)).toBeGreaterThan(200);
  expect(await metric('smmap_harvest_names{map="mailbox",listener="mta"} ')).toBeGreaterThan(90);
  expect(told(daemon, 'harvest')).toEqual([]);
});

test('the end of the daemon ends the alarm, too', async () => {
  const { daemon } = await serveWithFred();
  askOnAndOn(await connect(daemon), (at) => `guess${at}@example.org`);
  await daemon.logged('harvest');
  expect(await daemon.stop('SIGINT')).toBe(0);
  expect(told(daemon, 'harvest_ended').length).toBe(1);
});

test('names = 0 ends the alarm and the watch, by a reload', async () => {
  const { daemon, reload, port } = await serveWithFred();
  askOnAndOn(await connect(daemon), (at) => `guess${at}@example.org`);
  await daemon.logged('harvest');
  await reload('[harvest]\nnames = 0\n');
  await daemon.logged('harvest_ended');
  expect(await daemon.logged('reloaded')).toMatchObject({
    changes: ['harvest: names 20 -> 0, window_s 1 -> 60'],
  });
  expect((await ask(port, '/metrics')).text).toContain('smmap_harvest_alarms{map="mailbox",listener="mta"} 0\n');
});
