import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { defaultPlaces } from '../../src/cli/places.ts';
import { ConfigError } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseConfig } from '../support/config.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const places = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };

/** What is wrong with a configuration, as `smmap check` says it. */
function complaint(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('the annotated file in systemd/', () => {
  const file = new URL('../../systemd/smmap.toml', import.meta.url).pathname;
  const text = readFileSync(file, 'utf8');

  it('is the defaults', async () => {
    expect(await loadConfig(file, places)).toEqual(await loadConfig(null, places));
  });

  it('names every key, at least in a comment', () => {
    const uncommented = text.replace(/^# (?=\w+ = |\[)/gm, '');
    for (const key of [
      'log',
      'limits',
      'harvest',
      'control',
      'metrics',
      'listen.mta',
      'store.local',
      'store.fixed',
      'map."*"',
    ]) {
      expect(uncommented).toContain(`[${key}]`);
    }
    const unknown = 'x-unknown = 1\n';
    const known = (section: string): string[] =>
      (
        /the keys here are (.*)/.exec(complaint(() => parseConfig(`${section}\n${unknown}`, 'f', places)))?.[1] ?? ''
      ).split(', ');
    const sections = [
      '[log]',
      '[limits]',
      '[harvest]',
      '[listen.mta]',
      '[map."*"]',
      '[store.a]\ndriver = "embedded"\npath = "/x"',
      '[store.a]\ndriver = "memory"\nmailboxes = ["a@b"]',
      '[store.a]\ndriver = "file"\nmailboxes = "/x"',
      '[store.a]\ndriver = "passwd"\ndomains = ["b"]\ncanary = { mailbox = "a@b" }',
      '[store.a]\ndriver = "maildir"\npath = "/x/{domain}/{local}"\ncanary = { mailbox = "a@b" }',
      '[control]',
      '[metrics]',
      '[store.a]\ndriver = "postgresql"\nurl = "postgresql:///mail"\nschema = "users"',
      '[store.a]\ndriver = "mysql"\nurl = "mysql://smmap@localhost/mail"\nschema = "users"',
      '[store.a]\ndriver = "sqlite"\npath = "/x"\nschema = "users"',
      '[store.a]\ndriver = "ldap"\nurl = "ldap://localhost"\nbase = "dc=example"\npreset = "mail"',
      '[store.a]\ndriver = "lmtp"\nserver = "unix:/x"\ncanary = { mailbox = "a@b" }',
      '[store.a]\ndriver = "redis"\nurl = "redis://localhost"\nmailbox = { set = "m", member = "{address}" }',
      '[store.a]\ndriver = "smtp"\nserver = "tcp:a:25"\ncanary = { mailbox = "a@b" }',
      '[store.a]\ndriver = "http"\nmailbox = "http://localhost/:address"\ncanary = { mailbox = "a@b" }',
      '[store.a]\ndriver = "socketmap"\nserver = "unix:/x"\ncanary = { mailbox = "a@b" }',
      '[store.a]\ndriver = "cyrus"\nserver = "unix:/x"\nsnapshot = "/x"\ndefault_domain = "a"\ncanary = { mailbox = "a@b" }',
      ...['alias', 'domain', 'table'].map((kind) => `[map.a]\nkind = "${kind}"`),
    ];
    for (const key of sections.flatMap(known)) expect(uncommented).toMatch(new RegExp(`^${key} = `, 'm'));
  });
});

describe('a bad configuration', () => {
  const dir = new URL('./bad/', import.meta.url).pathname;
  const cases = readdirSync(dir).filter((name) => name.endsWith('.toml'));
  it.each(cases)('%s is refused with each mistake, its reason and its remedy', (name) => {
    const expected = readFileSync(dir + name.replace('.toml', '.error'), 'utf8').trimEnd();
    expect(complaint(() => parseConfig(readFileSync(dir + name, 'utf8'), name, places))).toBe(expected);
  });

  it('waits for the name of a group for a second at most, because nobody gets a reply during a reload', () => {
    const programs = folder();
    writeFileSync(`${programs}/getent`, '#!/bin/sh\nexec sleep 20\n', { mode: 0o755 });
    vi.stubEnv('PATH', `${programs}:${process.env['PATH']}`);
    const text = '[listen.mta]\npath = "/x/s"\ngroup = "somebody"';
    expect(complaint(() => parseConfig(text, 'f', places))).toContain('a number works without getent');
    vi.unstubAllEnvs();
  });

  it('names the file if it cannot be read', async () => {
    await expect(loadConfig('/nonexistent.toml', places)).rejects.toThrow(
      /^\/nonexistent\.toml: file: cannot be read \(ENOENT.*\); check the path and its permissions$/,
    );
  });
});

describe('a configuration', () => {
  it('with only a map has the default listener and store', () => {
    const config = parseConfig('[map.cyrus]\ndefault_domain = "Bücher.example"', 'f', places);
    expect([...config.maps.keys()]).toEqual(['cyrus']);
    expect(config.maps.get('cyrus')).toMatchObject({
      stores: ['local'],
      options: { defaultDomain: 'xn--bcher-kva.example', separators: ['+'], policy: 'ignore', reply: 'key' },
    });
    expect(config.listeners.get('mta')).toEqual({
      kind: 'unix',
      protocol: 'netstring',
      path: places.socket,
      mode: 0o666,
      uid: -1,
      gid: -1,
    });
  });

  it('may have a percent sign before anything in the text of a reply', () => {
    const text = '[map.m]\nreply = { text = "100%%x:%u%%%%" }';
    expect(parseConfig(text, 'f', places).maps.get('m')?.options).toMatchObject({ reply: { text: '100%%x:%u%%%%' } });
    const wrong = (reply: string) =>
      complaint(() => parseConfig(`[map.m]\nreply = { text = "${reply}" }`, 'f', places));
    expect(wrong('%%%x')).toContain('"%x" is not one of %s, %u, %d and %%');
    expect(wrong('a%')).toContain('"%" is not one of');
  });

  it('has the replies for mailboxes that are not active', () => {
    const states = (text: string) => parseConfig(`[map.m]\nstates = ${text}`, 'f', places).maps.get('m')?.options;
    const temp = { kind: 'TEMP', reason: 'mailbox is over quota' };
    expect(states('{}')).toMatchObject({ states: { disabled: { kind: 'NOTFOUND' }, overquota: temp } });
    expect(states('{ disabled = "OK", overquota = "PERM 5.2.2 mailbox full" }')).toMatchObject({
      states: { disabled: { kind: 'OK', value: '' }, overquota: { kind: 'PERM', reason: '5.2.2 mailbox full' } },
    });
  });

  it('lets a map without stores ask all stores that can answer it, in their order', () => {
    const text = `
      [store.people]
      driver = "memory"
      mailboxes = ["fred@example.org"]
      [store.rules]
      driver = "memory"
      tables = { access = ["example.com REJECT"] }
      [store.local]
      driver = "embedded"
      path = "/x"
      [map.mailbox]
      [map.virtual]
      kind = "alias"
      [map.access]
      kind = "table"
      [map.domains]
      kind = "domain"
    `;
    const stores = [...parseConfig(text, 'f', places).maps].map(([name, map]) => [name, map.stores]);
    expect(Object.fromEntries(stores)).toEqual({
      mailbox: ['people', 'local'],
      virtual: ['people', 'rules', 'local'],
      access: ['rules', 'local'],
      domains: ['people', 'rules', 'local'],
    });
  });

  it('has alias domains in any spelling', () => {
    const text = '[map.m]\nalias_domains = { "Bücher.example" = "EXAMPLE.org" }';
    const aliasDomains = new Map([['xn--bcher-kva.example', 'example.org']]);
    expect(parseConfig(text, 'f', places).maps.get('m')?.options).toMatchObject({ aliasDomains });
  });

  it('has a map for hosted domains', () => {
    const config = parseConfig(
      '[map.domains]\nkind = "domain"\nalias_domains = { "b.example" = "a.example" }',
      'f',
      places,
    );
    expect(config.maps.get('domains')).toEqual({
      kind: 'domain',
      stores: ['local'],
      options: { aliasDomains: new Map([['b.example', 'a.example']]), class: null, reply: 'key' },
    });
  });

  it('lets a map without stores ask them in the order of the file', () => {
    const config = parseConfig(
      '[store.z]\ndriver = "memory"\nmailboxes = ["a@b"]\n[store.a]\ndriver = "embedded"\npath = "/x"',
      'f',
      places,
    );
    expect(config.maps.get('*')?.stores).toEqual(['z', 'a']);
  });

  it('has listeners of every kind', () => {
    const config = parseConfig(
      `[listen.a]\npath = "/x/s"\nmode = "0640"\nowner = "root"\ngroup = "0"
       [listen.b]\ntcp = "[::1]:2004"
       [listen.c]\ntcp = "0.0.0.0:2004"\nallow = ["192.0.2.1", "2001:db8::/32"]
       [listen.d]\nsystemd = "smmap"\nprotocol = "line"`,
      'f',
      places,
    );
    expect([...config.listeners.values()]).toEqual([
      { kind: 'unix', protocol: 'netstring', path: '/x/s', mode: 0o640, uid: 0, gid: 0 },
      { kind: 'tcp', protocol: 'netstring', host: '::1', port: 2004, allow: [] },
      {
        kind: 'tcp',
        protocol: 'netstring',
        host: '0.0.0.0',
        port: 2004,
        allow: [
          { address: '192.0.2.1', bits: 32 },
          { address: '2001:db8::', bits: 32 },
        ],
      },
      { kind: 'systemd', protocol: 'line', name: 'smmap' },
    ]);
  });

  it('is overridden by the command line', () => {
    const overrides = { listen: [{ path: '/y/s' }, { tcp: '127.0.0.1:99' }], store: '/z' };
    const config = parseConfig('[listen.a]\npath = "/x/s"\n[map.cyrus]', 'f', places, overrides);
    expect([...config.listeners.values()].map((listener) => listener.kind)).toEqual(['unix', 'tcp']);
    expect([...config.stores]).toEqual([['local', { driver: 'embedded', path: '/z' }]]);
    expect([...config.maps.keys()]).toEqual(['cyrus']);
  });
});

describe('the places without a configuration', () => {
  it.each([
    ['of root', {}, 0, '/run/smmap/smmap.sock', '/var/lib/smmap'],
    [
      'under systemd',
      { RUNTIME_DIRECTORY: '/run/x', STATE_DIRECTORY: '/var/lib/x' },
      7,
      '/run/x/smmap.sock',
      '/var/lib/x',
    ],
    [
      'of a user in a session',
      { XDG_RUNTIME_DIR: '/run/user/7' },
      7,
      '/run/user/7/smmap/smmap.sock',
      '/home/u/.local/state/smmap',
    ],
    ['of a user without one', {}, 7, '/home/u/.local/state/smmap/smmap.sock', '/home/u/.local/state/smmap'],
  ])('are those %s', (_, environment, userId, socket, store) => {
    expect(defaultPlaces(environment, userId, '/home/u')).toEqual({ socket, store });
  });

  it.each([
    ['/etc/smmap/smmap.toml', 'smmap'],
    ['/etc/smmap/two.toml', 'smmap-two'],
    ['/etc/smmap/smmap.toml.toml', 'smmap-smmap.toml'],
    ['/etc/smmap/two.conf', 'smmap'],
    ['/etc/smmap/more/two.toml', 'smmap'],
    ['/etc/two.toml', 'smmap'],
  ])('are with %s those of %s, for root and everybody', (file, name) => {
    const own = { socket: `/run/${name}/smmap.sock`, store: `/var/lib/${name}` };
    for (const userId of [0, 7]) expect(defaultPlaces({}, userId, '/home/u', file)).toEqual(own);
  });
});
