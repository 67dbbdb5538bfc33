import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { findMariadb } from '../test/support/mariadb.ts';
import { findPostgresql } from '../test/support/postgresql.ts';
import { postfixadmin } from '../test/support/schema/postfixadmin.ts';
import { type OpenDatabase, PARTS, newSince } from './database.ts';
import { childrenOf } from './proc.ts';

/** The databases that have PostfixAdmin's tables. */

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
  return {
    mailboxes,
    pid: newSince(before),
    store: ['driver = "postgresql"', `url = "${server.url()}"`, 'schema = "postfixadmin"'],
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
  return {
    mailboxes,
    pid: newSince(before),
    store: ['driver = "mysql"', `url = "${server.url('mail')}"`, 'schema = "postfixadmin"'],
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
    stop: () => Promise.resolve(),
  });
};
