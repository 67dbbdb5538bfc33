import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createMysql } from '../../src/store/driver/mysql/driver.ts';
import { mysql } from '../../src/store/driver/mysql/keys.ts';
import { createPostgresql } from '../../src/store/driver/postgresql/driver.ts';
import { postgresql } from '../../src/store/driver/postgresql/keys.ts';
import { createRedis } from '../../src/store/driver/redis/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { UNTOLD } from '../../src/store/open.ts';
import type { Bulk, Store } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore } from '../support/config.ts';
import { findMariadb, type Mariadb } from '../support/mariadb.ts';
import { findPostgresql, type Postgresql } from '../support/postgresql.ts';
import { findRedis, KEYS, layoutsOf, type Single } from '../support/redis.ts';
import { DEFINITIONS, queriesFor, TEXTS } from '../support/sql.ts';
import { describePart, PARTS } from './part.ts';

// Real databases, in which fred is a mailbox or an alias at every moment, or in which tables are filled anew, while they are asked.

const FRED = { local: 'fred', domain: 'example.org', exact: false } as const;
const AS_MAILBOX: Question = { about: 'mailbox', ...FRED, folder: null, anyCase: false };
const AS_ALIAS: Question = { about: 'alias', ...FRED };
const TRIAL_MS = 1_500;
const ASKERS = 4;

const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});
function over(bulk: Bulk): Store {
  const store = createBatch(bulk, { most: 100, inFlight: 2 });
  stores.push(store);
  return store;
}

/** Asks all the time while `change` runs again and again, and counts how often neither is found. */
async function askDuring(store: Store, change: () => Promise<unknown>): Promise<{ asked: number; missed: number }> {
  const end = performance.now() + TRIAL_MS;
  let asked = 0;
  let missed = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < end) {
      const answers = await Promise.resolve()
        .then(() => store.lookupAtOnce([AS_MAILBOX, AS_ALIAS]))
        .catch(() => []); // such as a deadlock with who truncates
      if (answers.length > 0) asked++;
      if (answers.length > 0 && answers.every((answer) => answer === null)) missed++;
    }
  };
  const changing = async (): Promise<void> => {
    while (performance.now() < end) await change();
  };
  await Promise.all([changing(), ...Array.from({ length: ASKERS }, ask)]);
  return { asked, missed };
}

/** Asks one question all the time while `change` runs; a failure is no absence. */
async function missesDuring(store: Store, question: Question, change: () => Promise<unknown>): Promise<Counted> {
  const counted = { found: 0, missed: 0, failed: 0 };
  const changing = new AbortController();
  const ask = async (): Promise<void> => {
    while (!changing.signal.aborted) {
      const answer = await Promise.resolve()
        .then(() => store.lookup(question))
        .catch((): 'failed' => 'failed');
      if (answer === 'failed') await sleep(1);
      counted[answer === 'failed' ? 'failed' : answer === null ? 'missed' : 'found']++;
    }
  };
  const asking = Array.from({ length: ASKERS }, ask);
  await change();
  changing.abort();
  await Promise.all(asking);
  return counted;
}

interface Counted {
  readonly found: number;
  readonly missed: number;
  readonly failed: number;
}

const person = (local: string): Question => ({ ...AS_MAILBOX, local });
const STORE = { ...TEXTS, canary: { mailbox: 'canary@example.org' }, timeout_ms: 2_000 };

const TO_ALIAS = `delete from mailboxes where local = 'fred'; insert into aliases values ('fred', 'example.org', 'x@y.example')`;
const TO_MAILBOX = `delete from aliases where local = 'fred'; insert into mailboxes values ('fred', 'example.org', '', 'active')`;
const PEOPLE = `insert into mailboxes values ('fred', 'example.org', '', 'active'), ('canary', 'example.org', '', 'active')`;

describePart('PostgreSQL', findPostgresql(PARTS), (installation) => {
  const servers: Postgresql[] = [];
  const start = async (): Promise<Postgresql> => {
    const server = await installation.start();
    servers.push(server);
    await server.sql(`${DEFINITIONS.join('; ')}; ${PEOPLE}`);
    return server;
  };
  let server: Postgresql;
  beforeAll(async () => void (server = await start()));
  afterAll(async () => {
    for (const each of servers) await each.stop();
  });
  const optionsOf = (url: string) => {
    return { url, password: null, tls: null, connections: 2, timeoutMs: 2_000, queries: queriesFor('postgresql') };
  };

  it.each([
    ['moves in one transaction', () => server.sql(`begin; ${TO_ALIAS}; commit; begin; ${TO_MAILBOX}; commit`)],
    [
      'moves while both tables are truncated and filled again',
      () =>
        server.sql(`begin; truncate mailboxes, aliases; insert into aliases values ('fred', 'example.org', 'x@y.example');
          insert into mailboxes select 'x' || n, 'example.org', '', 'active' from generate_series(1, 100) n; commit;
          begin; truncate mailboxes, aliases; ${PEOPLE}; commit`),
    ],
  ])('finds an address that %s', async (_, change) => {
    const { asked, missed } = await askDuring(over(createPostgresql(optionsOf(server.url()))), change);
    expect(missed).toBe(0);
    expect(asked).toBeGreaterThan(50);
  });

  it('is not certain of an absence while the first of two servers is emptied and filled again', async () => {
    const second = await start();
    const url = [server.url(), second.url()];
    const config = postgresql.keys.parse({ driver: 'postgresql', url, ...STORE });
    const store = await openStore(config, UNTOLD);
    stores.push(store);
    const counted = await missesDuring(store, person('fred'), async () => {
      for (let times = 0; times < 30; times++) {
        await server.sql('delete from mailboxes');
        await sleep(times % 10);
        await server.sql(PEOPLE);
        await sleep(times % 7);
      }
    });
    expect(counted.missed).toBe(0);
    expect(counted.found).toBeGreaterThan(50);
    expect(await store.lookup(person('nobody'))).toBeNull();
  });
});

describePart('MariaDB', await findMariadb(PARTS), (mariadb) => {
  let server: Mariadb;
  beforeAll(async () => {
    server = await mariadb.start();
    await server.sql(`create database mail; use mail; ${DEFINITIONS.join('; ')}; ${PEOPLE}`);
  });
  afterAll(() => server.stop());
  const optionsOf = (url: string) => {
    return { url, password: null, tls: null, connections: 2, timeoutMs: 2_000, queries: queriesFor('mysql') };
  };

  it('finds an address that moves in one transaction', async () => {
    const change = () => server.sql(`use mail; begin; ${TO_ALIAS}; commit; begin; ${TO_MAILBOX}; commit`);
    const { asked, missed } = await askDuring(over(createMysql(optionsOf(server.url('mail')))), change);
    expect(missed).toBe(0);
    expect(asked).toBeGreaterThan(50);
  });

  it('is not certain of an absence while a table is truncated and filled again', async () => {
    const url = [server.url('mail')];
    const config = mysql.keys.parse({ driver: 'mysql', url, ...STORE });
    const store = await openStore(config, UNTOLD);
    stores.push(store);
    const counted = await missesDuring(store, person('fred'), async () => {
      for (let times = 0; times < 40; times++) await server.sql(`use mail; truncate mailboxes; ${PEOPLE}`);
    });
    expect(counted.missed).toBe(0);
    expect(counted.found).toBeGreaterThan(0);
  });

  it('is not certain of an absence on a replica that is promoted during the question', async () => {
    const pair = await mariadb.startPair();
    try {
      await pair.primary.sql(`create database mail; use mail; ${DEFINITIONS.join('; ')}; ${PEOPLE}`);
      await pair.replica.catchUp();
      const slow = { parts: ['', '', ''], parameters: ['local', 'domain'] } as const;
      const parts = [
        'select local, domain, value, state from mailboxes where local = ',
        ' and domain = ',
        ' union all select local, domain, value, state from mailboxes where sleep(3) = 7',
      ];
      const options = {
        ...optionsOf(pair.replica.url('mail')),
        queries: { mailbox: { ...slow, parts } },
        timeoutMs: 20_000,
      };
      const store = over(createMysql(options));
      expect(await store.lookup(person('fred'))).not.toBeNull();
      await pair.replica.sql('stop slave sql_thread');
      await pair.primary.sql("use mail; insert into mailboxes values ('new', 'example.org', '', 'active')");
      const asked = Promise.resolve(store.lookup(person('new'))).catch((cause: Error) => cause.message);
      const running =
        "select 1 from information_schema.processlist where info like '%sleep(3)%' and id <> connection_id()";
      await expect.poll(() => pair.replica.sql(running)).toHaveLength(1);
      await pair.replica.sql('start slave sql_thread');
      await pair.replica.catchUp();
      await pair.replica.sql('set global read_only = 0');
      expect(JSON.stringify(await asked)).toMatch(/may lag/);
      expect(await store.lookup(person('new'))).not.toBeNull();
      expect(await store.lookup(person('nobody'))).toBeNull();
    } finally {
      await pair.primary.stop();
      await pair.replica.stop();
    }
  });
});

describePart('Redis', await findRedis(PARTS), (installation) => {
  let server: Single;
  beforeAll(async () => {
    server = await installation.start();
    await server.all([
      ['hset', 'mailbox:{fred@example.org}', 'state', 'active'],
      ['hset', 'aliases', 'other@example.org', 'x@y.example'],
    ]);
  });
  afterAll(() => server.stop());

  it('finds an address that moves in one script', async () => {
    const toAlias = `redis.call('del', 'mailbox:{fred@example.org}')
      redis.call('hset', 'aliases', 'fred@example.org', 'x@y.example')`;
    const toMailbox = `redis.call('hdel', 'aliases', 'fred@example.org')
      redis.call('hset', 'mailbox:{fred@example.org}', 'state', 'active')`;
    const options = { username: null, password: null, tls: null, database: 0, timeoutMs: 2_000 };
    const servers = { kind: 'single', url: server.url } as const;
    const { asked, missed } = await askDuring(
      over(createRedis({ ...options, servers, layouts: layoutsOf(KEYS) })),
      async () => {
        for (const script of [toAlias, toMailbox]) await server.cli('eval', script, '0');
      },
    );
    expect(missed).toBe(0);
    expect(asked).toBeGreaterThan(50);
  });
});
