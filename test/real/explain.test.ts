// `smmap explain` of the built daemon: situations that an administrator asks about, and the same reply as a probe gets.

import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Explanation } from '../../src/daemon/explain.ts';
import { formatReply } from '../../src/protocol/reply.ts';
import { type Postgresql, findPostgresql } from '../support/postgresql.ts';
import { postfixadmin } from '../support/schema/postfixadmin.ts';
import { connectTo } from './client.ts';
import type { Result } from './command.ts';
import { type Daemon, cli, fill, makeFolder, serve } from './daemon.ts';
import { PARTS, describePart } from './part.ts';

const WAIT = { timeout: 20_000, interval: 100 };

const MAPS = `
  [map.mailbox]
  default_domain = "example.org"
  local_domains = ["localhost"]
  alias_domains = { "sales.example" = "example.org" }
  [map.bare]
  [map.folders]
  default_domain = "example.org"
  detail = { policy = "folder" }
  [map.all]
  aliases = true
  default_domain = "example.org"
  [map.virtuser]
  kind = "alias"
  [map.domains]
  kind = "domain"
  [map."*"]
  default_domain = "example.org"`;

const MAILBOXES = [
  'fred@example.org folder=lists',
  'off@example.org state=disabled',
  'full@example.org state=overquota',
  '"quo ted"@example.org',
];
const ALIASES = [
  'info@example.org fred@example.org',
  'deep@example.org info@example.org',
  '@caught.example fred@example.org',
];

/** A daemon over an embedded store, on a socket of netstrings and one of lines. */
async function serveEmbedded(): Promise<{
  daemon: Daemon;
  explain: (...args: string[]) => Promise<Result>;
  config: string;
}> {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  await fill(store, MAILBOXES);
  const added = await cli(['alias', 'import', '--store', store, '-'], `${ALIASES.join('\n')}\n`);
  expect(added.code, added.stderr).toBe(0);
  const config = `
    listen.mta.path = "${join(folder, 'smmap.sock')}"
    listen.line = { path = "${join(folder, 'line.sock')}", protocol = "line" }
    [store.local]
    driver = "embedded"
    path = "${store}"
    ${MAPS}`;
  const daemon = await serve({ folder, config });
  const file = join(folder, 'smmap.toml');
  return { daemon, config: file, explain: (...args) => cli(['explain', '--config', file, ...args]) };
}

describe('smmap explain', () => {
  test('says why, what the mail servers reply, and what to do', async () => {
    const { explain } = await serveEmbedded();
    const situations: readonly (readonly [args: string[], code: number, says: RegExp[]])[] = [
      [
        ['--map', 'bare', 'fred'],
        75,
        [
          /domain +the key has none, and default_domain is not set/,
          /hint +add default_domain = "YOUR DOMAIN" to \[map\.bare\]/,
        ],
      ],
      [
        ['info@example.org'],
        1,
        [
          /alias +not asked: aliases = false/,
          /Postfix +550 5\.1\.1 <info@example\.org>: Recipient address rejected/,
          /OpenSMTPD +550 Invalid recipient: <info@example\.org> \(in a virtual domain: 524 5\.2\.4/,
          /hint +aliases = false, but it is an alias: let the mail server ask \[map\.virtuser\] first/,
        ],
      ],
      [
        ['off@example.org'],
        1,
        [/states\.disabled = "NOTFOUND"/, /hint .*smmap mailbox add --state active off@example\.org/],
      ],
      [['full@example.org'], 75, [/states\.overquota = "TEMP mailbox is over quota"/, /Postfix +451 4\.3\.0/]],
      [
        ['--map', 'folders', 'fred+x@example.org'],
        1,
        [
          /names a folder: policy = "folder"/,
          /folder x of fred@example\.org: absent/,
          /moment .*the same answers: certain/,
        ],
      ],
      [
        ['Fred@Sales.Example'],
        0,
        [
          /example\.org: alias_domains has sales\.example = "example\.org" \[line \d+\]\n/,
          /^lines +of \/.*smmap\.toml$/m,
          /reply +OK Fred@Sales/,
        ],
      ],
      [['--map', 'virtuser', 'x@caught.example'], 0, [/takes x@caught\.example/, /Exim +goes on with the targets/]],
      [['--map', 'cyrus', 'fred'], 0, [/there is no \[map\.cyrus\], so \[map\."\*"\]/]],
      [
        ['nobody@example.org'],
        1,
        [/mailbox nobody@example\.org: absent \(\d+\.\d ms\)/, /hint .*smmap mailbox add nobody@/],
      ],
    ];
    for (const [args, code, says] of situations) {
      const told = await explain(...args);
      expect([told.code, told.stderr], args.join(' ')).toEqual([code, '']);
      for (const pattern of says) expect(told.stdout).toMatch(pattern);
    }
  });

  test('has the same reply and exit code as smmap probe, for every key, map and listener', async () => {
    const { daemon, explain } = await serveEmbedded();
    const clients = [await connectTo(`${daemon.socket}.control`), await connectTo(daemon.socket)] as const;
    onTestFinished(() => clients.forEach((client) => client.close()));
    const [control, client] = clients;
    const local = fc.constantFrom('fred', 'FRED', 'info', 'deep', 'off', 'full', '"quo ted"', 'nobody', '', '*');
    const host = fc.constantFrom('', '@', '@example.org', '@Sales.Example', '@caught.example', '@localhost', '@x y');
    const keys = fc.oneof(
      fc.tuple(local, fc.constantFrom('', '+lists', '+x', '+'), host).map((parts) => parts.join('')),
      fc.string(),
    );
    const maps = fc.constantFrom('mailbox', 'bare', 'folders', 'all', 'virtuser', 'domains', 'cyrus');
    const asked: string[] = [];
    await fc.assert(
      fc.asyncProperty(maps, keys, async (map, key) => {
        const payload = await control.ask('explain', `${map} ${key}`);
        const { reply } = JSON.parse(payload.slice('OK '.length)) as Explanation;
        expect(formatReply(reply, 100_000)).toBe(await client.ask(map, key));
        asked.push(key);
      }),
      { numRuns: 300 },
    );
    expect(asked.length).toBeGreaterThan(200);
    for (const [map, key] of [
      ['mailbox', 'fred'],
      ['mailbox', 'nobody'],
      ['bare', 'fred'],
      ['all', 'deep@example.org'],
    ] as const) {
      const probes = [
        cli(['probe', '--server', `unix:${daemon.socket}`, '--map', map, key]),
        cli(['probe', '--server', `unix:${join(daemon.folder, 'line.sock')}`, '--protocol', 'line', '--map', map, key]),
        explain('--map', map, key),
        explain('--map', map, '--offline', key),
      ];
      const codes = (await Promise.all(probes)).map(({ code }) => code);
      expect(codes, `${map} ${key}`).toEqual(Array.from(codes, () => codes[0]));
    }
  });

  test('prints an object, logs nothing, and works without a daemon with --offline', async () => {
    const { daemon, explain } = await serveEmbedded();
    const running = JSON.parse((await explain('--json', 'info@example.org')).stdout) as Explanation & {
      exitCode: number;
    };
    expect(running).toMatchObject({
      map: 'mailbox',
      key: 'info@example.org',
      kind: 'mailbox',
      stores: ['local'],
      reply: { kind: 'NOTFOUND' },
      exitCode: 1,
      otherwise: [{ setting: 'aliases = true', reply: { kind: 'OK', value: 'info@example.org' } }],
      mta: [{ server: 'Postfix' }, { server: 'Sendmail' }, { server: 'Exim' }, { server: 'OpenSMTPD' }],
    });
    await daemon.stop('SIGINT');
    expect(daemon.log.filter(({ event }) => /refused|deferred|not_found/.test(event))).toEqual([]);
    const down = await explain('info@example.org');
    expect(down.code).toBe(74);
    expect(down.stderr).toMatch(/the socket does not exist; is the server running\?\nsmmap: .*smmap explain --offline/);
    const offline = JSON.parse((await explain('--json', '--offline', 'info@example.org')).stdout) as Explanation;
    const shape = ({ steps }: Explanation) => steps.map(({ about, text, outcome }) => [about, text, outcome]);
    expect(shape(offline)).toEqual(shape(running));
  });
});

describePart('smmap explain over a real PostgreSQL', findPostgresql(PARTS), (installation) => {
  let server: Postgresql;
  const rows = async (): Promise<void> => {
    for (const text of postfixadmin.rows) await server.sql(text);
  };
  beforeAll(async () => {
    server = await installation.start();
    for (const text of postfixadmin.definitions.postgresql ?? []) await server.sql(text);
    await rows();
  });
  afterAll(() => server.stop());

  const serveOver = async (more: string) => {
    const folder = await makeFolder();
    const store = `driver = "postgresql"\nurl = "${server.url()}"\nschema = "postfixadmin"\n${more}`;
    const config = `listen.mta.path = "${join(folder, 'smmap.sock')}"\n[store.people]\n${store}\n[map.mailbox]`;
    const daemon = await serve({ folder, config });
    const explain = (key: string): Promise<Result> => cli(['explain', '--config', join(folder, 'smmap.toml'), key]);
    return { daemon, explain };
  };

  test('shows a canary that confirms an absence, and a canary that fails', async () => {
    const { daemon, explain } = await serveOver('canary = { mailbox = "fred@example.org" }');
    const absent = await explain('nobody@example.org');
    expect([absent.code, absent.stdout]).toEqual([
      1,
      expect.stringMatching(/absent \(.*\n +canary +fred@example\.org is found: the absence is certain/) as string,
    ]);
    await server.sql('truncate mailbox, alias, alias_domain, domain');
    try {
      await daemon.logged('canary_failed');
      const failed = await explain('nobody@example.org');
      expect(failed.code).toBe(75);
      expect(failed.stdout).toMatch(/canary +fails: the canary fred@example\.org is not found; the store is not asked/);
      expect(failed.stdout).toMatch(/cause +the canary fred@example\.org is not found\n/);
      expect(failed.stdout).toMatch(/hint +the store was emptied/);
    } finally {
      await rows();
    }
  });

  test('shows that an absence in the cache is not true any more', async () => {
    const { explain } = await serveOver('cache = { negative_ms = 600_000 }');
    expect((await explain('late@example.org')).stdout).toMatch(/absent \(.*\n +cache +not in the cache/);
    const columns = 'username, local_part, domain';
    await server.sql(`insert into mailbox (${columns}) values ('late@example.org', 'late', 'example.org')`);
    try {
      const cached = await explain('late@example.org');
      expect(cached.code).toBe(1);
      expect(cached.stdout).toMatch(/cache +from the cache, \d+\.\d s old, for at most \d+\.\d s more/);
      expect(cached.stdout).toMatch(/hint .*: smmap cache forget late@example\.org/);
    } finally {
      await server.sql(`delete from mailbox where username = 'late@example.org'`);
    }
  });

  test('shows why a store is not asked while it is down', async () => {
    const { daemon, explain } = await serveOver('');
    await server.kill();
    try {
      await vi.waitUntil(async () => (await explain('fred@example.org')).code === 75, WAIT);
      const isNotAsked = /failed: not asked, because it failed: .*(?:ECONNREFUSED|ENOENT)/;
      const down = await vi.waitFor(async () => {
        const said = await explain('fred@example.org');
        expect(said.stdout).toMatch(isNotAsked); // but for the moments in which it is probed
        return said;
      }, WAIT);
      expect(down.stdout).toMatch(/breaker +open: the server is not asked, and is probed every 500 ms/);
      expect(down.stdout).toMatch(/Sendmail +451 4\.3\.0/);
      expect(down.stdout).toMatch(/hint +start or repair the store/);
    } finally {
      await server.restart();
    }
    await daemon.logged('store_opened');
  });
});
