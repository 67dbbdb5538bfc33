import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type Dialect, type Query, parseQuery } from '../src/store/driver/sql/query.ts';
import { SCHEMAS } from '../src/store/driver/sql/schema.ts';
import { run } from '../test/real/command.ts';
import { findMariadb } from '../test/support/mariadb.ts';
import { ADMIN as PG_ADMIN, findPostgresql } from '../test/support/postgresql.ts';
import { postfixadmin } from '../test/support/schema/postfixadmin.ts';
import { OWN_QUERY, type OpenDatabase, PARTS, SAME_QUERY, type Statement, newSince } from './database.ts';
import { childrenOf } from './proc.ts';

/** The databases that have PostfixAdmin's tables. */

const OWN_TEXT = `select maildir from mailbox where username = :address and active`;
const DOMAIN = `insert into domain (domain) values ('example.org')`;

export const openPostgresql: OpenDatabase = async ({ mailboxes }) => {
  const installation = findPostgresql(PARTS);
  if ('missing' in installation) return installation;
  const before = childrenOf(process.pid);
  const settings = {
    max_connections: '200',
    shared_buffers: '1GB',
    max_wal_size: '8GB',
    autovacuum: 'off',
  };
  const server = await installation.start({ settings });
  const { folder, port } = server;
  const last = mailboxes - 1;
  const statements = [
    ...(postfixadmin.definitions.postgresql ?? []),
    DOMAIN,
    'set session_replication_role = replica', // one domain needs not be looked for a million times
    `insert into mailbox (username, local_part, domain, maildir)
      select 'user' || n || '@example.org', 'user' || n, 'example.org', 'example.org/user' || n || '/'
      from generate_series(0, ${last}) n`,
    'insert into alias (address, goto, domain) select username, username, domain from mailbox',
  ];
  await server.sql(statements.join(';\n'));
  await server.sql('vacuum analyze');
  // Postfix knows only the port that PostgreSQL has of its own
  await run('ln', ['-s', join(folder, `.s.PGSQL.${port}`), join(folder, '.s.PGSQL.5432')]);
  const account = { user: PG_ADMIN, database: 'postgres' };
  const where = { kind: 'postgresql', host: folder, port, ...account } as const;
  return {
    mailboxes,
    pid: newSince(before),
    store: ['driver = "postgresql"', `url = "${server.url()}"`, 'schema = "postfixadmin"'],
    bare: {
      [SAME_QUERY]: { ...where, ...statementOf('postgresql', null) },
      [OWN_QUERY]: { ...where, ...statementOf('postgresql', OWN_TEXT) },
    },
    postfix: {
      type: 'pgsql',
      lines: [
        `hosts = unix:${folder}`,
        `user = ${PG_ADMIN}`,
        'password =',
        'dbname = postgres',
        `query = SELECT maildir FROM mailbox WHERE username='%s' AND active = '1'`,
      ],
    },
    stop: () => server.stop(),
  };
};

export const openMariadb: OpenDatabase = async ({ mailboxes }) => {
  const installation = await findMariadb(PARTS);
  if ('missing' in installation) return installation;
  const before = childrenOf(process.pid);
  const settings = ['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=1G'];
  const server = await installation.start({ settings });
  const statements = [
    'create database mail',
    'use mail',
    ...(postfixadmin.definitions.mysql ?? []),
    DOMAIN,
    `insert into mailbox (username, local_part, domain, maildir)
      select concat('user', seq, '@example.org'), concat('user', seq), 'example.org', concat('example.org/user', seq, '/')
      from seq_0_to_${mailboxes - 1}`,
    'insert into alias (address, goto, domain) select username, username, domain from mailbox',
    'analyze table mailbox, alias, alias_domain, domain',
  ];
  await server.sql(statements.join(';\n'));
  const account = { user: 'root', database: 'mail' };
  const where = { kind: 'mysql', socketPath: server.socketPath, ...account } as const;
  return {
    mailboxes,
    pid: newSince(before),
    store: ['driver = "mysql"', `url = "${server.url('mail')}"`, 'schema = "postfixadmin"'],
    bare: {
      [SAME_QUERY]: { ...where, ...statementOf('mysql', null) },
      [OWN_QUERY]: { ...where, ...statementOf('mysql', OWN_TEXT) },
    },
    postfix: {
      type: 'mysql',
      lines: [
        `hosts = unix:${server.socketPath}`,
        'user = root',
        'password =',
        'dbname = mail',
        'option_group =',
        `query = SELECT maildir FROM mailbox WHERE username='%s' AND active = '1'`,
      ],
    },
    stop: () => server.stop(),
  };
};

export const openSqlite: OpenDatabase = ({ folder, mailboxes }) => {
  const path = join(folder, 'mail.db');
  const db = new Sqlite(path);
  for (const text of [...(postfixadmin.definitions.sqlite ?? []), DOMAIN]) db.exec(text);
  db.exec(`with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${mailboxes - 1})
    insert into mailbox (username, local_part, domain, maildir)
      select 'user' || n || '@example.org', 'user' || n, 'example.org', 'example.org/user' || n || '/' from numbers`);
  db.exec('insert into alias (address, goto, domain) select username, username, domain from mailbox');
  db.exec('analyze');
  db.close();
  return Promise.resolve({
    mailboxes,
    pid: null,
    store: ['driver = "sqlite"', `path = "${path}"`, 'schema = "postfixadmin"'],
    bare: {
      [SAME_QUERY]: { kind: 'sqlite', path, ...statementOf('sqlite', null) },
      [OWN_QUERY]: { kind: 'sqlite', path, ...statementOf('sqlite', OWN_TEXT) },
    },
    postfix: {
      type: 'sqlite',
      lines: [`dbpath = ${path}`, `query = SELECT maildir FROM mailbox WHERE username='%s' AND active = '1'`],
    },
    stop: () => Promise.resolve(),
  });
};

/** A query of ours as the client packages take it; null: the mailbox query of the schema. */
function statementOf(dialect: Dialect, own: string | null): Statement {
  const text = own ?? SCHEMAS.postfixadmin[dialect]?.mailbox ?? '';
  const { parts, parameters } = parseQuery('mailbox', text, dialect) as Query;
  if (dialect !== 'postgresql') return { text: parts.join('?'), parameters };
  const distinct = [...new Set(parameters)];
  const numbered = parts.map((part, at) => {
    const parameter = parameters[at];
    return parameter === undefined ? part : `${part}$${distinct.indexOf(parameter) + 1}`;
  });
  return { text: numbered.join(''), parameters: distinct };
}
