import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresql } from '../../src/store/driver/postgresql/driver.ts';
import type { SqlOptions } from '../../src/store/driver/sql/server.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { type Store, StoreError } from '../../src/store/store.ts';
import type { MailboxQuestion } from '../../src/vocabulary.ts';
import { type Trial, expectNoLies, tell } from '../support/faults.ts';
import { type Postgresql, findPostgresql } from '../support/postgresql.ts';
import { DEFINITIONS, queriesFor } from '../support/sql.ts';
import { PARTS, describePart } from './part.ts';

const present = Array.from({ length: 200 }, (_, at) => mailbox(`user${at + 1}`));
const absent = Array.from({ length: 200 }, (_, at) => mailbox(`nobody${at + 1}`));
const FILL = `insert into mailboxes select 'user' || n, 'example.org', '', 'active' from generate_series(1, 200) n`;

describePart('no address that exists is refused while PostgreSQL fails', findPostgresql(PARTS), (installation) => {
  let server: Postgresql;
  beforeAll(async () => {
    server = await installation.start({ tcp: true });
    await fill(server);
  });
  afterAll(async () => await server.stop());

  const expectNoLiesOf = async (what: string, store: Store, trial: Partial<Trial> & Pick<Trial, 'fault' | 'mend'>) => {
    try {
      tell(what, await expectNoLies(store, { present, absent, ...trial }));
    } finally {
      await store.close();
    }
  };

  it.each<[string, Trial['fault'], Trial['mend'], number?]>([
    ['killed, with all its processes', () => server.kill(), () => server.restart()],
    ['killed, its first process alone', () => server.kill('postmaster'), () => server.restart()],
    ['stopped (SIGSTOP)', () => server.hang(), () => server.resume(), 3_000],
    ['restarted', () => server.restart('fast'), () => {}],
    ['restarted without a farewell', () => server.restart('immediate'), () => {}],
    [
      'cut off from its clients again and again',
      async () => {
        for (let times = 0; times < 20; times++) {
          await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'smmap'`);
          await sleep(25);
        }
      },
      () => {},
    ],
    [
      'without its table',
      async () => void (await server.sql('drop table mailboxes')),
      async () => void (await server.sql(`begin; ${DEFINITIONS[0]}; ${FILL}; commit`)),
    ],
    [
      'locked',
      () => {
        locked = server.sql('begin; lock table mailboxes; select pg_sleep(3.5); commit'); // longer than any question waits
      },
      async () => void (await locked),
      3_000,
    ],
    [
      'out of connections',
      async () => {
        await server.sql(`alter role ${USER} connection limit 0`);
        await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'smmap'`);
      },
      async () => void (await server.sql(`alter role ${USER} connection limit -1`)),
    ],
  ])('%s', async (what, fault, mend, brokenMs = 1_000) => {
    await expectNoLiesOf(what, createHost(server.url('postgres', USER)), { fault, mend, brokenMs });
  });
  let locked: Promise<unknown> | undefined;

  it('because of a new password, until smmap has it too', async () => {
    let password = 'first';
    const tls = { ca: server.ca, cert: null, key: null, serverName: null, verify: true };
    const store = createHost(server.tcpUrl(USER), { tls, password: async () => password });
    await expectNoLiesOf('another password', store, {
      async fault() {
        await server.sql(`alter role ${USER} password 'second'`);
        await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'smmap'`);
      },
      mend() {
        password = 'second';
      },
    });
  });

  it('because the primary is lost, while its standbys find addresses and later confirm absences', async () => {
    const primary = await installation.start();
    const standbys: Postgresql[] = [];
    try {
      await fill(primary);
      for (let each = 0; each < 2; each++) standbys.push(await installation.startStandby(primary));
      const [first] = standbys as [Postgresql, Postgresql];
      const store = createReplicas([primary, ...standbys].map((each) => createHost(each.url('postgres', USER))));
      await expectNoLiesOf('a primary that is lost', store, {
        async fault() {
          await primary.kill();
          await sleep(1_000);
          expect(await store.lookup(mailbox('user7'))).toEqual({ value: '', state: 'active' });
          await expect(store.lookup(mailbox('nobody'))).rejects.toThrow('not found or not active on a standby');
        },
        async mend() {
          await first.promote();
        },
      });
    } finally {
      for (const each of [...standbys, primary]) await each.stop();
    }
  });

  it('because only a standby that lags can answer', async () => {
    const primary = await installation.start();
    let standby: Postgresql | undefined;
    try {
      await fill(primary);
      standby = await installation.startStandby(primary);
      const store = createReplicas([primary, standby].map((each) => createHost(each.url('postgres', USER))));
      await standby.sql('select pg_wal_replay_pause()');
      await primary.sql(`insert into mailboxes values ('newcomer', 'example.org', '', 'active')`);
      expect(await store.lookup(mailbox('newcomer'))).toEqual({ value: '', state: 'active' });
      await expect
        .poll(
          async () => (await standby?.sql('select pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() as lags'))?.[0],
        )
        .toEqual({ lags: true });
      await primary.kill();
      let failures = 0;
      for (const end = Date.now() + 1_000; Date.now() < end; failures++) {
        await expect(Promise.resolve(store.lookup(mailbox('newcomer')))).rejects.toBeInstanceOf(StoreError);
        await sleep(5);
      }
      expect(failures).toBeGreaterThan(10);
      await standby.sql('select pg_wal_replay_resume()');
      await expect.poll(async () => await store.lookup(mailbox('newcomer'))).toEqual({ value: '', state: 'active' });
      await standby.promote();
      await expect.poll(async () => await Promise.resolve(store.lookup(mailbox('nobody'))).catch(String)).toBeNull();
      await store.close();
    } finally {
      await standby?.stop();
      await primary.stop();
    }
  });
});

const USER = 'lookup';

async function fill(server: Postgresql): Promise<void> {
  await server.sql(`${DEFINITIONS.join('; ')}; ${FILL}; create role ${USER} login password 'first'`);
  await server.sql(`alter default privileges grant select on tables to ${USER}`);
  await server.sql(`grant select on all tables in schema public to ${USER}`);
}

/** As the configuration makes one. */
function createHost(url: string, options: Partial<SqlOptions> = {}): Store {
  const bulk = createPostgresql({
    url,
    password: null,
    tls: null,
    connections: 2,
    timeoutMs: 2_000,
    queries: queriesFor('postgresql'),
    ...options,
  });
  const store = createDeadline(createBatch(bulk, { most: 100, inFlight: 2 }), 2_000);
  const events = { opened: () => {}, unavailable: () => {} };
  return createBreaker(store, { failures: 5, probeMs: 250, probe: { about: 'domain', domain: 'example.org' } }, events);
}

function mailbox(local: string): MailboxQuestion {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}
