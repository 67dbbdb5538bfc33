import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { WarmStats } from '../../src/store/guard/warm.ts';
import { CAMPAIGN } from '../support/long.ts';
import { findMariadb } from '../support/mariadb.ts';
import { findPostgresql } from '../support/postgresql.ts';
import { postfixadmin } from '../support/schema/postfixadmin.ts';
import { connectTo } from './client.ts';
import { serveOver } from './over.ts';
import { PARTS, describePart } from './part.ts';

const WAIT = { timeout: 30_000, interval: 20 };
const MISSED = 'NOTFOUND ';
const FAILED = 'TEMP lookup failed';
const PEOPLE = 5_000; // ten portions
const NUMBERS = {
  postgresql: `generate_series(1, ${PEOPLE}) as numbers (n)`,
  mysql: `(select seq as n from seq_1_to_${PEOPLE}) numbers`,
};

/** A database of PostfixAdmin. */
interface Database {
  readonly store: string;
  sql(text: string): Promise<unknown>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  hang(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** What the daemon says of its warm cache. */
async function warmOf({ smmap }: Pick<Awaited<ReturnType<typeof serveOver>>, 'smmap'>): Promise<WarmStats> {
  const { stdout } = await smmap('stores', '--json');
  return (JSON.parse(stdout) as { cache: { warm: WarmStats } }).cache.warm;
}

function describeWarm(start: () => Promise<Database>, dialect: keyof typeof NUMBERS): void {
  let database: Database;
  const storeOf = (more = ''): string => `${database.store}\ncache = { warm = true${more} }`;
  beforeAll(async () => {
    database = await start();
    for (const text of [...(postfixadmin.definitions[dialect] ?? []), ...postfixadmin.rows]) await database.sql(text);
    await database.sql(`insert into domain (domain) values ('d.test')`);
    await database.sql(
      `insert into mailbox (username, local_part, domain)
       select concat('u', n, '@d.test'), concat('u', n), 'd.test' from ${NUMBERS[dialect]}`,
    );
  });
  afterAll(() => database.stop());

  test('answers who is listed without a question, and asks for everybody else', async () => {
    const over = await serveOver(storeOf());
    await over.daemon.logged('store_warmed', ({ entries }) => Number(entries) > PEOPLE);
    for (const key of ['Fred@Example.org', 'u1@d.test', `u${PEOPLE}@d.test`])
      expect(await over.ask(key)).toBe(`OK ${key}`);
    expect(await warmOf(over)).toMatchObject({ hits: 3, isLonger: false, failure: null });
    for (const key of ['nobody@example.org', 'gone@example.org', `u${PEOPLE + 1}@d.test`])
      expect(await over.ask(key)).toBe(MISSED);
    expect(await over.ask('fred@stands.example')).toBe('OK fred@stands.example');
    expect(await over.ask('fred+lists@example.org')).toBe('OK fred+lists@example.org');
    expect(await warmOf(over)).toMatchObject({ hits: 4 }); // fred, behind a question for fred+lists
    expect((await over.smmap('cache', 'show', 'u7@d.test')).stdout).toMatch(/mailbox +u7@d\.test .* found$/m);
    expect((await over.smmap('stores')).stdout).toMatch(/ listed [\d.]+s ago$/m);
  });

  test('refuses who was removed once the next list is complete, and accepts who was added at once', async () => {
    const { ask, daemon } = await serveOver(storeOf(', warm_every_ms = 1_000, negative_ms = 1'));
    await daemon.logged('store_warmed');
    await database.sql(`update mailbox set active = ${dialect === 'mysql' ? 0 : 'false'} where username = 'u1@d.test'`);
    await database.sql(`delete from mailbox where username = 'u2@d.test'`);
    await database.sql(`insert into mailbox (username, local_part, domain) values ('new@d.test', 'new', 'd.test')`);
    expect(await ask('new@d.test')).toBe('OK new@d.test');
    for (const key of ['u1@d.test', 'u2@d.test']) await vi.waitUntil(async () => (await ask(key)) === MISSED, WAIT);
    expect(await ask('u3@d.test')).toBe('OK u3@d.test');
  });

  test('never accepts somebody after he was removed and forgotten, while one list follows the other', async () => {
    const { ask, daemon, smmap } = await serveOver(storeOf(', warm_every_ms = 1_000, negative_ms = 1'));
    await daemon.logged('store_warmed');
    const control = await connectTo(`${daemon.socket}.control`);
    const wrong: string[] = [];
    for (let n = 100; n < 180; n++) {
      const key = `u${n}@d.test`;
      if (n % 20 === 0) await control.ask('cache-forget', '@nowhere.test'); // a list is due
      await database.sql(`delete from mailbox where username = '${key}'`);
      await control.ask('cache-forget', key);
      for (let again = 0; again < 5; again++) {
        if ((await ask(key)) !== MISSED) wrong.push(`${key}, ${again}`);
        await sleep(n % 7);
      }
    }
    control.close();
    expect(wrong).toEqual([]);
    const { stdout } = await smmap('cache', 'show', 'u200@d.test');
    expect(stdout).toContain('found');
  });

  test('keeps who is listed while the database is killed, refuses nobody, and lists again', async () => {
    const over = await serveOver(storeOf(', warm_every_ms = 1_000, positive_ms = 2_000, negative_ms = 1'));
    const { ask, daemon } = over;
    await daemon.logged('store_warmed');
    await database.kill();
    try {
      await daemon.logged('store_not_warmed');
      expect((await warmOf(over)).failure).toBeTypeOf('string');
      await sleep(2_000); // longer than positive_ms
      expect(await ask('u3000@d.test')).toBe('OK u3000@d.test');
      expect(await ask('nobody@d.test')).toBe(FAILED);
      expect(await ask('u1@d.test')).toBe(FAILED);
      expect(daemon.log.filter(({ event }) => event === 'store_not_warmed')).toHaveLength(1);
    } finally {
      await database.restart();
    }
    await vi.waitUntil(async () => (await warmOf(over)).failure === null, WAIT);
    await vi.waitUntil(async () => (await ask('nobody@d.test')) === MISSED, WAIT);
    await expect.poll(() => daemon.log.filter(({ event }) => event === 'store_warmed')).toHaveLength(2);
  });

  const repeated = dialect === 'mysql' ? CAMPAIGN : {};
  test('answers in time while the database hangs in the middle of a list', repeated, async () => {
    const over = await serveOver(storeOf(', warm_every_ms = 1_000, positive_ms = 60_000'));
    const { ask, daemon } = over;
    await daemon.logged('store_warmed');
    database.hang();
    try {
      await sleep(1_500);
      const started = performance.now();
      expect(await ask('u3000@d.test')).toBe('OK u3000@d.test');
      expect(performance.now() - started).toBeLessThan(3_500); // before the deadline, after which no OK comes
      expect(await ask('nobody@d.test')).toMatch(/^TEMP /);
      const { cause } = await daemon.logged('store_not_warmed');
      expect(cause).toMatch(/no answer within 10000 ms/);
      expect(await ask('u3001@d.test')).toBe('OK u3001@d.test');
    } finally {
      database.resume();
    }
    await vi.waitUntil(async () => (await ask('nobody@d.test')) === MISSED, WAIT);
    await vi.waitUntil(async () => (await warmOf(over)).failure === null, WAIT);
  });

  test('says that the list is longer than the cache, and asks for who has no room', async () => {
    const { ask, daemon } = await serveOver(storeOf(', entries = 1_000'));
    expect(await daemon.logged('store_warm_full')).toMatchObject({ entries: 1_000, store: 'people' });
    expect(await ask('u4999@d.test')).toBe('OK u4999@d.test');
    expect(await ask('nobody@d.test')).toBe(MISSED);
  });
}

describePart('a warm cache over a real PostgreSQL', findPostgresql(PARTS), (installation) => {
  let database: Database;
  const start = async (): Promise<Database> => {
    const server = await installation.start();
    return (database = {
      ...server,
      store: `driver = "postgresql"\nurl = "${server.url()}"\nschema = "postfixadmin"`,
      sql: (text) => server.sql(text),
      kill: () => server.kill(),
      restart: () => server.restart(),
    });
  };
  describeWarm(start, 'postgresql');

  test('learns at once who is gone, also while it lists, and lists again when anything may have changed', async () => {
    const over = await serveOver(
      `${database.store}\ncache = { warm = true, warm_every_ms = 1_000, negative_ms = 600_000, events = "smmap" }`,
    );
    await over.daemon.logged('store_warmed');
    for (let n = 200; n < 230; n++) {
      const key = `u${n}@d.test`;
      expect(await over.ask(key)).toBe(`OK ${key}`);
      await database.sql(`begin; delete from mailbox where username = '${key}'; notify smmap, '${key}'; commit`);
      await vi.waitUntil(async () => (await over.ask(key)) === MISSED, WAIT);
      if (n % 10 === 0) await database.sql(`notify smmap, ''`); // everything
      for (let again = 0; again < 5; again++) {
        expect(await over.ask(key)).toBe(MISSED);
        await sleep(n % 7);
      }
    }
    await database.sql(`notify smmap, ''`);
    await vi.waitUntil(async () => (await warmOf(over)).entries > PEOPLE / 2, WAIT);
    const { hits } = await warmOf(over);
    expect(await over.ask('u300@d.test')).toBe('OK u300@d.test');
    expect((await warmOf(over)).hits).toBe(hits + 1);
  });

  test('never accepts somebody after he was removed and forgotten, while the only portion takes its time', async () => {
    await database.sql(
      `delete from mailbox where domain = 'd.test' and local_part !~ '^u4..$'; alter table domain rename to domains;
       create view domain as select * from domains where pg_sleep(0.005) is not null`,
    );
    const over = await serveOver(`${database.store}\ncache = { warm = true, warm_every_ms = 1_000, negative_ms = 1 }`);
    await over.daemon.logged('store_warmed');
    const control = await connectTo(`${over.daemon.socket}.control`);
    const gone: string[] = [];
    const accepted = new Set<string>();
    for (let n = 400; n < 424; n++) {
      const key = `u${n}@d.test`;
      await database.sql(`delete from mailbox where username = '${key}'`);
      await control.ask('cache-forget', key);
      gone.push(key);
      await sleep(150); // a list takes over 500 ms, and then rests for less than that
      for (const each of gone) if ((await over.ask(each)) !== MISSED) accepted.add(each);
    }
    control.close();
    expect([...accepted]).toEqual([]);
    expect((await warmOf(over)).entries).toBeGreaterThan(50);
  });
});

describePart('a warm cache over a real MariaDB', await findMariadb(PARTS), (installation) => {
  const start = async (): Promise<Database> => {
    const server = await installation.start();
    await server.sql('create database mail');
    const store = `driver = "mysql"\nurl = "${server.url('mail')}"\nschema = "postfixadmin"`;
    return { ...server, store, sql: (text) => server.sql(`use mail; ${text}`) };
  };
  describeWarm(start, 'mysql');
});
