import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findMariadb } from '../test/support/mariadb.ts';
import { findPostgresql } from '../test/support/postgresql.ts';
import { findRedis } from '../test/support/redis.ts';
import { postfixadmin } from '../test/support/schema/postfixadmin.ts';
import { READER, READER_PASSWORD, SUFFIX, findSlapd } from '../test/support/slapd.ts';
import { openToWrite } from '../test/support/sqlite.ts';
import type { Bench, Part } from './bench.ts';
import { firstOf } from './proc.ts';
import type { Scratch } from './processes.ts';
import { MAP, addressOf, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { type Server, startDaemon } from './server.ts';
import { embedded } from './store.ts';
import { type Figure, type Goal, formatNumber, judge } from './table.ts';

/** A database that has the mailboxes of the bench in it. */
export interface Database {
  readonly mailboxes: number;
  /** The lines of a store in it. */
  readonly store: readonly string[];
  stop(): Promise<void>;
}

type Open = (mailboxes: number, scratch: Scratch) => Promise<Database | { readonly missing: string }>;

const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));
const MOST_ENTRIES = 20_000; // ldapmodify adds some thousands in a second
const PORTION = 10_000;
const CONNECTIONS = 50;
const HOT = 10_000; // mailboxes that nine of ten requests ask for
const JUDGED = 'PostgreSQL';

const DOMAIN = `insert into domain (domain) values ('example.org')`;
const ALIASES = 'insert into alias (address, goto, domain) select username, username, domain from mailbox';
const COLUMNS = 'mailbox (username, local_part, domain, maildir)';

/** Starts PostgreSQL with the tables of PostfixAdmin. */
export async function openPostgresql(
  mailboxes: number,
): Promise<(Database & { readonly url: string }) | { readonly missing: string }> {
  const installation = findPostgresql(PARTS);
  if ('missing' in installation) return installation;
  const settings = { max_connections: '300', shared_buffers: '1GB', max_wal_size: '8GB', autovacuum: 'off' };
  const server = await installation.start({ settings });
  const statements = [
    ...(postfixadmin.definitions.postgresql ?? []),
    DOMAIN,
    'set session_replication_role = replica', // without a look at the domain for each mailbox
    `insert into ${COLUMNS} select 'user' || n || '@example.org', 'user' || n, 'example.org', 'user' || n
      from generate_series(0, ${mailboxes - 1}) n`,
    ALIASES,
  ];
  await server.sql(statements.join(';\n'));
  await server.sql('vacuum analyze');
  const url = server.url();
  const store = ['driver = "postgresql"', `url = "${url}"`, 'schema = "postfixadmin"'];
  return { mailboxes, url, store, stop: () => server.stop() };
}

const openMariadb: Open = async (mailboxes) => {
  const installation = await findMariadb(PARTS);
  if ('missing' in installation) return installation;
  const settings = ['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=1G'];
  const server = await installation.start({ settings });
  const statements = [
    'create database mail',
    'use mail',
    ...(postfixadmin.definitions.mysql ?? []),
    DOMAIN,
    `insert into ${COLUMNS} select concat('user', seq, '@example.org'), concat('user', seq), 'example.org', seq
      from seq_0_to_${mailboxes - 1}`,
    ALIASES,
    'analyze table mailbox, alias, alias_domain, domain',
  ];
  await server.sql(statements.join(';\n'));
  const store = ['driver = "mysql"', `url = "${server.url('mail')}"`, 'schema = "postfixadmin"'];
  return { mailboxes, store, stop: () => server.stop() };
};

const openSlapd: Open = async (wanted, scratch) => {
  const installation = findSlapd(PARTS);
  if ('missing' in installation) return installation;
  const mailboxes = Math.min(wanted, MOST_ENTRIES);
  const server = await installation.start({ database: 'index mailAlternateAddress eq' });
  await server.add([['ou=people', { objectClass: 'organizationalUnit', ou: 'people' }]]);
  await server.add(
    Array.from({ length: mailboxes }, (_, n) => {
      const person = { objectClass: ['inetOrgPerson', 'smmapThing'], cn: `${n}`, sn: `${n}`, mail: addressOf(n) };
      return [`uid=user${n},ou=people`, person] as const;
    }),
  );
  const password = scratch.path('.password');
  writeFileSync(password, READER_PASSWORD);
  const account = [`bind_dn = "${READER}"`, `password_file = "${password}"`];
  const place = [`url = "${server.ldap}"`, `base = "ou=people,${SUFFIX}"`, 'preset = "mail"'];
  return { mailboxes, store: ['driver = "ldap"', ...place, ...account], stop: () => server.stop() };
};

const openRedis: Open = async (mailboxes) => {
  const installation = await findRedis(PARTS);
  if ('missing' in installation) return installation;
  const server = await installation.start();
  for (let from = 0; from < mailboxes; from += PORTION) {
    const length = Math.min(PORTION, mailboxes - from);
    await server.cli('sadd', 'mailboxes', ...Array.from({ length }, (_, n) => addressOf(from + n)));
  }
  const layout = ['mailbox = { set = "mailboxes", member = "{address}" }', `canary = { mailbox = "${addressOf(0)}" }`];
  return { mailboxes, store: ['driver = "redis"', `url = "${server.url}"`, ...layout], stop: () => server.stop() };
};

const openSqlite: Open = (mailboxes, scratch) => {
  const path = scratch.path('.db');
  const database = openToWrite(path);
  for (const statement of [...(postfixadmin.definitions.sqlite ?? []), DOMAIN]) database.exec(statement);
  database.exec(`with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${mailboxes - 1})
    insert into ${COLUMNS} select 'user' || n || '@example.org', 'user' || n, 'example.org', 'user' || n from numbers`);
  for (const statement of [ALIASES, 'analyze']) database.exec(statement);
  database.close();
  const store = ['driver = "sqlite"', `path = "${path}"`, 'schema = "postfixadmin"'];
  return Promise.resolve({ mailboxes, store, stop: () => Promise.resolve() });
};

const DATABASES: Readonly<Record<string, Open>> = {
  PostgreSQL: openPostgresql,
  MariaDB: openMariadb,
  slapd: openSlapd,
  Redis: openRedis,
  SQLite: openSqlite,
};

const ABOUT = `
Databases: requests for mailboxes in a database on this machine. Load, daemon and database share its cores.
Without "batch = 1" one query asks for several mailboxes. "x first": divided by the first row.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, full, print } = bench;
  print(ABOUT);
  const figures: Figure[] = [];
  const goals: Goal[] = [];
  for (const [name, open] of Object.entries(DATABASES)) {
    // SQLite has no process
    const { made: database, pid } = await firstOf(() => open(full ? 1_000_000 : 100_000, scratch));
    if ('missing' in database) {
      print(`${name}: not measured, ${database.missing}. To unpack it: sh test/real/parts.sh .parts\n`);
      continue;
    }
    try {
      const rates = await measure(bench, database, pid);
      print(`${name} with ${formatNumber(database.mailboxes)} mailboxes\n`);
      print(`${formatRates(rates, 'first', () => rates[0] as Rate)}\n`);
      figures.push(...figuresOf(rates).map((figure) => Object.assign(figure, { what: `${name}: ${figure.what}` })));
      if (name === JUDGED) goals.push(...judgeAll(name, rates));
    } finally {
      await database.stop();
    }
  }
  return { figures, goals };
};

export const databasesPart: Part = {
  about: 'PostgreSQL, MariaDB, slapd, Redis and SQLite behind the daemon; minutes',
  run,
};

const BATCHES = '50 connections';
const ALONE = '50 connections, batch = 1';
const CACHED = '50 connections, cache = {}';
const EMBEDDED = '50 connections, embedded store';

async function measure(bench: Bench, { mailboxes, store }: Database, databasePid: number | null): Promise<Rate[]> {
  const { scratch, builds, stores } = bench;
  const servers: Server[] = [];
  const asked: Asked[] = [];
  const all = [present(mailboxes)];
  const mostlyHot = [...Array.from({ length: 9 }, () => present(Math.min(HOT, mailboxes))), ...all];
  for (const build of builds) {
    const add = async (lines: readonly string[], rows: readonly Partial<Asked>[]): Promise<void> => {
      const server = await startDaemon(scratch, build, lines);
      servers.push(server);
      const same = { server, connections: CONNECTIONS, map: MAP, keys: all, databasePid, expected: 'OK' } as const;
      for (const row of rows) asked.push(Object.assign({ what: '' }, same, row));
    };
    await add(store, [{ what: BATCHES }, { what: '1 connection', connections: 1 }]);
    if (databasePid !== null) {
      await add([...store, 'batch = 1'], [{ what: ALONE }]);
      await add([...store, 'cache = {}'], [{ what: CACHED, keys: mostlyHot }]);
    }
    const own = await stores.get(build, mailboxes);
    await add(embedded(own.folder), [{ what: EMBEDDED, keys: mostlyHot, databasePid: null }]);
  }
  try {
    // Both builds one after the other
    const rows = [...new Set(asked.map(({ what }) => what))];
    const inOrder = rows.flatMap((row) => asked.filter(({ what }) => what === row));
    return await measureRates(bench, inOrder);
  } finally {
    for (const server of servers) await server.close();
  }
}

function judgeAll(name: string, rates: readonly Rate[]): Goal[] {
  const [batches, alone, cached, own] = [BATCHES, ALONE, CACHED, EMBEDDED].map((what) =>
    rates.find(({ asked }) => asked.what === what && asked.server.name === 'this build'),
  ) as [Rate, Rate, Rate, Rate];
  return [
    judge(`requests/s of ${name}, x batch = 1`, ratioOf(batches, alone, 'perSecond'), 'at least', 3),
    judge(`requests/s of ${name} with a cache, x embedded store`, ratioOf(cached, own, 'perSecond'), 'at least', 0.7),
  ];
}
