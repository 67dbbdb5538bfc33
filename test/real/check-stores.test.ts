import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Httpd, startHttpd } from '../support/httpd.ts';
import { findMariadb, type Mariadb } from '../support/mariadb.ts';
import { findPostgresql, type Postgresql } from '../support/postgresql.ts';
import { findRedis, type Single } from '../support/redis.ts';
import { BLIND, findSlapd, READER, READER_PASSWORD, type Slapd, SUFFIX } from '../support/slapd.ts';
import { run } from './command.ts';
import { MAIN, cli } from './daemon.ts';
import { describePart, PARTS } from './part.ts';

const IS_ROOT = process.getuid?.() === 0;
const folder = mkdtempSync('/tmp/smmap-');
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file with a secret that the user daemon may read. */
function secret(text: string): string {
  const file = join(folder, 'secret');
  writeFileSync(file, `${text}\n`);
  chmodSync(file, 0o640);
  if (IS_ROOT) chownSync(file, 0, 1);
  return file;
}

/** What `smmap check --stores` says as the user daemon, and the exit code. */
async function checked(config: string): Promise<readonly [code: number, said: string]> {
  const file = join(folder, 'smmap.toml');
  if (IS_ROOT) chownSync(folder, 1, 1);
  const limits = config.includes('[limits]') ? '' : '[limits]\nsoft_connections = 5\nhard_connections = 10\n';
  writeFileSync(file, `[listen.mta]\npath = "${folder}/s"\n${limits}${config}`);
  const { code, stderr } = await cli(['check', '--config', file, '--stores', ...(IS_ROOT ? ['--user', 'daemon'] : [])]);
  return [code, stderr.replaceAll(`smmap: ${file}: `, '').replace(/^.*not checked for loops.*\n/gm, '')];
}

const CLEAN = [0, ''];
const fred = 'canary = { mailbox = "fred@example.org", alias = "info@example.org" }';
const maps = '[map.mailbox]\naliases = true\n';
const QUERIES = `
  mailbox = "select name as address from boxes where name = :address"
  alias = "select name as address, target as value from aliases where name = :address"`;
const TABLES = `
  create table boxes (name varchar(200) primary key); insert into boxes values ('fred@example.org');
  create table aliases (name varchar(200) primary key, target varchar(200));
  insert into aliases values ('info@example.org', 'fred@example.org');`;

describePart('smmap check --stores with PostgreSQL', findPostgresql(PARTS), (part) => {
  let server: Postgresql;
  const store = (user: string, file: string, more = ''): string => `
    [store.sql]
    driver = "postgresql"
    url = "${server.tcpUrl(user)}"
    password_file = "${file}"
    tls = { ca = "${folder}/ca.pem" }
    ${QUERIES}
    ${fred}
    ${more}
    ${maps}`;
  beforeAll(async () => {
    server = await part.start({ tcp: true });
    writeFileSync(join(folder, 'ca.pem'), server.ca);
    await server.sql(`${TABLES} create role smmap login password 'right'; grant select on boxes to smmap`);
  });
  afterAll(() => server.stop());

  test('names the GRANT that is missing, and no other', async () => {
    const [code, said] = await checked(store('smmap', secret('right')));
    expect(code).toBe(69);
    expect(said).toMatch(
      /^store sql: cannot be asked about aliases: PostgreSQL at [\w.:]+: permission denied for table aliases; grant the right, as the owner, in psql:\n {4}GRANT SELECT ON aliases TO smmap;\n$/,
    );
    await server.sql('grant select on aliases to smmap');
    expect(await checked(store('smmap', secret('right')))).toEqual(CLEAN);
  });

  test('names a wrong password, a missing role, a missing table, a missing database and an absent canary', async () => {
    const wrong = await checked(store('smmap', secret('wrong')));
    expect(wrong[0]).toBe(69);
    expect(wrong[1]).toContain(`store sql: cannot be asked about mailboxes, aliases: PostgreSQL`);
    expect(wrong[1]).toContain(
      `; correct the password in ${folder}/secret, or change it in the database, in psql:\n    \\password smmap\n`,
    );
    const gone = store('smmap', secret('right')).replace('from boxes', 'from nothing');
    expect((await checked(gone))[1]).toMatch(
      /mailboxes: .*relation "nothing" does not exist; correct the query or the schema/,
    );
    const database = store('smmap', secret('right')).replace('/postgres"', '/other"');
    expect((await checked(database))[1]).toMatch(
      /database "other" does not exist; correct the database in url, or make it:\n {4}createdb other\n/,
    );
    const canary = await checked(store('smmap', secret('right')).replace('fred@', 'gone@'));
    expect(canary[0]).toBe(65);
    expect(canary[1]).toContain(
      'store sql: does not find its canary gone@example.org among its mailboxes; restore the data',
    );
  });

  test('names a query that finds everything', async () => {
    const all = store('smmap', secret('right'))
      .replace('name = :address"', 'name = :address or true limit 1"')
      .replace('select name as address from boxes', "select '' as value from boxes");
    const [code, said] = await checked(all);
    expect(code).toBe(65);
    expect(said).toContain('store sql: finds postmaster@smmap.invalid among its mailboxes, which nobody has');
  });

  test('says if the server does not run, and reads the secret as the user of the service', async () => {
    const dead = store('smmap', secret('right')).replace(/localhost:\d+/, 'localhost:1');
    expect(await checked(dead)).toEqual([
      69,
      expect.stringMatching(/ECONNREFUSED.*; start the server, or correct the keys of the store\n$/),
    ]);
    if (!IS_ROOT) return;
    const file = secret('right');
    chownSync(file, 0, 0);
    const [code, said] = await checked(store('smmap', file));
    expect(code).toBe(78);
    expect(said).toContain(
      `store.sql.password_file: the user daemon may not read ${file}, because ${file} is root:root 0640; give the user that right:\n    chgrp daemon ${file}\n    chmod g+r ${file}\n`,
    );
  });
});

describePart('smmap check --stores with MariaDB', await findMariadb(PARTS), (part) => {
  let server: Mariadb;
  const store = (file: string): string => `
    [store.sql]
    driver = "mysql"
    url = "${server.url('mail', 'smmap')}"
    password_file = "${file}"
    ${QUERIES}
    ${fred}
    ${maps}`;
  beforeAll(async () => {
    server = await part.start();
    await server.sql(`create database mail; use mail; ${TABLES}
      create user smmap@localhost identified by 'right'; grant select on mail.boxes to smmap@localhost`);
  });
  afterAll(() => server.stop());

  test('names the GRANT that is missing, and a wrong password', async () => {
    const [code, said] = await checked(store(secret('right')));
    expect(code).toBe(69);
    expect(said).toMatch(
      /^store sql: cannot be asked about aliases: SELECT command denied .*; grant the right, as root:\n {4}GRANT SELECT ON mail\.aliases TO 'smmap'@'localhost';\n$/,
    );
    expect((await checked(store(secret('wrong'))))[1]).toMatch(
      /mailboxes, aliases: Access denied .*; correct the password in .*:\n {4}ALTER USER 'smmap'@'localhost' IDENTIFIED BY 'PASSWORD';\n$/,
    );
    await server.sql('grant select on mail.aliases to smmap@localhost');
    expect(await checked(store(secret('right')))).toEqual(CLEAN);
    expect((await checked(store(secret('right')).replace('from boxes', 'from nothing')))[1]).toMatch(
      /; correct the query, the schema, or the database in url\n$|grant the right/,
    );
  });
});

describePart('smmap check --stores with slapd', findSlapd(PARTS), (part) => {
  let server: Slapd;
  const store = (dn: string, file: string): string => `
    [store.staff]
    driver = "ldap"
    url = "${server.ldap}"
    bind_dn = "${dn}"
    password_file = "${file}"
    base = "ou=people,${SUFFIX}"
    preset = "mail"
    canary = { mailbox = "fred@example.org" }
    [map.mailbox]`;
  beforeAll(async () => {
    server = await part.start();
    await server.add([
      ['ou=people', { objectClass: 'organizationalUnit', ou: 'people' }],
      [
        'uid=fred,ou=people',
        { objectClass: 'inetOrgPerson', uid: 'fred', cn: 'fred', sn: 'f', mail: 'fred@example.org' },
      ],
    ]);
  });
  afterAll(() => server.stop());

  test('names the ACL that is missing, and a wrong password', async () => {
    expect(await checked(store(READER, secret(READER_PASSWORD)))).toEqual(CLEAN);
    const acl = (dn: string): string =>
      `    olcAccess: to dn.subtree="ou=people,${SUFFIX}" by dn.exact="${dn}" read by * break\n`;
    const [code, said] = await checked(store(BLIND, secret(READER_PASSWORD)));
    expect([code, said.endsWith(acl(BLIND))], said).toEqual([65, true]);
    const [wrong, text] = await checked(store(READER, secret('wrong')));
    expect(wrong).toBe(69);
    expect(text).toMatch(
      /the bind failed: invalidCredentials \(49\); correct bind_dn, or the password in .*:\n {4}ldappasswd /,
    );
  });
});

describePart('smmap check --stores with Redis', await findRedis(PARTS), (part) => {
  let server: Single;
  const store = (file: string): string => `
    [store.redis]
    driver = "redis"
    url = "${server.url}"
    username = "smmap"
    password_file = "${file}"
    mailbox = { set = "boxes", member = "{address}" }
    alias = { hash = "aliases", field = "{address}" }
    ${fred}
    ${maps}`;
  beforeAll(async () => {
    server = await part.start();
    await server.cli('sadd', 'boxes', 'fred@example.org');
    await server.cli(
      'acl',
      'setuser',
      'smmap',
      'on',
      '>right',
      '-@all',
      '+sismember',
      '+exists',
      '+multi',
      '+exec',
      '+role',
      '%R~boxes',
    );
  });
  afterAll(() => server.stop());

  test('names the ACL that is missing, a wrong password, and a key that is missing', async () => {
    const [code, said] = await checked(store(secret('right')));
    expect(code).toBe(69);
    const [, line = ''] = /^ {4}ACL SETUSER smmap (.*)$/m.exec(said) ?? [];
    expect(line, said).toMatch(/^%R~boxes %R~aliases \+exists \+multi \+exec \+role \+sismember \+smembers \+hget$/);
    await server.cli('acl', 'setuser', 'smmap', ...line.split(' '));
    const [empty, text] = await checked(store(secret('right')));
    expect([empty, text]).toEqual([
      65,
      expect.stringMatching(/^store redis: cannot be asked about aliases: the key aliases does not exist/),
    ]);
    await server.cli('hset', 'aliases', 'info@example.org', 'fred@example.org');
    expect(await checked(store(secret('right')))).toEqual(CLEAN);
    expect((await checked(store(secret('wrong'))))[1]).toMatch(
      /WRONGPASS.*; correct username, or the password in .*:\n {4}ACL SETUSER smmap on resetpass >PASSWORD\n$/s,
    );
  });
});

describe('smmap check --stores with an application', () => {
  let httpd: Httpd;
  beforeAll(async () => {
    httpd = await startHttpd();
    await httpd.load('users', [
      { question: 'mailbox', match: { address: 'fred@example.org' }, fields: { address: 'fred@example.org' } },
    ]);
  });
  afterAll(() => httpd.stop());

  test('says that it fails, or does not find its canary', async () => {
    const store = (canary: string): string => `
      [store.panel]
      driver = "http"
      mailbox = "${httpd.origin}/users/mailbox?address=:address"
      canary = { mailbox = "${canary}" }
      [map.mailbox]`;
    expect(await checked(store('fred@example.org'))).toEqual(CLEAN);
    expect(await checked(store('gone@example.org'))).toEqual([
      65,
      expect.stringContaining('store panel: does not find its canary gone@example.org'),
    ]);
    await httpd.become('500');
    expect(await checked(store('fred@example.org'))).toEqual([
      69,
      expect.stringMatching(/^store panel: cannot be asked about mailboxes: .*status 500/),
    ]);
  });
});

describe('smmap check --stores with an embedded store', () => {
  test('says that it is missing, or that the service cannot use it', async () => {
    const store = join(folder, 'store');
    const config = `[store.local]\ndriver = "embedded"\npath = "${store}"\n`;
    mkdirSync(store);
    if (IS_ROOT) chownSync(store, 1, 1);
    expect(await checked(config)).toEqual([
      65,
      expect.stringMatching(
        /^store local: there is no store in .*; bring it back \(is its disk mounted\?\), or make a new one: smmap store create\n$/,
      ),
    ]);
    expect((await cli(['store', 'create', '--store', store])).code).toBe(0);
    const added = await cli(['mailbox', 'add', '--store', store, 'fred@example.org']);
    expect(added.code, added.stderr).toBe(0);
    expect(await checked(config)).toEqual(CLEAN);
    if (!IS_ROOT) return;
    chownSync(join(store, 'smmap.mdb'), 0, 0);
    const [code, said] = await checked(config);
    expect(code).toBe(78);
    expect(said).toMatch(
      /^store\.local\.path: the user daemon may not read .*smmap\.mdb, because .* is root:root 0640; give the user that right:\n {4}chown daemon: /,
    );
  });

  test.runIf(IS_ROOT)('says what the service cannot do with its sockets', async () => {
    const [code, said] = await checked(`
      [listen.group]
      path = "${folder}/g"
      group = "mail"
      mode = "0660"
      [limits]
      soft_connections = 5
      hard_connections = 1_000_000
      [store.fixed]
      driver = "memory"
      mailboxes = ["fred@example.org"]
    `);
    expect(code).toBe(78);
    expect(said).toContain(
      'listen.group.group: the user daemon cannot give its socket to the group 8, because it is not in that group',
    );
    expect(said).toContain('    SupplementaryGroups=8\n    PrivateUsers=no\n    SystemCallFilter=@chown\n');
    expect(said).toMatch(/^limits\.hard_connections: is 1000000, but the service may open only \d+ files and sockets/m);
    expect(said).toContain('    LimitNOFILE=1000100\n');
  });

  test.runIf(IS_ROOT)('reads the configuration as the service does', async () => {
    const file = join(folder, 'private.toml');
    writeFileSync(file, '[store.fixed]\ndriver = "memory"\nmailboxes = ["fred@example.org"]\n', { mode: 0o600 });
    const { code, stderr } = await cli(['check', '--config', file, '--stores', '--user', 'daemon']);
    expect([code, stderr]).toEqual([78, expect.stringContaining('cannot be read (EACCES')]);
  });

  test.runIf(IS_ROOT)('says if the service cannot read the program', async () => {
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    symlinkSync(MAIN, join(home, 'smmap'));
    const { code, stderr } = await run(process.execPath, [
      join(home, 'smmap'),
      'check',
      '--config',
      '/dev/null',
      '--stores',
      '--user',
      'daemon',
    ]);
    expect([code, stderr]).toEqual([
      64,
      expect.stringContaining(`cannot read ${home}/smmap, because ${home} is forbidden`),
    ]);
  });

  test('only root names another user', async () => {
    const { code, stderr } = await cli(['check', '--user', 'nobody-has-this']);
    expect([code, stderr]).toEqual([64, 'smmap: --user nobody-has-this: there is no such user\n']);
  });
});
