import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredRecord } from '../../src/record/record.ts';
import { createMysql } from '../../src/store/driver/mysql/driver.ts';
import { parseQuery } from '../../src/store/driver/sql/query.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { QuestionError } from '../../src/store/store.ts';
import { PARTS, describePart } from '../real/part.ts';
import { type Mariadb, findMariadb } from '../support/mariadb.ts';
import { DEFINITIONS, queriesFor, rowsOf } from '../support/sql.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

describePart('MariaDB', await findMariadb(PARTS), (mariadb) => {
  let server: Mariadb;
  let last = '';
  beforeAll(async () => {
    server = await mariadb.start();
  });
  afterAll(() => server.stop());

  const open = (database: string, timeoutMs: number) =>
    createBatch(
      createMysql({
        url: server.url(database),
        password: null,
        tls: null,
        connections: 2,
        timeoutMs,
        queries: queriesFor('mysql'),
      }),
      { most: 100, inFlight: 2 },
    );

  describe.each(['utf8mb4_general_ci', 'utf8mb4_bin'])('with %s', (collation) => {
    describeStore(`MariaDB with ${collation}`, {
      async open(records) {
        last = `d${randomBytes(8).toString('hex')}`;
        await server.sql(`create database ${last} character set utf8mb4 collate ${collation}`);
        await fill(server, last, records);
        return open(last, PATIENT_MS);
      },
      async breaks() {
        await server.sql(`drop database ${last}`);
      },
      hangs: { cannot: 'test/real/mysql.test.ts stops its server' },
      lacks: { unwrittenTables: 'one SQL table may hold all tables, so an empty one is normal' },
    });
  });

  it('refuses a query that selects two columns of one name, alone and in a batch', async () => {
    await server.sql(`create database twice; create table twice.users (address varchar(80) primary key);
      insert into twice.users values ('fred@example.org')`);
    const query = parseQuery(
      'mailbox',
      'select address, 1 as value, 2 as Value from users where address = :address',
      'mysql',
    );
    if ('flaw' in query) throw new Error(query.flaw);
    const options = { password: null, tls: null, connections: 1, timeoutMs: 5_000, queries: { mailbox: query } };
    const bulk = createMysql({ ...options, url: server.url('twice') });
    const fred = {
      about: 'mailbox',
      local: 'fred',
      domain: 'example.org',
      exact: false,
      folder: null,
      anyCase: false,
    } as const;
    const joe = { ...fred, local: 'joe' };
    await expect(bulk.lookupAll([fred])).rejects.toThrow(/^the query mailbox selects two columns value: name them/);
    await expect(bulk.lookupAll([joe])).rejects.toThrow(/two columns value/);
    await expect(bulk.lookupAll([fred, joe])).rejects.toThrow(/duplicate column|two columns/i);
    await bulk.close();
  });

  it('does not refuse somebody whom a LIMIT or a GROUP BY hides behind a name that the collation finds equal', async () => {
    await server.sql(`create database hidden character set utf8mb4 collate utf8mb4_general_ci;
      create table hidden.users (id int auto_increment primary key, address varchar(80), key (address));
      insert into hidden.users (address) values ('joé@example.org'), ('joe@example.org')`);
    const box = { about: 'mailbox', domain: 'example.org', exact: false, folder: null, anyCase: false } as const;
    for (const rest of ['limit 1', 'group by address']) {
      const query = parseQuery('mailbox', `select address from users where address = :address ${rest}`, 'mysql');
      if ('flaw' in query) throw new Error(query.flaw);
      const options = { password: null, tls: null, connections: 1, timeoutMs: 5_000, queries: { mailbox: query } };
      const bulk = createMysql({ ...options, url: server.url('hidden') });
      const [joe, other, nobody] = await bulk.lookupAll([
        { ...box, local: 'joe' },
        { ...box, local: 'joé' },
        { ...box, local: 'nobody' },
      ]);
      expect(joe, rest).toBeInstanceOf(QuestionError);
      expect([other, nobody], rest).toEqual([{ value: '', state: 'active' }, null]);
      await bulk.close();
    }
  });
});

async function fill(server: Mariadb, database: string, records: readonly StoredRecord[]): Promise<void> {
  const quote = (text: string): string => `convert(x'${Buffer.from(text).toString('hex')}' using utf8mb4)`;
  const inserts = rowsOf(records).map(([table, row]) => `insert into ${table} values (${row.map(quote).join(', ')})`);
  await server.sql([`use ${database}`, ...DEFINITIONS, ...inserts].join(';\n'));
}
