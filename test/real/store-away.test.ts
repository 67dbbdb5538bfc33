// The embedded store while its disk is not mounted: nothing but `smmap store create` and `restore` makes another one there.

import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { askOnce, connectTo } from './client.ts';
import { cli, fill, makeFolder, serve } from './daemon.ts';

const FRED = 'fred@example.org';
const FAILED = 'TEMP lookup failed';
const WAIT = { timeout: 20_000, interval: 10 };

/** A folder with a configuration, and with a store that is away: its folder has another name, or its disk left an empty one. */
async function makeAway(isMountPoint: boolean, more = '') {
  const folder = await makeFolder();
  const [store, away] = [join(folder, 'store'), join(folder, 'away')];
  await fill(away, [FRED]);
  if (isMountPoint) mkdirSync(store);
  const config = `
    ${more}
    listen.mta.path = "${folder}/smmap.sock"
    control.path = "${folder}/control"
    store.local = { driver = "embedded", path = "${store}" }
    map.mailbox = {}
    map.alias.kind = "alias"`;
  writeFileSync(join(folder, 'smmap.toml'), config);
  return { folder, store, away, config };
}

const nothingIn = (store: string): boolean => !existsSync(store) || readdirSync(store).length === 0;

describe.each([
  ['moved', false],
  ['on a disk that is not mounted', true],
])('a store that is %s', (_, isMountPoint) => {
  test.each([
    ['one process', ''],
    ['workers', 'workers = 2'],
  ])(
    'at the start of the daemon (%s) is TEMP for everybody, even if a script adds a mailbox, until it is back',
    async (__, more) => {
      const { folder, store, away, config } = await makeAway(isMountPoint, more);
      const ask = (key: string): Promise<string> => askOnce(join(folder, 'smmap.sock'), 'mailbox', key);
      const first = await serve({ folder, config });
      const line = await first.logged('store_unavailable');
      expect(line['cause']).toBe(
        `there is no store in ${store}; bring it back (is its disk mounted?), or make a new one: smmap store create --store ${store}`,
      );
      const isThere = existsSync(store);
      expect(isThere).toBe(isMountPoint);

      const added = await cli(['mailbox', 'add', '--store', store, 'new@example.org']);
      expect(added).toMatchObject({ code: 74, stdout: '', stderr: `smmap: ${line['cause'] as string}\n` });
      for (const key of [FRED, 'new@example.org', 'nobody@example.org']) expect(await ask(key)).toBe(FAILED);

      expect(await cli(['reload', '--control', `unix:${folder}/control`])).toMatchObject({ code: 0 });
      const second = await serve({ folder, config, args: ['--takeover'] });
      await vi.waitUntil(async () => (await second.logged('store_unavailable')) !== undefined, WAIT);
      for (const key of [FRED, 'nobody@example.org']) expect(await ask(key)).toBe(FAILED);
      expect([existsSync(store), nothingIn(store)]).toEqual([isThere, true]);

      if (isMountPoint) renameSync(join(away, 'smmap.mdb'), join(store, 'smmap.mdb'));
      else renameSync(away, store);
      const seen = new Set<string>();
      await vi.waitUntil(async () => {
        const reply = await ask(FRED);
        seen.add(reply);
        return reply !== FAILED;
      }, WAIT);
      expect([...seen]).toEqual([FAILED, `OK ${FRED}`].filter((each) => seen.has(each)));
      await vi.waitUntil(async () => (await ask('nobody@example.org')) === 'NOTFOUND ', WAIT);
    },
  );

  test.each([
    'mailbox add new@example.org',
    'mailbox remove fred@example.org',
    'mailbox import -',
    'mailbox import --replace --allow-removals 9 -',
    'mailbox list',
    'mailbox show fred@example.org',
    'mailbox export',
    'alias add new@example.org fred@example.org',
    'alias import --allow-empty /dev/null',
    'domain add example.org',
    'table add access a b',
    'table import --allow-empty access /dev/null',
    'store backup -',
    'store verify',
    'store upgrade',
  ])('is not made by smmap %s, which says what to do', async (line) => {
    const { store, folder } = await makeAway(isMountPoint);
    const config = ['--config', join(folder, 'smmap.toml')];
    const { code, stderr } = await cli([...line.split(' '), ...config], 'new@example.org\n');
    expect([code, stderr]).toEqual([74, expect.stringContaining(`smmap store create --store ${store}`)]);
    expect([existsSync(store), nothingIn(store)]).toEqual([isMountPoint, true]);
  });

  test.each(['mailbox import --dry-run -', 'check', 'check --stores', 'doctor', 'explain a@b', 'probe a@b', 'stores'])(
    'is not made by smmap %s',
    async (line) => {
      const { store, folder, config } = await makeAway(isMountPoint);
      await serve({ folder, config });
      await cli([...line.split(' '), '--config', join(folder, 'smmap.toml')], 'new@example.org\n');
      expect([existsSync(store), nothingIn(store)]).toEqual([isMountPoint, true]);
    },
  );
});

test('an import begins a store in a folder that is not there, unless it is that of the configuration', async () => {
  const { folder, store } = await makeAway(false);
  const env = { SMMAP_CONFIG: join(folder, 'smmap.toml') };
  const importTo = (dir: string) => cli(['mailbox', 'import', '--store', dir, '-'], 'new@example.org\n', { env });
  mkdirSync(join(folder, 'mount'));
  expect((await importTo(join(folder, 'mount'))).code).toBe(74);
  expect((await importTo(store)).code).toBe(74);
  expect((await importTo(join(folder, '..', store.split('/').slice(-2).join('/')))).code).toBe(74);
  expect([nothingIn(join(folder, 'mount')), existsSync(store)]).toEqual([true, false]);
  expect(await cli(['mailbox', 'import', '--store', join(folder, 'own'), join(folder, 'no-list')])).toMatchObject({
    code: 74,
    stderr: expect.stringContaining('no-list'),
  });
  expect(existsSync(join(folder, 'own'))).toBe(false);
  expect(await importTo(join(folder, 'own'))).toMatchObject({ code: 0 });
  expect((await cli(['mailbox', 'list', '--store', join(folder, 'own')])).stdout).toContain('new@example.org');
});

/** Every kind of map, with each setting that changes what it asks. */
const MAPS = {
  mailbox: '',
  folder: 'detail = { policy = "folder" }',
  inbox: 'detail = { policy = "folder-or-inbox" }',
  followed: 'aliases = true',
  hosted: 'alias_domains = { "alias.example" = "example.org" }',
  local: 'default_domain = "example.org"',
  alias: 'kind = "alias"',
  any: 'kind = "alias", catch_all = "any"',
  none: 'kind = "alias", catch_all = "none"',
  fully: 'kind = "alias", expand = "fully"',
  bare: 'kind = "alias", default_domain = "example.org"',
  rewritten: 'kind = "alias", alias_domains = { "alias.example" = "example.org" }',
  domain: 'kind = "domain"',
  relay: 'kind = "domain", class = "relay"',
  virtual: 'kind = "domain", class = "alias"',
  table: 'kind = "table"',
  other: 'kind = "table", table = "access"',
};
const KEYS = [FRED, 'fred+x@example.org', 'fred@alias.example', 'fred', 'first.last', 'example.org', '@example.org'];

/** Not every key is a question to a store: a domain has no @, and `@domain` comes after the address, which finds a catch-all. */
const isAsked = (settings: string, key: string): boolean =>
  settings.includes('"domain"') ? !key.includes('@') : !key.startsWith('@') || /"any"|"table"/.test(settings);

test('the empty store that an smmap 0.1 made while the disk was not mounted is certain of nothing', async () => {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  const db = open({ path: join(store, 'smmap.mdb'), noSubdir: true, encoding: 'string' });
  db.putSync('!format', '2');
  await db.close();
  const maps = Object.entries(MAPS).map(([name, settings]) => `map.${name} = { ${settings} }`);
  const config = [
    `listen.mta.path = "${folder}/smmap.sock"`,
    `store.local = { driver = "embedded", path = "${store}" }`,
    ...maps,
  ].join('\n');
  const { socket } = await serve({ folder, config });
  const client = await connectTo(socket);
  onTestFinished(() => client.close());
  const replies = new Map<string, string>();
  for (const [map, settings] of Object.entries(MAPS)) {
    for (const key of KEYS) if (isAsked(settings, key)) replies.set(`${map} ${key}`, await client.ask(map, key));
  }
  expect(replies.size).toBeGreaterThan(90);
  expect([...replies].filter(([, reply]) => !reply.startsWith('TEMP'))).toEqual([]);
  // Nor does a script that adds somebody make it certain.
  expect(await cli(['mailbox', 'add', 'new@example.org', '--store', store])).toMatchObject({
    code: 74,
    stderr: expect.stringContaining('its format is 2, of an older smmap') as string,
  });
});

test('the secret of the log and the records of a map in shadow do not make the folder of a store that is away', async () => {
  const { folder, store, away, config } = await makeAway(
    false,
    `log.keys = "hash"\nmap.shadowed = { kind = "mailbox", shadow = "accept" }`,
  );
  const daemon = await serve({ folder, config, under: ['env', `STATE_DIRECTORY=${store}`] });
  await daemon.logged('log_secret_unusable');
  expect(await askOnce(daemon.socket, 'shadowed', FRED)).toMatch(/^OK/);
  await daemon.logged('shadow_unwritable');
  expect(existsSync(store)).toBe(false);
  renameSync(away, store);
  await vi.waitUntil(async () => (await askOnce(daemon.socket, 'mailbox', FRED)) === `OK ${FRED}`, WAIT);
});

test('without an embedded store, the daemon makes the folder of the secret', async () => {
  const folder = await makeFolder();
  const config = `
    log.keys = "hash"
    listen.mta.path = "${folder}/smmap.sock"
    store.fixed = { driver = "memory", mailboxes = ["${FRED}"] }
    map.mailbox = {}`;
  const daemon = await serve({ folder, config, under: ['env', `STATE_DIRECTORY=${folder}/state`] });
  expect(readdirSync(join(folder, 'state'))).toEqual(['log-secret']);
  expect(daemon.log.filter(({ event }) => event === 'log_secret_unusable')).toEqual([]);
});

describe('smmap store create', () => {
  test('makes a store once, which a running daemon answers from', async () => {
    const daemon = await serve({ makesStore: false });
    const store = ['--store', join(daemon.folder, 'store')];
    onTestFinished(() => daemon.end());
    await daemon.logged('store_unavailable');
    expect(await cli(['store', 'create', ...store])).toEqual({
      code: 0,
      stdout: '',
      stderr: `smmap: made an empty store in ${store[1]}; until something is added, the daemon answers TEMP\n`,
    });
    expect(await askOnce(daemon.socket, 'mailbox', FRED)).toBe(FAILED);
    expect(await cli(['mailbox', 'add', FRED, ...store])).toMatchObject({ code: 0 });
    expect(await cli(['store', 'create', ...store])).toMatchObject({
      code: 73,
      stderr: `smmap: ${store[1]}: has a store already; nothing was changed\n`,
    });
    expect(await askOnce(daemon.socket, 'mailbox', FRED)).toBe(`OK ${FRED}`);
    expect(await askOnce(daemon.socket, 'mailbox', 'nobody@example.org')).toBe('NOTFOUND ');
  });

  test('is not needed before a restore, which makes the store', async () => {
    const folder = await makeFolder();
    await fill(join(folder, 'old'), [FRED]);
    await cli(['store', 'backup', join(folder, 'backup'), '--store', join(folder, 'old')]);
    expect((await cli(['store', 'restore', join(folder, 'backup'), '--store', join(folder, 'new')])).code).toBe(0);
    expect((await cli(['mailbox', 'list', '--store', join(folder, 'new')])).stdout).toBe(`${FRED}\n`);
  });
});
