import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueryName } from '../../src/store/asked.ts';
import { createPostgresql, watchPostgresql } from '../../src/store/driver/postgresql/driver.ts';
import { type Verdict, parseUrl, verdictsOf } from '../../src/store/driver/postgresql/statement.ts';
import { parseQuery } from '../../src/store/driver/sql/query.ts';
import type { SqlOptions } from '../../src/store/driver/sql/server.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { type Bulk, QuestionError, StoreError } from '../../src/store/store.ts';
import type { KeyQuestion, MailboxQuestion, Question } from '../../src/vocabulary.ts';
import { PARTS, describePart } from '../real/part.ts';
import { ADMIN, type Postgresql, findPostgresql } from '../support/postgresql.ts';
import { DEFINITIONS, TABLES, queriesFor, rowsOf } from '../support/sql.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

const TIMEOUT_MS = 1_000;
const ACTIVE = { value: '', state: 'active' };

describePart('PostgreSQL', findPostgresql(PARTS), (installation) => {
  let server: Postgresql;
  const opened: { close(): unknown }[] = [];

  beforeAll(async () => {
    server = await installation.start({ tcp: true });
    await server.sql(DEFINITIONS.join('; '));
    await server.sql(
      `create role lookup login password 'right'; grant select on all tables in schema public to lookup`,
    );
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    await server.stop();
  });

  const ask = (options: Partial<SqlOptions> = {}): Bulk => {
    const bulk = createPostgresql({
      url: server.url(),
      password: null,
      tls: null,
      connections: 2,
      timeoutMs: PATIENT_MS,
      queries: queriesFor('postgresql'),
      ...options,
    });
    opened.push(bulk);
    return bulk;
  };
  const askBy = (text: string, name: QueryName = 'mailbox', options: Partial<SqlOptions> = {}): Bulk =>
    ask({ queries: queryOf(name, text), ...options });

  describeStore('PostgreSQL', {
    async open(records) {
      server.resume();
      await server.restart();
      const rows = rowsOf(records).map(
        ([table, values]) => `insert into ${table} values (${values.map(pg.escapeLiteral).join(', ')})`,
      );
      await server.sql([...TABLES.map((table) => `delete from ${table}`), ...rows].join('; '));
      return createBatch(ask(), { most: 100, inFlight: 2 });
    },
    breaks: async () => await server.kill(),
    hangs: () => server.hang(),
    lacks: { unwrittenTables: 'a query says only that there is no row' },
  });

  describe('the questions', () => {
    beforeAll(async () => {
      server.resume();
      await server.restart();
      await server.sql(`create table users (address text primary key, state text, other varchar(20));
        insert into users select 'user' || n || '@example.org', 'active', 'x' from generate_series(1, 300) n`);
    });

    it('go as one statement each kind, 200 of them in few round trips', async () => {
      const bulk = askBy('select address, state from users where address = :address');
      let trips = 0;
      const counted: Bulk = {
        lookupAll: async (questions) => {
          trips++;
          return await bulk.lookupAll(questions);
        },
        atomic: true,
        close: () => bulk.close(),
      };
      const store = createBatch(counted, { most: 100, inFlight: 2 });
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, at) => await store.lookup(mailbox(`user${at + 201}`))),
      );
      expect(answers.map((answer) => answer !== null)).toEqual(Array.from({ length: 200 }, (_, at) => at < 100));
      expect(trips).toBe(2);
      await store.close();
    });

    it('of several kinds are answered in their order, by fewer connections than there are kinds', async () => {
      await server.sql(`truncate ${TABLES.join(', ')};
        insert into mailboxes values ('fred', 'example.org', '', 'active');
        insert into folders values ('fred', 'example.org', 'abc');
        insert into aliases values ('info', 'example.org', 'fred@example.org'), ('info', 'example.org', 'joe@example.org');
        insert into entries values ('access', 'a', 'REJECT')`);
      const bulk = ask({ connections: 1 });
      const answers = await bulk.lookupAll([
        key('a'),
        mailbox('nobody'),
        { about: 'alias', local: 'info', domain: 'example.org', exact: false },
        { about: 'domain', domain: 'example.org' },
        mailbox('fred', 'abc'),
        mailbox('fred'),
        key('b'),
        mailbox('fred', 'abcd'),
      ]);
      expect(answers.map((answer) => (answer instanceof Error ? answer : (answer?.value ?? null)))).toEqual([
        'REJECT',
        null,
        'fred@example.org, joe@example.org',
        'mailbox',
        '',
        '',
        null,
        null,
      ]);
    });

    it('without a query of their kind fail alone', async () => {
      const bulk = askBy('select address from users where address = :address');
      const [first, second] = await bulk.lookupAll([mailbox('user1'), mailbox('user1', 'abc')]);
      expect(first).toEqual(ACTIVE);
      expect(second).toBeInstanceOf(QuestionError);
    });

    it('of 64 KB can be asked, and are found if they exist', async () => {
      const long = '\u00e9'.repeat(32_768);
      await server.sql('create table long (name text); insert into long select repeat($$\u00e9$$, 32768)');
      const bulk = askBy('select name as key from long where name = :key', 'key');
      expect(await bulk.lookupAll([key(long), key(`${long}x`), key('"{},\\\'')])).toEqual([ACTIVE, null, null]);
    });

    it('that the server refuses are refused as questions, and the connection stays', async () => {
      await server.sql('create table numbers (id integer); insert into numbers values (7)');
      const bulk = askBy('select id as key from numbers where id = :key', 'key', { connections: 1 });
      await expect(bulk.lookupAll([key('7'), key('x')])).rejects.toBeInstanceOf(QuestionError);
      const store = createBatch(bulk, { most: 10, inFlight: 1 });
      const settled = await Promise.allSettled(['7', 'x', '8'].map(async (id) => await store.lookup(key(id))));
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(settled[0]).toMatchObject({ value: ACTIVE });
      expect(settled[2]).toMatchObject({ value: null });
      expect(settled[1]).toMatchObject({ reason: expect.any(QuestionError) as unknown });
    });

    it('that come alone are read like those of a batch, and a refused one does not end the connection', async () => {
      await server.sql('create table alone (id integer, rest text); insert into alone values (7, null), (8, $$"\\x$$)');
      const bulk = askBy('select id as key, rest as value from alone where id = :key', 'key', { connections: 1 });
      const session = `select pid from pg_stat_activity where application_name = 'smmap' and query like '%alone%'`;
      expect((await eachAlone(bulk, [key('x')]))[0]).toBeInstanceOf(QuestionError);
      const before = await server.sql(session);
      expect(before).toHaveLength(1);
      const questions = [key('7'), key('x'), key('8'), key('9')];
      const quoted = { value: '"\\x', state: 'active' };
      expect(await eachAlone(bulk, questions)).toEqual([ACTIVE, expect.any(QuestionError), quoted, null]);
      expect(await server.sql(session)).toEqual(before);
    });

    it('of a union are asked by its first SELECT, and those that it finds not active by all of it', async () => {
      await server.sql(`create table one (address text, state text); create table two (address text);
        insert into one values ('a@example.org', 'active'), ('b@example.org', 'active'), ('off@example.org', 'disabled'),
          ('full@example.org', 'overquota');
        insert into two values ('c@example.org'), ('off@example.org')`);
      const union = `select address, state from one where address = :address
        union all select address, 'active' from two where address = :address`;
      const bulk = askBy(union, 'mailbox', { connections: 1 });
      const prepared = async (): Promise<readonly unknown[]> => {
        return await server.sql(`select query from pg_stat_activity where application_name = 'smmap'
          and query like '%from one%' and query not like '%from two%'`);
      };
      expect(await bulk.lookupAll(['a', 'b'].map((local) => mailbox(local)))).toEqual([ACTIVE, ACTIVE]);
      expect(await prepared(), 'the last statement was the first SELECT').toHaveLength(1);
      const mixed = ['nobody', 'a', 'off', 'c', 'full', 'b'].map((local) => mailbox(local));
      const answers = [null, ACTIVE, ACTIVE, ACTIVE, { value: '', state: 'overquota' }, ACTIVE];
      expect(await bulk.lookupAll(mixed)).toEqual(answers);
      expect(await prepared()).toHaveLength(0);
      for (let nth = 0; nth < 40; nth++) expect(await bulk.lookupAll(mixed)).toEqual(answers); // it learns
      expect(await eachAlone(bulk, mixed)).toEqual(answers);
      const fresh = askBy(union, 'mailbox', { connections: 1 });
      expect(await fresh.lookupAll([mixed[0] as Question, mixed[1] as Question])).toEqual([null, ACTIVE]);
      await bulk.close();
      await fresh.close();
    });

    it('of one moment are asked by one statement, whatever the first SELECT would find', async () => {
      const bulk = askBy(
        `select address, state from one where address = :address
          union all select address, 'active' from two where address = :address`,
        'mailbox',
        { connections: 1 },
      );
      expect(await bulk.lookupAll([mailbox('a'), mailbox('nobody')], true)).toEqual([ACTIVE, null]);
      const [row] = await server.sql(`select query from pg_stat_activity where application_name = 'smmap'
        and query like '%from one%' and query like '%from two%'`);
      expect(row).toBeDefined();
      expect(await bulk.lookupAll([mailbox('a'), mailbox('b')], true)).toEqual([ACTIVE, ACTIVE]);
      expect(
        await server.sql(`select 1 from pg_stat_activity where application_name = 'smmap'
          and query like '%from one%' and query not like '%from two%'`),
      ).toEqual([]);
      await bulk.close();
    });

    it('use the index of a table, even if the planner would read the whole table', async () => {
      await server.sql(`create table many (address varchar(255) primary key, domain varchar(255));
        insert into many select 'user' || n, 'example' || n % 10 from generate_series(1, 100000) n;
        create index on many (domain); analyze many`);
      const before = await scansOf(server, 'many');
      const domains = askBy('select domain from many where domain = :domain limit 1', 'domain');
      const keys = askBy('select address as key from many where address = :key', 'key');
      const numbers = Array.from({ length: 100 }, (_, at) => at);
      for (let round = 0; round < 10; round++) {
        const hosted = await domains.lookupAll(numbers.map((n) => ({ about: 'domain', domain: `example${n}` })));
        expect(hosted.filter((answer) => answer !== null)).toHaveLength(10);
        const found = await keys.lookupAll(numbers.map((n) => key(n % 2 === 0 ? `user${n + 1}` : `none${n}`)));
        expect(found.filter((answer) => answer !== null)).toHaveLength(50);
      }
      await domains.close();
      await keys.close();
      await sleep(200); // a session that ends has its figures counted
      expect((await scansOf(server, 'many')) - before).toBe(0);
    });

    it('may be asked with order, limit, common tables, unions and parameters without a type', async () => {
      for (const text of [
        'select address from users where address = :address order by state limit 1',
        'with mine as (select * from users where address = :address) select address from mine',
        "select address from users where address = :local || '@' || :domain union all select :address where false",
        'select address from users where address = concat(:local, $$@$$, :domain)',
        'select * from users where address = :address::text and :local is not null',
        'select address, count(*) from users where address = :address group by address',
        "select address from users where address like :local || '@%' and substr(address, length(:local) + 2) = :domain;",
      ]) {
        const bulk = askBy(text);
        const questions = [mailbox('user1'), mailbox('nobody'), mailbox('user300')];
        expect(await bulk.lookupAll(questions), text).toEqual([ACTIVE, null, ACTIVE]);
        expect(await eachAlone(bulk, questions), text).toEqual([ACTIVE, null, ACTIVE]);
        await bulk.close();
      }
    });

    it('do not refuse somebody whom a LIMIT hides behind a name that a wildcard finds', async () => {
      await server.sql(`create table wild (address text);
        insert into wild values ('axb@example.org'), ('a_b@example.org')`);
      const bulk = askBy('select address from wild where address ilike :address limit 1');
      const questions = [mailbox('a_b'), mailbox('axb'), mailbox('nobody')];
      const answers = [expect.any(QuestionError), ACTIVE, null];
      expect(await bulk.lookupAll(questions)).toEqual(answers);
      expect(await eachAlone(bulk, questions)).toEqual(answers);
      await bulk.close();
    });

    it('find the folder in its own spelling', async () => {
      await server.sql(`create table own (local text, folder text);
        insert into own values ('fred', 'Abc/Deep'), ('fred', 'other')`);
      const bulk = askBy('select folder from own where local = :local', 'folder');
      const anyCase = { ...mailbox('fred', 'abc/deep'), anyCase: true };
      expect(await bulk.lookupAll([mailbox('fred', 'abc/deep'), anyCase, mailbox('fred', 'Abc/Deep')])).toEqual([
        null,
        ACTIVE,
        ACTIVE,
      ]);
    });

    it('fail if the column state has an unknown value', async () => {
      await server.sql(`create table states (address text, state text);
        insert into states values ('user1@example.org', 'gone'), ('user2@example.org', null), ('user3@example.org', 'disabled')`);
      const bulk = askBy('select address, state from states where address = :address');
      const [gone, none, disabled] = await bulk.lookupAll([mailbox('user1'), mailbox('user2'), mailbox('user3')]);
      expect(gone).toBeInstanceOf(StoreError);
      expect(none).toBeInstanceOf(StoreError);
      expect(disabled).toEqual({ value: '', state: 'disabled' });
    });
  });

  describe('the columns', () => {
    it.each(['text', 'varchar(64)', 'char(64)', 'name', 'citext'])('may be %s', async (type) => {
      if (type === 'citext') await server.sql('create extension citext');
      await server.sql(`drop table if exists typed; create table typed (local ${type}, value ${type}, state ${type});
        insert into typed values ('Fred', 'a b', 'active'), ('jos\u00e9', '', 'overquota');
        create index on typed (local)`);
      const bulk = askBy('select local, value, state from typed where local = :local');
      const questions = [mailbox('Fred'), mailbox('jos\u00e9'), mailbox('nobody')];
      const answers = [{ value: 'a b', state: 'active' }, { value: '', state: 'overquota' }, null];
      expect(await bulk.lookupAll(questions)).toEqual(answers);
      expect(await eachAlone(bulk, questions)).toEqual(answers);
      const [lower] = await bulk.lookupAll([mailbox('fred')]);
      expect(lower === null).toBe(type !== 'citext');
      await bulk.close();
    });

    it('may be bytes and numbers, but not a type without a text form', async () => {
      const bulk = askBy(
        `select :local as local, case :local when 'a' then 'x'::bytea end as value from users limit 1`,
      );
      expect(await bulk.lookupAll([mailbox('a')])).toEqual([{ value: 'x', state: 'active' }]);
      const number = askBy('select 7::bigint as value from users where address = :address');
      expect(await number.lookupAll([mailbox('user1')])).toEqual([{ value: '7', state: 'active' }]);
      const array = askBy(`select array['a', 'b'] as value from users where address = :address`);
      expect((await array.lookupAll([mailbox('user1')]))[0]).toBeInstanceOf(StoreError);
    });
  });

  describe('the database', () => {
    it.each([
      ['UTF8', 'C.UTF-8', ACTIVE],
      ['LATIN1', 'C', ACTIVE],
      ['SQL_ASCII', 'C', ACTIVE],
    ])('may be %s, and every mailbox is found', async (encoding, locale, found) => {
      const name = encoding.toLowerCase();
      await server.sql(`create database ${name} encoding '${encoding}' locale '${locale}' template template0`);
      const fill = `create table users (local text); insert into users values ('fred'), (convert_from($1, $2))`;
      const [create, insert] = fill.split('; ') as [string, string];
      await server.sql(create, undefined, name);
      if (encoding === 'SQL_ASCII') {
        // In the bytes of another encoding, because nobody checked it.
        await server.sql(
          `set client_encoding = SQL_ASCII; insert into users values ('fred'), (E'jos\\351')`,
          undefined,
          name,
        );
      } else {
        await server.sql(insert, [Buffer.from('jos\u00e9'), 'UTF8'], name);
      }
      const bulk = askBy('select local from users where local = :local', 'mailbox', { url: server.url(name) });
      expect(await bulk.lookupAll([mailbox('fred'), mailbox('nobody')])).toEqual([found, null]);
      const [jose] = await bulk.lookupAll([mailbox('jos\u00e9')]);
      if (encoding === 'SQL_ASCII') expect(jose).toBeInstanceOf(QuestionError);
      else expect(jose).toEqual(ACTIVE);
      const [chinese] = await bulk.lookupAll([mailbox('\u4e2d')]);
      if (encoding === 'UTF8') expect(chinese).toBeNull();
      else expect(chinese).toBeInstanceOf(QuestionError);
    });

    it('may not hide rows from the account', async () => {
      await server.sql(`create table hidden (address text); insert into hidden values ('user1@example.org');
        alter table hidden enable row level security; grant select on hidden to lookup`);
      const bulk = askBy('select address from hidden where address = :address', 'mailbox', {
        url: server.url('postgres', 'lookup'),
      });
      const [answer] = await bulk.lookupAll([mailbox('user1')]);
      expect(said(answer)).toMatch(/row-level security/);
    });

    it('may not hide rows from the account in a session that a pooler gave to somebody else', async () => {
      await server.sql(`create table pooled (address text); insert into pooled values ('user1@example.org');
        alter table pooled enable row level security; grant select on pooled to lookup;
        create function leave() returns text language plpgsql as $$ begin execute 'reset all'; return 'left'; end $$`);
      const bulk = ask({
        url: server.url('postgres', 'lookup'),
        connections: 1,
        queries: {
          ...queryOf('mailbox', 'select address from pooled where address = :address'),
          ...queryOf('key', 'select :key as key, leave() as value'),
        },
      });
      expect(await bulk.lookupAll([key('a')])).toEqual([{ value: 'left', state: 'active' }]);
      expect(said((await bulk.lookupAll([mailbox('user1')]))[0])).toMatch(/a pooler such as PgBouncer mixes sessions/);
      const [one, two] = await bulk.lookupAll([mailbox('user1'), mailbox('user2')]);
      expect([said(one), said(two)]).toEqual([expect.stringMatching(/pooler/), expect.stringMatching(/pooler/)]);
    });

    it('whose collation has another version than its indexes finds, but is certain of no absence', async () => {
      await server.sql(`create database changed locale_provider icu icu_locale 'en' template template0`);
      await server.sql(`create table users (address text)`, undefined, 'changed');
      await server.sql(`insert into users values ('user1@example.org')`, undefined, 'changed');
      const answers = async (): Promise<string[]> => {
        const bulk = askBy('select address from users where address = :address', 'mailbox', {
          url: server.url('changed'),
        });
        const asked = await bulk.lookupAll([mailbox('user1'), mailbox('nobody')]);
        await bulk.close();
        return asked.map(said);
      };
      expect(await answers()).toEqual([JSON.stringify(ACTIVE), 'null']);
      await server.sql(`update pg_database set datcollversion = '1.0' where datname = 'changed'`);
      const [found, doubt] = await answers();
      expect(found).toBe(JSON.stringify(ACTIVE));
      expect(doubt).toMatch(/the collation has another version.* REINDEX DATABASE/);
      await server.sql('alter database changed refresh collation version');
      expect(await answers()).toEqual([JSON.stringify(ACTIVE), 'null']);
      await server.sql(
        `create collation named (provider = icu, locale = 'en'); create index on users (address collate named)`,
        undefined,
        'changed',
      );
      await server.sql(`update pg_collation set collversion = '1.0' where collname = 'named'`, undefined, 'changed');
      expect((await answers())[1]).toMatch(/the collation has another version/);
    });

    it('of a Turkish locale is certain of no absence if the query compares in lower case', async () => {
      await server.sql(`create database turkish locale_provider icu icu_locale 'tr' template template0`);
      await server.sql(
        `create table users (address text); insert into users values ('INFO@example.org'), ('fred@example.org')`,
        undefined,
        'turkish',
      );
      const answers = async (where: string): Promise<string[]> => {
        const bulk = askBy(`select address from users where ${where}`, 'mailbox', { url: server.url('turkish') });
        const asked = await bulk.lookupAll([mailbox('info'), mailbox('fred'), mailbox('nobody')]);
        await bulk.close();
        return asked.map(said);
      };
      const [info, fred, nobody] = await answers('lower(address) = lower(:address)');
      expect([info, nobody]).toEqual(Array.from({ length: 2 }, () => expect.stringMatching(/lower\('I'\) is not i/)));
      expect(fred).toBe(JSON.stringify(ACTIVE));
      expect(await answers('lower(address collate "C") = :address')).toEqual([
        JSON.stringify(ACTIVE),
        JSON.stringify(ACTIVE),
        'null',
      ]);
      expect((await answers('address = :address'))[2]).toBe('null');
    });

    it('is certain of no absence in a table that a subscription fills, or in a view over it', async () => {
      const publisher = await installation.start({ settings: { wal_level: 'logical' } });
      try {
        const filled = `create table followed (address text); create view seen as select address as a from followed`;
        await publisher.sql(`${filled}; create publication all_tables for all tables;
          insert into followed values ('user1@example.org')`);
        await server.sql(filled);
        await server.sql(
          `create subscription followed connection 'host=${publisher.folder} port=${publisher.port} user=${ADMIN}
            dbname=postgres' publication all_tables`,
        );
        await expect.poll(() => server.sql('select address from followed'), { timeout: 10_000 }).toHaveLength(1);
        const answersTo = async (text: string): Promise<string[]> => {
          const bulk = askBy(text);
          const asked = await bulk.lookupAll([mailbox('user1'), mailbox('nobody')]);
          await bulk.close();
          return asked.map(said);
        };
        const [table, view] = [
          'select address from followed where address = :address',
          'select a as address from public.seen where a = :address',
        ];
        for (const text of [table, view]) {
          const [found, doubt] = await answersTo(text);
          expect(found, text).toBe(JSON.stringify(ACTIVE));
          expect(doubt, text).toMatch(/a table that a subscription fills/);
        }
        const other = await answersTo('select address from users where address = :address');
        expect(other).toEqual([JSON.stringify(ACTIVE), 'null']);
        await server.sql('drop subscription followed');
        expect(await answersTo(table)).toEqual([JSON.stringify(ACTIVE), 'null']);
      } finally {
        await publisher.stop();
      }
    });

    it('is never seen empty while a table is emptied and filled in one transaction, at any isolation level', async () => {
      await server.sql(`create table filled (address text); insert into filled values ('user1@example.org');
        alter role lookup set default_transaction_isolation = 'repeatable read'; grant select on filled to lookup`);
      const bulk = askBy('select address from filled where address = :address', 'mailbox', {
        url: server.url('postgres', 'lookup'),
      });
      await bulk.lookupAll([mailbox('user1')]);
      const filling = server.sql(`begin; truncate filled; select pg_sleep(0.3);
        insert into filled values ('user1@example.org'); commit`);
      await sleep(150);
      expect(await bulk.lookupAll([mailbox('user1')])).toEqual([ACTIVE]);
      await filling;
    });

    it('cannot be written to by a query', async () => {
      await server.sql(`create table written (local text);
        create function note(text) returns text language sql as 'insert into written values ($1) returning local'`);
      const bulk = askBy('select note(:local) as local');
      const [answer] = await bulk.lookupAll([mailbox('fred')]);
      expect(said(answer)).toMatch(/read-only/);
      expect(await server.sql('select * from written')).toEqual([]);
    });
  });

  describe('the connection', () => {
    const isOne = 'select address from users where address = :address';

    it('is encrypted, and only to a server whose certificate the authority signed', async () => {
      const url = server.tcpUrl('lookup');
      const password = async (): Promise<string> => 'right';
      const tls = { ca: server.ca, cert: null, key: null, serverName: null, verify: true };
      const answerTo = async (options: Partial<SqlOptions>): Promise<string> => {
        await server.sql('grant select on users to lookup');
        const bulk = askBy(isOne, 'mailbox', { url, password, ...options });
        const [answer] = await bulk.lookupAll([mailbox('user1')]);
        await bulk.close();
        return said(answer);
      };
      const byNumber = url.replace('localhost', '127.0.0.1');
      expect(await answerTo({ tls })).toBe(JSON.stringify(ACTIVE));
      expect(await answerTo({ tls: null })).toMatch(/no encryption/);
      expect(await answerTo({ tls: { ...tls, ca: null } })).toMatch(/unable to verify|self.signed|issuer certificate/i);
      expect(await answerTo({ tls: { ...tls, ca: null, verify: false } })).toBe(JSON.stringify(ACTIVE));
      expect(await answerTo({ tls, url: byNumber })).toMatch(/altnames|IP: 127/);
      expect(await answerTo({ tls: { ...tls, serverName: 'localhost' }, url: byNumber })).toBe(JSON.stringify(ACTIVE));
      expect(await answerTo({ tls: { ...tls, serverName: 'other.example' } })).toMatch(/altnames/);
      expect(await answerTo({ tls, url: server.url() })).toMatch(/does not support SSL/);
    });

    it('reads the password again for each connection, so a corrected password needs no restart', async () => {
      let password = 'wrong-secret';
      const bulk = askBy(isOne, 'mailbox', {
        url: server.tcpUrl('lookup'),
        tls: { ca: server.ca, cert: null, key: null, serverName: null, verify: true },
        password: async () => password,
      });
      const [refused] = await bulk.lookupAll([mailbox('user1')]);
      expect(refused).toBeInstanceOf(StoreError);
      expect((refused as Error).message).toMatch(/localhost:\d+: password authentication failed/);
      expect((refused as Error).message).not.toContain('secret');
      password = 'right';
      expect(await bulk.lookupAll([mailbox('user1'), mailbox('nobody')])).toEqual([ACTIVE, null]);
      const without = askBy(isOne, 'mailbox', {
        url: server.tcpUrl('lookup'),
        tls: { ca: server.ca, cert: null, key: null, serverName: null, verify: true },
      });
      expect(said((await without.lookupAll([mailbox('user1')]))[0])).toMatch(/asks for a password: set password_file/);
    });

    it('fails within its time, also while it waits for a connection, and works again at once', async () => {
      const bulk = ask({ connections: 1, timeoutMs: 2_000 });
      await server.sql(
        `truncate ${TABLES.join(', ')}; insert into mailboxes values ('fred', 'example.org', '', 'active')`,
      );
      expect(await bulk.lookupAll([mailbox('fred')])).toEqual([ACTIVE]);
      server.hang();
      const begun = performance.now();
      const answers = await bulk.lookupAll([mailbox('fred'), key('a'), { about: 'domain', domain: 'example.org' }]);
      const tookMs = performance.now() - begun;
      server.resume();
      for (const answer of answers) expect(said(answer)).toMatch(/no answer within 2000 ms/);
      expect(tookMs).toBeLessThan(3_800); // and not twice its time
      expect(await bulk.lookupAll([mailbox('fred'), mailbox('nobody')])).toEqual([ACTIVE, null]);
    });

    it('that is given up leaves no query running on the server', async () => {
      const slow = askBy('select address from users, pg_sleep(30) where address = :address', 'mailbox', {
        timeoutMs: 300,
      });
      expect(said((await slow.lookupAll([mailbox('user1')]))[0])).toMatch(/no answer within|statement timeout/);
      const running = `select query from pg_stat_activity where application_name = 'smmap' and state = 'active'`;
      await expect.poll(async () => await server.sql(running)).toEqual([]);
    });

    it('that was cut while idle is opened again, and fails at once if a question was sent', async () => {
      const slow = askBy(
        `select address from users, pg_sleep(case :local when 'user2' then 15 else 0 end) where address = :address`,
        'mailbox',
        { connections: 1 },
      );
      expect(await slow.lookupAll([mailbox('user1')])).toEqual([ACTIVE]);
      const cut = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'smmap'`;
      const seen = async (state: string): Promise<number> =>
        (await server.sql(`select from pg_stat_activity where application_name = 'smmap' and state = '${state}'`))
          .length;
      await server.sql(cut);
      await expect.poll(() => seen('idle')).toBe(0);
      expect(await slow.lookupAll([mailbox('user1')])).toEqual([ACTIVE]);
      const begun = performance.now();
      const asked = slow.lookupAll([mailbox('user2')]);
      await expect.poll(() => seen('active')).toBe(1);
      await server.sql(cut);
      expect(said((await asked)[0])).toMatch(/administrator command/);
      expect(performance.now() - begun).toBeLessThan(10_000); // and not after its 15 s
    });

    it('that was closed gives no answer, and does not wait', async () => {
      const bulk = ask();
      server.hang();
      const asked = bulk.lookupAll([mailbox('fred')]);
      await bulk.close();
      expect(said((await asked)[0])).toMatch(/closed/);
      server.resume();
      expect(said((await bulk.lookupAll([mailbox('fred')]))[0])).toMatch(/closed/);
    });

    it('survives a table that is dropped, gets another type, and gets its old type back', async () => {
      await server.sql(
        `create table changing (address text, value text); insert into changing values ('user1@example.org', '1')`,
      );
      const bulk = askBy('select * from changing where address = :address', 'mailbox', { connections: 1 });
      const question = [mailbox('user1'), mailbox('nobody')];
      expect(await bulk.lookupAll(question)).toEqual([{ value: '1', state: 'active' }, null]);
      expect(await eachAlone(bulk, question)).toEqual([{ value: '1', state: 'active' }, null]);
      await server.sql('alter table changing alter value type integer using 2');
      const [stale] = await eachAlone(bulk, question);
      expect(said(stale)).toMatch(/must not change result type/);
      expect(await eachAlone(bulk, question)).toEqual([{ value: '2', state: 'active' }, null]);
      await server.sql('alter table changing rename value to other');
      await eachAlone(bulk, question);
      expect(await eachAlone(bulk, question), 'without a column of this name').toEqual([ACTIVE, null]);
      await server.sql('alter table changing rename other to value');
      await bulk.lookupAll(question); // the plan that the server has kept is not valid any more
      expect(await bulk.lookupAll(question)).toEqual([{ value: '2', state: 'active' }, null]);
      await server.sql('alter table changing rename to changed');
      for (const answer of await bulk.lookupAll(question)) {
        expect(answer).toBeInstanceOf(StoreError);
        expect(answer).not.toBeInstanceOf(QuestionError);
      }
      await server.sql('alter table changed rename to changing');
      expect(await bulk.lookupAll(question)).toEqual([{ value: '2', state: 'active' }, null]);
    });
  });

  describe('a standby', () => {
    it('answers what it finds, is uncertain of absences, and is certain of them after its promotion', async () => {
      await server.sql(
        `truncate ${TABLES.join(', ')}; insert into mailboxes values ('fred', 'example.org', '', 'active')`,
      );
      const standby = await installation.startStandby(server);
      try {
        const bulk = ask({ url: standby.url() });
        const alone = ask({ url: standby.url() });
        const questions = [mailbox('fred'), mailbox('nobody')];
        expect(await eachAlone(alone, questions)).toEqual([ACTIVE, expect.any(QuestionError)]);
        const [found, doubt] = await bulk.lookupAll(questions);
        expect(found).toEqual(ACTIVE);
        expect(said(doubt)).toMatch(/not found or not active on a standby/);
        expect(doubt).toBeInstanceOf(QuestionError);
        await standby.promote();
        const [still, first] = await bulk.lookupAll(questions);
        expect(still).toEqual(ACTIVE);
        expect(first, 'a question during the promotion may have seen old data').toBeInstanceOf(QuestionError);
        expect(await bulk.lookupAll(questions)).toEqual([ACTIVE, null]);
        const [unsure, certain] = await eachAlone(alone, [mailbox('nobody'), mailbox('nobody')]);
        expect(unsure).toBeInstanceOf(QuestionError);
        expect(certain).toBeNull();
      } finally {
        await standby.stop();
      }
    });
  });

  describe('a watch', () => {
    it('reports what changed, and after each connection that everything may have changed', async () => {
      const told: (string | null)[] = [];
      const failures: StoreError[] = [];
      const watch = watchPostgresql(
        { url: server.url(), password: null, tls: null, timeoutMs: TIMEOUT_MS },
        'a "Channel"',
        (what) => told.push(what),
        (cause) => failures.push(cause),
      );
      await expect.poll(() => told).toEqual([null]);
      await server.sql(`select pg_notify('a "Channel"', 'fred@example.org'), pg_notify('a "Channel"', '@example.org'),
        pg_notify('a "Channel"', ''), pg_notify('another', 'joe@example.org')`);
      await expect.poll(() => told).toEqual([null, 'fred@example.org', '@example.org', null]);
      await server.kill();
      await sleep(1_500);
      expect(told).toHaveLength(4);
      await server.restart();
      await expect.poll(() => told.length).toBe(5);
      await server.sql(`select pg_notify('a "Channel"', 'joe@example.org')`);
      await expect.poll(() => told.slice(4)).toEqual([null, 'joe@example.org']);
      expect(failures, 'one for the outage').toHaveLength(1);
      await server.restart('fast');
      await expect.poll(() => told.length, { timeout: 4_500 }).toBe(7); // before the next check
      expect(failures, 'one more').toHaveLength(2);
      await watch.close();
      await server.sql(`select pg_notify('a "Channel"', 'late@example.org')`);
      expect(told).toHaveLength(7);
    });

    it('hears from a trigger', async () => {
      await server.sql(`create table watched (address text);
        create function smmap_changed() returns trigger language plpgsql as $$
          begin
            if tg_op in ('UPDATE', 'DELETE') then perform pg_notify('smmap', old.address); end if;
            if tg_op in ('INSERT', 'UPDATE') then perform pg_notify('smmap', new.address); end if;
            if tg_op = 'TRUNCATE' then perform pg_notify('smmap', ''); end if;
            return null;
          end $$;
        create trigger smmap_changed after insert or update or delete on watched
          for each row execute function smmap_changed();
        create trigger smmap_emptied after truncate on watched
          for each statement execute function smmap_changed()`);
      const told: (string | null)[] = [];
      const options = { url: server.url('postgres', 'lookup'), password: null, tls: null, timeoutMs: TIMEOUT_MS };
      const watch = watchPostgresql(options, 'smmap', (what) => told.push(what));
      await expect.poll(() => told).toEqual([null]);
      await server.sql(`insert into watched values ('a@example.org'); update watched set address = 'b@example.org'`);
      await expect.poll(() => told.slice(1)).toEqual(['a@example.org', 'b@example.org']);
      await server.sql('delete from watched');
      await server.sql('truncate watched');
      await expect.poll(() => told.slice(3)).toEqual(['b@example.org', null]);
      await watch.close();
    });

    it('notices a server that hangs within ten seconds', async () => {
      const told: (string | null)[] = [];
      const failures: StoreError[] = [];
      const watch = watchPostgresql(
        { url: server.url(), password: null, tls: null, timeoutMs: TIMEOUT_MS },
        'changes',
        (what) => told.push(what),
        (cause) => failures.push(cause),
      );
      await expect.poll(() => told).toEqual([null]);
      server.hang();
      await expect.poll(() => failures.length, { timeout: 10_000 }).toBe(1);
      expect(failures[0]?.message).toMatch(/no answer within/);
      server.resume();
      await expect.poll(() => told).toEqual([null, null]);
      await watch.close();
    });
  });
});

describe('the url of a PostgreSQL server', () => {
  it.each([
    ['postgresql://fred@db.example:6432/mail', { host: 'db.example', port: 6432, user: 'fred', database: 'mail' }],
    ['postgres://db.example', { host: 'db.example', port: 5432, user: null, database: null }],
    ['postgresql:///mail?host=/run/postgresql', { host: '/run/postgresql', port: 5432, user: null, database: 'mail' }],
    ['postgresql://a%40b@[::1]/my%20mail?port=7', { host: '::1', port: 7, user: 'a@b', database: 'my mail' }],
    ['postgresql://a@%2Frun%2Fpg/mail', { host: '/run/pg', port: 5432, user: 'a', database: 'mail' }],
  ])('%s is read', (text, address) => {
    expect(parseUrl(text)).toEqual(address);
  });

  it.each([
    ['mysql://db.example/mail', /is not of the form postgresql/],
    ['postgresql:', /is not of the form postgresql/],
    ['postgresql://fred:secret@db.example/mail', /^has a password$/],
    ['postgresql://db.example/mail?sslmode=disable', /has the parameter sslmode/],
    [
      'postgresql://db.example/mail?password=secret',
      /^has the parameter password, but only host, port and user are allowed$/,
    ],
    ['postgresql://db.example/mail?port=0', /port/],
    ['postgresql://db.example/%zz', /percent/],
  ])('%s is refused', (text, flaw) => {
    expect(parseUrl(text)).toMatchObject({ flaw: expect.stringMatching(flaw) as unknown });
  });

  it('that has one makes every question fail', async () => {
    const bulk = createPostgresql({
      url: 'postgresql://db.example/?sslmode=require',
      password: null,
      tls: null,
      connections: 1,
      timeoutMs: TIMEOUT_MS,
      queries: queriesFor('postgresql'),
    });
    expect(said((await bulk.lookupAll([mailbox('fred')]))[0])).toMatch(/sslmode/);
  });
});

describe('the rows of a batch', () => {
  it('make a question uncertain if no row names it', () => {
    const row = { smmap_n: '1', smmap_standby: false, smmap_found: null };
    expect(verdictsOf({}, [mailbox('fred'), mailbox('joe')], [row], null, false)).toEqual([
      null,
      expect.any(StoreError),
    ]);
  });
});

function queryOf(name: QueryName, text: string): SqlOptions['queries'] {
  const query = parseQuery(name, text, 'postgresql');
  if ('flaw' in query) throw new Error(query.flaw);
  return { [name]: query };
}

/** Asks one question after the other. */
async function eachAlone(bulk: Bulk, questions: readonly Question[]): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const question of questions) verdicts.push(...(await bulk.lookupAll([question])));
  return verdicts;
}

/** What an error says, or what was answered. */
function said(verdict: Verdict | undefined): string {
  return verdict instanceof Error ? verdict.message : JSON.stringify(verdict);
}

function mailbox(local: string, folder: string | null = null): MailboxQuestion {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder, anyCase: false };
}

function key(text: string): KeyQuestion {
  return { about: 'key', table: 'access', key: text, exact: false };
}

async function scansOf(server: Postgresql, table: string): Promise<number> {
  const [row] = await server.sql('select seq_scan::int as n from pg_stat_user_tables where relname = $1', [table]);
  return row?.['n'] as number;
}
