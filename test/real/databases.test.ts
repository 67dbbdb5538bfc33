import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startHttpd } from '../support/httpd.ts';
import { LONG } from '../support/long.ts';
import { findMariadb } from '../support/mariadb.ts';
import { type Postgresql, findPostgresql } from '../support/postgresql.ts';
import { findRedis } from '../support/redis.ts';
import { postfixadmin } from '../support/schema/postfixadmin.ts';
import { SUFFIX, findSlapd } from '../support/slapd.ts';
import { connectTo } from './client.ts';
import { run } from './command.ts';
import { MAIN, cli, makeFolder } from './daemon.ts';
import { serveOver } from './over.ts';
import { PARTS, describePart } from './part.ts';
import { findPostfix } from './postfix.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const MISSED = 'NOTFOUND ';
const FAILED = 'TEMP lookup failed';

describePart('the daemon over a real PostgreSQL of PostfixAdmin', findPostgresql(PARTS), (installation) => {
  let server: Postgresql;
  const fill = async (): Promise<void> => {
    for (const text of postfixadmin.rows) await server.sql(text);
  };
  const empty = (): Promise<unknown> => server.sql('truncate mailbox, alias, alias_domain, domain');
  beforeAll(async () => {
    server = await installation.start();
    for (const text of postfixadmin.definitions.postgresql ?? []) await server.sql(text);
    await fill();
  });
  afterAll(() => server.stop());
  const storeOf = (more = ''): string =>
    `driver = "postgresql"\nurl = "${server.url()}"\nschema = "postfixadmin"\n${more}`;

  test('answers questions about mailboxes, aliases and domains as PostfixAdmin means them', async () => {
    const { ask, daemon } = await serveOver(storeOf());
    expect(await ask('Fred@Example.org')).toBe('OK Fred@Example.org');
    expect(await ask('fred+lists@stands.example')).toBe('OK fred+lists@stands.example');
    expect(await ask('gone@example.org')).toBe(MISSED);
    expect(await ask('nobody@example.org')).toBe(MISSED);
    expect(await ask('all@example.org', 'virtual')).toBe('OK fred@example.org, "a,b"@example.com, pat@example.com');
    expect(await ask('example.org', 'domains')).toBe('OK example.org');
    expect(await ask('example.com', 'domains')).toBe(MISSED);
    expect((await daemon.logged('store_opened'))['store']).toBe('people');
    expect(await daemon.stop('SIGINT')).toBe(0);
  });

  test('finds an address in every spelling if its domain is stored in Unicode or as an A-label', async () => {
    await server.sql(
      `insert into domain (domain) values ('schönwetter.example'), ('xn--bcher-kva.example');
       insert into mailbox (username, local_part, domain) values
         ('info@schönwetter.example', 'info', 'schönwetter.example'), ('fred@xn--bcher-kva.example', 'fred', 'xn--bcher-kva.example');
       insert into alias (address, goto, domain) values ('x@schönwetter.example', 'fred@example.org', 'schönwetter.example')`,
    );
    try {
      const { ask } = await serveOver(storeOf('canary = { mailbox = "info@schönwetter.example" }'));
      for (const domain of ['schönwetter.example', 'xn--schnwetter-gcb.example']) {
        expect(await ask(`info@${domain}`)).toBe(`OK info@${domain}`);
        expect(await ask(`nobody@${domain}`)).toBe(MISSED);
        expect(await ask(`x@${domain}`, 'virtual')).toBe('OK fred@example.org');
        expect(await ask(domain, 'domains')).toBe(`OK ${domain}`);
      }
      expect(await ask('fred@bücher.example')).toBe('OK fred@bücher.example');
      expect(await ask('nobody@bücher.example')).toBe(MISSED);
      expect(await ask('xn--80ak6aa92e.example', 'domains')).toBe(MISSED);
    } finally {
      await server.sql(
        `delete from alias where domain like 'sch%'; delete from mailbox where domain like 'sch%' or domain like 'xn--%';
         delete from domain where domain like 'sch%' or domain like 'xn--%'`,
      );
    }
  });

  describePart('asked by the real postmap', postfix, (real) => {
    test('answers', async () => {
      const { daemon } = await serveOver(storeOf());
      const table = `socketmap:unix:${daemon.socket}:mailbox`;
      expect((await real.postmap(['-q', 'fred@example.org', table])).stdout).toBe('fred@example.org\n');
      expect(await real.postmap(['-q', 'nobody@example.org', table])).toMatchObject({
        code: 1,
        stdout: '',
        stderr: '',
      });
    });
  });

  test('replies TEMP to everything if a canary is set and the tables are empty, logs it, and recovers', async () => {
    const { ask, daemon, smmap } = await serveOver(storeOf('canary = { mailbox = "fred@example.org" }'));
    expect(await ask('nobody@example.org')).toBe(MISSED);
    await empty();
    try {
      expect(await ask('joé@example.org')).toBe(FAILED);
      expect(await ask('nobody@example.org')).toBe(FAILED);
      expect((await daemon.logged('canary_failed'))['cause']).toBe('the canary fred@example.org is not found');
      expect((await smmap('stores')).stdout).toContain('not trusted: the canary fred@example.org is not found');
    } finally {
      await fill();
    }
    await daemon.logged('canary_recovered');
    expect(await ask('joé@example.org')).toBe('OK joé@example.org');
    expect(await ask('nobody@example.org')).toBe(MISSED);
  });

  test('accepts the addresses that it found before while the server is down, and refuses none', async () => {
    const { ask, daemon, smmap } = await serveOver(storeOf('cache = { positive_ms = 50, negative_ms = 50 }'));
    expect(await ask('fred@example.org')).toBe('OK fred@example.org');
    expect(await ask('nobody@example.org')).toBe(MISSED);
    await server.kill();
    try {
      await vi.waitUntil(async () => (await ask('nobody@example.org')) === FAILED, WAIT);
      expect(await ask('fred@example.org')).toBe('OK fred@example.org');
      expect(await ask('joé@example.org')).toBe(FAILED);
      await daemon.logged('store_unavailable');
      // First the cause is how the connection ended.
      await expect
        .poll(async () => (await smmap('stores')).stdout, WAIT)
        .toMatch(/people +postgresql .*(?:ECONNREFUSED|ENOENT)/);
      expect((await smmap('cache', 'forget', 'fred@example.org')).stdout).toMatch(/^fred@example\.org: [1-9]/);
      expect(await ask('fred@example.org')).toBe(FAILED);
    } finally {
      await server.restart();
    }
    await vi.waitUntil(async () => (await ask('joé@example.org')) === 'OK joé@example.org', WAIT);
    expect(await ask('nobody@example.org')).toBe(MISSED);
  });

  test('learns from the database what has changed', async () => {
    const { ask, smmap } = await serveOver(storeOf('cache = { negative_ms = 600_000, events = "smmap" }'));
    const add = `insert into mailbox (username, local_part, domain) values ('new@example.org', 'new', 'example.org')`;
    const cached = async (): Promise<number> => (await smmap('cache', 'show', 'new@example.org')).code ?? -1;
    await vi.waitUntil(async () => {
      await ask('new@example.org');
      return (await cached()) === 0;
    }, WAIT);
    await server.sql(`begin; ${add}; notify smmap, 'new@example.org'; commit`);
    try {
      await vi.waitUntil(async () => (await ask('new@example.org')) === 'OK new@example.org', WAIT);
      await server.sql(
        `begin; delete from mailbox where username = 'new@example.org'; notify smmap, 'new@example.org'; commit`,
      );
      await vi.waitUntil(async () => (await ask('new@example.org')) === MISSED, WAIT);
    } finally {
      await server.sql(`delete from mailbox where username = 'new@example.org'`);
    }
  });

  test('answers at once while the database reports 200 domains in one transaction', LONG, async () => {
    const DOMAINS = 250;
    const PEOPLE = 100_000;
    const MOST_MS = 4_000; // about 7 on a machine with nothing else to do, and 20,000 where each walks through all entries
    await server.sql(
      `insert into domain (domain) select 'd' || n || '.example' from generate_series(0, ${DOMAINS - 1}) n`,
    );
    await server.sql(
      `insert into mailbox (username, local_part, domain)
       select 'u' || n || '@d' || n % ${DOMAINS} || '.example', 'u' || n, 'd' || n % ${DOMAINS} || '.example'
       from generate_series(1, ${PEOPLE}) n`,
    );
    try {
      const entries = 4 * PEOPLE; // a half of five eighths has to hold them
      const { ask, daemon, smmap } = await serveOver(storeOf(`cache = { events = "smmap", entries = ${entries} }`));
      const people = Array.from({ length: PEOPLE }, (_, n) => `u${n + 1}@d${(n + 1) % DOMAINS}.example`);
      const clients = await Promise.all(Array.from({ length: 100 }, () => connectTo(daemon.socket)));
      await Promise.all(
        clients.map(async (client) => {
          for (let key = people.pop(); key !== undefined; key = people.pop()) await client.ask('mailbox', key);
          client.close();
        }),
      );
      expect((await smmap('cache', 'forget', '@d0.example')).stdout).toBe(
        `@d0.example: ${PEOPLE / DOMAINS} forgotten\n`,
      );
      let slowest = 0;
      const done = new AbortController();
      const askOn = async (): Promise<void> => {
        while (!done.signal.aborted) {
          const started = performance.now();
          await ask('u1@d1.example');
          slowest = Math.max(slowest, performance.now() - started);
        }
      };
      const asking = askOn();
      const notify = Array.from({ length: 200 }, (_, n) => `notify smmap, '@d${n + 1}.example'`);
      await server.sql(`begin; ${notify.join('; ')}; commit`);
      await vi.waitUntil(async () => (await smmap('cache', 'show', '@d200.example')).code === 1, WAIT);
      done.abort();
      await asking;
      process.stderr.write(
        `slowest answer while 200 domains of ${PEOPLE} entries were forgotten: ${slowest.toFixed(1)} ms\n`,
      );
      expect(slowest).toBeLessThan(MOST_MS);
      expect((await smmap('cache', 'show', '@d201.example')).code).toBe(0);
    } finally {
      await server.sql(`delete from mailbox where username like 'u%@d%.example'`);
      await server.sql(`delete from domain where domain ~ '^d[0-9]+[.]example$'`);
    }
  });

  test('starts at once if the server cannot be reached, and replies TEMP until it can', async () => {
    await server.kill();
    const { ask, daemon } = await serveOver(storeOf());
    expect(await ask('fred@example.org')).toBe(FAILED);
    await daemon.logged('store_unavailable');
    await server.restart();
    await daemon.logged('store_opened');
    expect(await ask('fred@example.org')).toBe('OK fred@example.org');
  });
});

const postfix = await findPostfix(PARTS);

describePart('the daemon over a real MariaDB of PostfixAdmin', await findMariadb(PARTS), (installation) => {
  test('does not confuse joe with joé', async () => {
    const server = await installation.start();
    try {
      await server.sql('create database mail');
      const texts = [...(postfixadmin.definitions.mysql ?? []), ...postfixadmin.rows];
      await server.sql(['use mail', ...texts].join(';\n'));
      const { ask } = await serveOver(`driver = "mysql"\nurl = "${server.url('mail')}"\nschema = "postfixadmin"`);
      expect(await ask('fred@example.org')).toBe('OK fred@example.org');
      expect(await ask('joé@example.org')).toBe('OK joé@example.org');
      expect(await ask('joe@example.org')).toBe(MISSED);
      expect(await ask('all@stands.example', 'virtual')).toContain('fred@example.org');
      expect(await ask('example.org', 'domains')).toBe('OK example.org');
      await server.sql(
        `use mail; insert into domain (domain) values ('schönwetter.example');
         insert into mailbox (username, local_part, domain) values ('info@schönwetter.example', 'info', 'schönwetter.example')`,
      );
      for (const domain of ['schönwetter.example', 'xn--schnwetter-gcb.example']) {
        expect(await ask(`info@${domain}`)).toBe(`OK info@${domain}`);
        expect(await ask(`nobody@${domain}`)).toBe(MISSED);
      }
      // Its columns are latin1, and so certain to have nobody there.
      expect(await ask('fred@xn--80ak6aa92e.example')).toBe(MISSED);
      expect(await ask('аррӏе.example', 'domains')).toBe(MISSED);
    } finally {
      await server.stop();
    }
  });
});

describePart('the daemon over a real slapd', findSlapd(PARTS), (installation) => {
  test('answers with a preset, and replies TEMP if the base is wrong', async () => {
    const server = await installation.start();
    try {
      const person = { objectClass: 'inetOrgPerson', cn: 'fred', sn: 'x', mail: 'fred@example.org' };
      await server.add([['cn=fred', person]]);
      const store = (base: string): string =>
        `driver = "ldap"\nurl = "${server.ldapi}"\nsasl = "external"\nbase = "${base}"
         mailbox = { filter = "(mail=:address)", identity = { address = "mail" } }`;
      const map = '[map.mailbox]';
      const { ask } = await serveOver(store(SUFFIX), map);
      expect(await ask('fred@example.org')).toBe('OK fred@example.org');
      expect(await ask('nobody@example.org')).toBe(MISSED);
      await server.add([['cn=info@schönwetter.example', { objectClass: 'inetOrgPerson', sn: 'x' }]]);
      const named = store(SUFFIX).replaceAll('mail=:address', 'cn=:address').replace('= "mail"', '= "cn"');
      const unicode = await serveOver(named, map);
      expect(await unicode.ask('info@xn--schnwetter-gcb.example')).toBe('OK info@xn--schnwetter-gcb.example');
      expect(await unicode.ask('nobody@xn--schnwetter-gcb.example')).toBe(MISSED);
      const wrong = await serveOver(store(`ou=nowhere,${SUFFIX}`), map);
      expect(await wrong.ask('nobody@example.org')).toBe(FAILED);
    } finally {
      await server.stop();
    }
  });
});

describePart('the daemon over a real Redis', await findRedis(PARTS), (installation) => {
  test('answers from a set, replies TEMP after it was flushed, and learns of changes', async () => {
    const server = await installation.start({ settings: ['--notify-keyspace-events', 'Kg$shxe'] });
    try {
      await server.cli('sadd', 'mailboxes', 'fred@example.org', 'info@schönwetter.example');
      const { ask } = await serveOver(
        `driver = "redis"\nurl = "redis://127.0.0.1:${server.port}"
         mailbox = { set = "mailboxes", member = "{address}" }
         cache = { negative_ms = 600_000, events = "keyspace" }`,
        '[map.mailbox]',
      );
      expect(await ask('fred@example.org')).toBe('OK fred@example.org');
      expect(await ask('joe@example.org')).toBe(MISSED);
      expect(await ask('info@xn--schnwetter-gcb.example')).toBe('OK info@xn--schnwetter-gcb.example');
      expect(await ask('joe@xn--schnwetter-gcb.example')).toBe(MISSED);
      await vi.waitUntil(async () => {
        await server.cli('sadd', 'mailboxes', `unheard${Math.random()}`); // until it listens
        return (await ask('joe@example.org')) === MISSED;
      }, WAIT);
      await server.cli('sadd', 'mailboxes', 'joe@example.org');
      await vi.waitUntil(async () => (await ask('joe@example.org')) === 'OK joe@example.org', WAIT);
      await server.cli('del', 'mailboxes');
      await vi.waitUntil(async () => (await ask('nobody@example.org')) === FAILED, WAIT);
    } finally {
      await server.stop();
    }
  });
});

describe('the daemon over HTTP', () => {
  test('refuses no address if a proxy answers every tenth request with a page of its own', async () => {
    const server = await startHttpd();
    try {
      const row = (address: string) => ({ question: 'mailbox', match: { address }, fields: { address } });
      await server.load('tenth', [row('fred@example.org'), row('postmaster@example.org')]);
      const { ask, daemon } = await serveOver(
        `driver = "http"\nmailbox = "${server.origin}/tenth/mailbox?address=:address"
         canary = { mailbox = "postmaster@example.org" }`,
        '[map.mailbox]',
      );
      const said = new Map<string, number>();
      for (let at = 0; at < 300; at++) {
        const reply = await ask('fred@example.org');
        said.set(reply, (said.get(reply) ?? 0) + 1);
      }
      expect([...said.keys()].toSorted()).toEqual(['OK fred@example.org', FAILED]);
      expect(said.get(FAILED)).toBeLessThan(60);
      const why = 'status 404, but its content type is text/html instead of application/json';
      await vi.waitUntil(() => JSON.stringify(daemon.log).includes(why), WAIT);
    } finally {
      await server.stop();
    }
  });

  test('answers what Mailu says, although its absence is only a page of Flask', async () => {
    const server = await startHttpd();
    try {
      const row = (question: string, key: string, text: string) => ({ question, match: { key }, fields: { text } });
      await server.load('mailu', [
        row('mailbox', 'fred@example.org', 'fred@example.org'),
        row('mailbox', 'joe@xn--bcher-kva.example', 'joe@bücher.example'),
        row('alias', 'all@example.org', 'fred@example.org,joe@xn--bcher-kva.example'),
        row('domain', 'example.org', 'example.org'),
        row('domain', 'xn--bcher-kva.example', 'bücher.example'),
      ]);
      const canary = '{ mailbox = "fred@example.org", alias = "all@example.org", domain = "example.org" }';
      const store = `driver = "http"\npreset = "mailu"\nurl = "${server.origin}/"\ncanary = ${canary}`;
      const maps = `[map.mailbox]\n[map.virtual]\nkind = "alias"\ncatch_all = "any"\n[map.domains]\nkind = "domain"`;
      const { ask } = await serveOver(store, maps);
      expect(await ask('Fred@Example.org')).toBe('OK Fred@Example.org');
      expect(await ask('joe@bücher.example')).toBe('OK joe@bücher.example');
      expect(await ask('nobody@example.org')).toBe(MISSED);
      expect(await ask('all@example.org', 'virtual')).toBe('OK fred@example.org, joe@xn--bcher-kva.example');
      expect(await ask('nobody@example.org', 'virtual')).toBe(MISSED);
      expect(await ask('bücher.example', 'domains')).toBe('OK bücher.example');
      expect(await ask('example.net', 'domains')).toBe(MISSED);
    } finally {
      await server.stop();
    }
  });

  test('answers what a server says, and replies TEMP while the canary is missing', async () => {
    const server = await startHttpd();
    try {
      const row = (address: string) => ({ question: 'mailbox', match: { address }, fields: { address } });
      await server.load('people', [
        row('fred@example.org'),
        row('postmaster@example.org'),
        row('info@schönwetter.example'),
      ]);
      const url = `${server.origin}/people/mailbox?address=:address`;
      const { ask } = await serveOver(
        `driver = "http"\nmailbox = "${url}"\ncanary = { mailbox = "postmaster@example.org" }`,
        '[map.mailbox]',
      );
      expect(await ask('fred@example.org')).toBe('OK fred@example.org');
      expect(await ask('nobody@example.org')).toBe(MISSED);
      expect(await ask('info@xn--schnwetter-gcb.example')).toBe('OK info@xn--schnwetter-gcb.example');
      expect(await ask('nobody@schönwetter.example')).toBe(MISSED);
      await server.load('people', []);
      expect(await ask('fred@example.org')).toBe(FAILED);
    } finally {
      await server.stop();
    }
  });
});

describe('smmap check', () => {
  test('warns of a database without a canary, because nobody would notice empty tables, and of no other store', async () => {
    const config = join(await makeFolder(), 'smmap.toml');
    const check = async (canary: string) => {
      const store = 'driver = "postgresql"\nurl = "postgresql:///mail"\nschema = "users"';
      const redis = 'driver = "redis"\nurl = "redis://localhost"\nmailbox = { set = "m", member = "{address}" }';
      writeFileSync(
        config,
        `[store.people]\n${store}\n${canary}\n[store.more]\n${redis}\n[map.mailbox]\n[map.domains]\nkind = "domain"\nstores = ["people"]`,
      );
      const { code, stderr } = await cli(['check', '--config', config]);
      return [code, stderr];
    };
    const text = `smmap: ${config}: store people: if it is emptied by mistake, or we may not read it, all its mail is refused; add`;
    expect(await check('')).toEqual([
      0,
      `${text} canary = { mailbox = ..., domain = ... }, see docs/stores/README.md\n`,
    ]);
    expect(await check('canary = { mailbox = "a@example.org" }')).toEqual([
      0,
      `${text} canary = { domain = ... }, see docs/stores/README.md\n`,
    ]);
    expect(await check('canary = { mailbox = "a@example.org", domain = "example.org" }')).toEqual([0, '']);
  });
});

describe('smmap check of a store on another machine', () => {
  test('warns of a password that is sent to it without TLS', async () => {
    const folder = await makeFolder();
    const config = join(folder, 'smmap.toml');
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'secret', { mode: 0o600 });
    const warned = async (more: string): Promise<string> => {
      const store = 'driver = "ldap"\nbase = "dc=example"\npreset = "mail"\ncanary = { mailbox = "a@example.org" }';
      writeFileSync(
        config,
        `[store.people]\n${store}\nbind_dn = "cn=smmap"\npassword_file = "${secret}"\n${more}\n[map.mailbox]`,
      );
      const { code, stderr } = await cli(['check', '--config', config]);
      expect(code).toBe(0);
      return stderr;
    };
    expect(await warned('url = "ldap://ldap.example.org"')).toContain(
      'store people: its password or token goes to ldap.example.org without TLS, so others on the network may read it, and answer in place of the store; use ldaps://, or start_tls = true',
    );
    expect(await warned('url = "ldaps://ldap.example.org"')).toBe('');
  });
});

describe('a driver whose package is missing', () => {
  /** smmap with its packages, but for some. */
  async function installWithout(...missing: readonly string[]): Promise<string> {
    const folder = await makeFolder();
    await cp(dirname(MAIN), join(folder, 'dist'), { recursive: true });
    const modules = join(dirname(MAIN), '../node_modules');
    mkdirSync(join(folder, 'node_modules'));
    for (const name of readdirSync(modules)) {
      if (!missing.includes(name)) symlinkSync(join(modules, name), join(folder, 'node_modules', name));
    }
    await cp(join(modules, '../package.json'), join(folder, 'package.json'));
    return folder;
  }
  async function expectRefused(
    folder: string,
    store: string,
    said: string,
    commands = ['serve', 'check'],
  ): Promise<void> {
    const config = join(folder, 'smmap.toml');
    writeFileSync(config, `listen.mta.path = "${join(folder, 'smmap.sock')}"\n[store.people]\n${store}\n`);
    for (const command of commands) {
      const { code, stderr } = await run(process.execPath, [join(folder, 'dist/main.js'), command, '--config', config]);
      expect([command, code]).toEqual([command, 78]);
      expect(stderr.replace('is not installed; npm', 'is not installed: npm')).toContain(said); // a finding of check
    }
  }

  test('ends the daemon with 78, and the message names the package', async () => {
    const store = 'driver = "postgresql"\nurl = "postgresql:///mail"\nschema = "users"';
    await expectRefused(await installWithout('pg'), store, 'the package pg is not installed: npm install --prefix');
  });

  test('does not stop a store of another driver', async () => {
    const { optionalDependencies } = JSON.parse(readFileSync(join(dirname(MAIN), '../package.json'), 'utf8')) as {
      optionalDependencies: object;
    };
    const folder = await installWithout(...Object.keys(optionalDependencies));
    const config = join(folder, 'smmap.toml');
    writeFileSync(config, `[store.people]\ndriver = "memory"\nmailboxes = ["fred@example.org"]\n`);
    const { code, stdout } = await run(process.execPath, [join(folder, 'dist/main.js'), 'check', '--config', config]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('no mistakes') as string });
  });

  test('is also reported if only a part of the package is missing', async () => {
    const copied = async (name: string, part: string): Promise<string> => {
      const folder = await installWithout(name);
      await cp(join(dirname(MAIN), '../node_modules', name), join(folder, 'node_modules', name), { recursive: true });
      rmSync(join(folder, 'node_modules', part)); // a link
      return folder;
    };
    const store = 'driver = "postgresql"\nurl = "postgresql:///mail"\nschema = "users"';
    // Node 20 tells of the failure once more, and so ends `check` with 1.
    await expectRefused(await copied('pg', 'pg-protocol'), store, 'the package pg cannot be loaded (Cannot find', [
      'serve',
    ]);
  });

  const sqlite = 'driver = "sqlite"\npath = "/nowhere"\nschema = "users"';

  test.skipIf(isBuiltin('node:sqlite'))('says how SQLite can be had', async () => {
    const said = 'the package better-sqlite3 is not installed: npm install --prefix';
    await expectRefused(await installWithout('better-sqlite3'), sqlite, said);
  });

  // npm 12 runs no install scripts, and a new Node cannot load what was compiled for the one before.
  test.skipIf(isBuiltin('node:sqlite'))('says so where it is there without its compiled part', async () => {
    const folder = await installWithout('better-sqlite3');
    const from = join(dirname(MAIN), '../node_modules/better-sqlite3');
    await cp(from, join(folder, 'node_modules/better-sqlite3'), {
      recursive: true,
      filter: (path) => !path.startsWith(join(from, 'build')),
    });
    const said = 'the package better-sqlite3 does not work (Could not locate the bindings file';
    await expectRefused(folder, sqlite, said);
    mkdirSync(join(folder, 'node_modules/better-sqlite3/build/Release'), { recursive: true });
    writeFileSync(join(folder, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'), 'of another Node');
    await expectRefused(folder, sqlite, 'npm rebuild --prefix');
  });

  test.runIf(isBuiltin('node:sqlite'))('is not missed where Node has SQLite itself', async () => {
    const folder = await installWithout('better-sqlite3');
    const config = join(folder, 'smmap.toml');
    const file = join(folder, 'mail.db');
    writeFileSync(file, '');
    writeFileSync(config, `[store.people]\n${sqlite.replace('/nowhere', file)}\n`);
    const { code, stderr } = await run(process.execPath, [join(folder, 'dist/main.js'), 'check', '--config', config]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('better-sqlite3')]);
  });
});
