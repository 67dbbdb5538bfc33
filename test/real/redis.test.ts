import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisOptions, createRedis, watchRedis } from '../../src/store/driver/redis/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { EmptyStoreError, type Store } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { makeCertificates } from '../support/certificates.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { type Cluster, type Server, type Single, type Watched, findRedis, layoutsOf, until } from '../support/redis.ts';
import { storeOf } from '../support/store.ts';
import { PARTS, describePart } from './part.ts';

const TIMEOUT_MS = 1_000;
const DOMAINS = 20; // each is a hash of its own: in a cluster they are in different slots
const HASHES = layoutsOf({ mailbox: { hash: 'mailboxes:{domain}', field: '{address}' } });
const PLAIN = {
  username: null,
  password: null,
  tls: null,
  database: 0,
  timeoutMs: TIMEOUT_MS,
  layouts: HASHES,
} as const;

const open = (options: RedisOptions): Store => createBatch(createRedis(options), { most: 100, inFlight: 4 });

const PACE_MS = 5; // so that what is measured is the store, and not how busy the machine is

function paced(store: Store): Store {
  return storeOf(
    async (question) => {
      await sleep(PACE_MS);
      return store.lookup(question);
    },
    () => store.close(),
  );
}
const mailbox = (name: string, at: number): Question => ({
  about: 'mailbox',
  local: `${name}${at}`,
  domain: `d${at % DOMAINS}.example`,
  exact: false,
  folder: null,
  anyCase: false,
});
const numbers = Array.from({ length: 200 }, (_, at) => at);
const present = numbers.map((at) => mailbox('user', at));
const absent = numbers.map((at) => mailbox('nobody', at));
const [someone, nobody] = [present[0], absent[0]] as [Question, Question];
/** All mailboxes, a command for each domain: nobody ever sees half of one. */
const FILL = Array.from({ length: DOMAINS }, (_, domain) => {
  const users = numbers.filter((at) => at % DOMAINS === domain);
  return ['hset', `mailboxes:d${domain}.example`, ...users.flatMap((at) => [`user${at}@d${domain}.example`, 'x'])];
});

const settle = async (store: Store, question: Question): Promise<Answer | Error> => {
  try {
    return await store.lookup(question);
  } catch (error) {
    return error as Error;
  }
};

describePart('Redis', await findRedis(PARTS), (redis) => {
  describe('one server that fails while it is asked', () => {
    let server: Single;
    let store: Store;
    beforeAll(async () => {
      server = await redis.start();
      await server.all(FILL);
      store = paced(open({ ...PLAIN, servers: { kind: 'single', url: server.url } }));
    });
    afterAll(async () => {
      await store.close();
      await server.stop();
    });
    const refill = () => server.all(FILL);

    it('is killed, and comes back without its data', async () => {
      const fault = (): Promise<void> => server.kill();
      const mend = async (): Promise<void> => {
        await server.restart();
        await sleep(500); // all that time it is empty
        await refill();
      };
      tell('redis killed, back empty', await expectNoLies(store, { present, absent, fault, mend }));
    });

    it('hangs', async () => {
      const trial = { present, absent, brokenMs: 2_500, fault: () => server.hang(), mend: () => server.resume() };
      tell('redis hangs', await expectNoLies(store, trial));
    });

    it('hangs for less than a question may take', async () => {
      const trial = {
        present,
        absent,
        brokenMs: 800,
        fails: false,
        fault: () => server.hang(),
        mend: () => server.resume(),
      };
      tell('redis hangs shortly', await expectNoLies(store, trial));
    });

    it('is asked on a new connection if the old one is lost without notice', async () => {
      const piped: Socket[] = [];
      const way = createServer((socket) => {
        const onward = connect(server.port, server.host);
        piped.push(
          socket.on('error', () => {}),
          onward.on('error', () => {}),
        );
        socket.pipe(onward).pipe(socket);
      });
      const port = await new Promise<number>((resolve) => {
        way.listen(0, '127.0.0.1', () => resolve((way.address() as AddressInfo).port));
      });
      const other = open({ ...PLAIN, servers: { kind: 'single', url: `redis://127.0.0.1:${port}` } });
      expect(await settle(other, nobody)).toBeNull();
      for (const socket of piped) socket.unpipe().pause();
      expect(await settle(other, nobody)).toMatchObject({ message: `no answer within ${TIMEOUT_MS} ms` });
      expect(await settle(other, nobody)).toBeNull();
      expect(await settle(other, someone)).toEqual({ value: 'x', state: 'active' });
      await other.close();
      for (const socket of piped) socket.destroy();
      way.close();
    });

    it('is flushed', async () => {
      const fault = async (): Promise<void> => void (await server.cli('flushall'));
      tell('redis flushed', await expectNoLies(store, { present, absent, fault, mend: refill }));
      await server.cli('flushall');
      expect(await settle(store, nobody)).toBeInstanceOf(EmptyStoreError);
      await refill();
    });

    it('swaps its database with an empty one, again and again', async () => {
      const trial = repeated(1, async () => {
        for (let at = 0; at < 2; at++) await server.cli('swapdb', '0', '1');
      });
      const outcome = await expectNoLies(store, { present, absent, brokenMs: 2_000, ...trial });
      tell('redis swapped', outcome);
    });

    it('closes its connections, again and again', async () => {
      const trial = repeated(20, async () => {
        await server.cli('client', 'kill', 'type', 'normal', 'skipme', 'yes');
      });
      tell('redis clients killed', await expectNoLies(store, { present, absent, ...trial }));
    });

    it('is busy with a script', async () => {
      await server.cli('config', 'set', 'busy-reply-threshold', '100');
      const fault = (): void => {
        server.cli('eval', 'while true do end', '0').catch(() => {});
      };
      const mend = async (): Promise<void> => {
        const client = new Redis({
          host: server.host,
          port: server.port,
          enableReadyCheck: false,
          disableClientInfo: true,
        });
        await client.script('KILL');
        client.disconnect();
      };
      tell('redis busy', await expectNoLies(store, { present, absent, fault, mend }));
    });

    it('becomes a replica, and is promoted by hand', async () => {
      const other = await redis.start();
      try {
        await other.all(FILL);
        const trial = {
          present,
          absent,
          brokenMs: 1_500,
          fault: async () => void (await server.cli('replicaof', other.host, `${other.port}`)),
          mend: async () => void (await server.cli('replicaof', 'no', 'one')),
        };
        tell('redis demoted, promoted', await expectNoLies(store, trial));
        await server.cli('replicaof', other.host, `${other.port}`);
        await until('the replica is in step', async () =>
          String(await server.cli('info', 'replication')).includes('master_link_status:up'),
        );
        expect(await settle(store, nobody)).toMatchObject({
          message: 'not found or not active on a replica, which may lag: set url to the master, or use sentinels',
        });
        expect(await settle(store, someone)).toEqual({ value: 'x', state: 'active' });
      } finally {
        await server.cli('replicaof', 'no', 'one');
        await other.stop();
      }
    });

    it('does not answer from old data after its master is gone, if it is configured so', async () => {
      const replica = await redis.start({
        settings: ['--replicaof', '127.0.0.1', '1', '--replica-serve-stale-data', 'no'],
      });
      const asked = open({ ...PLAIN, servers: { kind: 'single', url: replica.url } });
      expect(await settle(asked, someone)).toMatchObject({ message: expect.stringMatching(/^MASTERDOWN/) });
      await asked.close();
      await replica.stop();
    });
  });

  describe('over TLS', () => {
    it('is asked only if its certificate is valid', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'redis-tls-'));
      const { ca } = await makeCertificates(folder);
      const [cert, key] = await Promise.all(
        ['server.pem', 'server.key'].map((name) => readFile(join(folder, name), 'utf8')),
      );
      await rm(folder, { recursive: true });
      const files = { 'ca.pem': ca, 'cert.pem': cert as string, 'key.pem': key as string };
      const server = await redis.start({ tls: true, files, settings: ['--tls-auth-clients', 'no'] });
      await server.all(FILL);
      const url = `rediss://127.0.0.1:${server.port}`;
      const trust = { ca, cert: null, key: null, serverName: null, verify: true };
      const rows: [RedisOptions['tls'], string, object | null][] = [
        [trust, url, null],
        [{ ...trust, serverName: 'ldap.test' }, url, null],
        [{ ...trust, ca: null, verify: false }, url, null],
        [null, url, { message: expect.stringContaining('self-signed certificate') }],
        [{ ...trust, serverName: 'other.test' }, url, { message: expect.stringContaining('other.test') }],
        [null, `redis://127.0.0.1:${server.port}`, { name: 'StoreError' }],
      ];
      for (const [tls, to, expected] of rows) {
        const store = open({ ...PLAIN, tls, servers: { kind: 'single', url: to } });
        const outcome = await settle(store, nobody);
        if (expected === null) expect(outcome).toBeNull();
        else expect(outcome).toMatchObject(expected);
        await store.close();
      }
      await server.stop();
    });
  });

  describe('watched for changes', () => {
    const layouts = layoutsOf({
      mailbox: { key: 'mail[box]:{address}', as: 'string' },
      alias: { key: 'alias:{domain}:{local}', as: 'string' },
      domain: { set: 'domains', member: '{domain}' },
    });
    const listen = (options: Partial<RedisOptions> & Pick<RedisOptions, 'servers'>) => {
      const heard: (string | null)[] = [];
      const watch = watchRedis({ ...PLAIN, layouts, ...options }, (what) => heard.push(what));
      const hears = async (expected: readonly (string | null)[]): Promise<void> => {
        await until(`hears ${expected.join()}, not ${heard.join()}`, () =>
          Promise.resolve(heard.length >= expected.length),
        );
        await sleep(30);
        expect(heard.splice(0)).toEqual(expected);
      };
      return { hears, close: () => watch.close() };
    };

    it('reports which key changed, that something else changed, and that the connection was lost', async () => {
      const server = await redis.start({ settings: ['--notify-keyspace-events', 'Kg$shxe'] });
      // A pattern may be subscribed to only if the account has that very pattern.
      const channels = [String.raw`mail\[box\]:*`, 'alias:*:*', 'domains'].map((name) => `&__keyspace@0__:${name}`);
      const admit = () =>
        server.cli('acl', 'setuser', 'smmap', 'on', '>one', ...channels, '-@all', '+psubscribe', '+ping');
      await admit();
      const login = { username: 'smmap', password: () => Promise.resolve('one') };
      const { hears, close } = listen({ ...login, servers: { kind: 'single', url: server.url } });
      await hears([null]);
      await server.cli('set', 'mail[box]:fred@example.org', 'x');
      await hears(['fred@example.org']);
      await server.cli('set', 'mailb:fred@example.org', 'x');
      await server.cli('select', '1');
      await server.cli('set', 'mail[box]:fred@example.org', 'x');
      await server.cli('select', '0');
      await server.cli('del', 'mail[box]:fred@example.org');
      await hears(['fred@example.org']);
      await server.cli('psetex', 'mail[box]:joe@example.org', '20', 'x');
      await hears(Array.from({ length: 3 }, () => 'joe@example.org')); // set, expire, expired
      await server.cli('set', 'alias:example.org:info', 'x');
      await hears([null]);
      await server.cli('sadd', 'new', 'example.org');
      await server.cli('rename', 'new', 'domains');
      await server.cli('srem', 'domains', 'example.org');
      await hears([null, null, null]); // renamed to, removed from, gone
      await server.kill();
      await server.restart();
      await admit();
      await hears([null]);
      await close();
      await server.stop();
    });

    it('connects again by itself, and ends at once if no server is there', async () => {
      const server = await redis.start();
      const { hears, close } = listen({ servers: { kind: 'single', url: server.url } });
      await hears([null]);
      await server.cli('client', 'kill', 'type', 'pubsub');
      await hears([null]);
      await server.stop();
      await close();
    });

    it('is not possible for a cluster', () => {
      expect(() => watchRedis({ ...PLAIN, servers: { kind: 'cluster', nodes: [] } }, () => {})).toThrow(
        'cannot be watched',
      );
    });
  });

  describe('an account with the least rights', () => {
    let server: Single;
    let secret = 'one';
    const login = { username: 'smmap', password: () => Promise.resolve(secret) };
    beforeAll(async () => {
      server = await redis.start();
      await server.all(FILL);
      const rights = '%R~mailboxes:* -@all +hget +exists +multi +exec +role';
      await server.cli('acl', 'setuser', 'smmap', 'on', '>one', ...rights.split(' '));
    });
    afterAll(() => server.stop());

    it('can ask, even while its password changes', async () => {
      const store = paced(open({ ...PLAIN, ...login, servers: { kind: 'single', url: server.url } }));
      const fault = async (): Promise<void> => {
        await server.cli('acl', 'setuser', 'smmap', 'resetpass', '>two');
        await server.cli('client', 'kill', 'user', 'smmap');
      };
      const mend = (): void => {
        secret = 'two';
      };
      tell('redis password changed', await expectNoLies(store, { present, absent, fault, mend }));
      await store.close();
    });

    it('gets an error that names the missing right or the wrong password, without the password itself', async () => {
      const store = paced(open({ ...PLAIN, ...login, servers: { kind: 'single', url: server.url } }));
      await server.cli('acl', 'setuser', 'smmap', '-role');
      expect(await settle(store, nobody)).toMatchObject({ message: expect.stringMatching(/^NOPERM .*'role'/) });
      await server.cli('acl', 'setuser', 'smmap', '+role');
      await expect.poll(() => settle(store, nobody)).toBeNull();
      await store.close();
      const wrong = { ...login, password: () => Promise.resolve('s3cret') };
      const shut = open({ ...PLAIN, ...wrong, servers: { kind: 'single', url: server.url } });
      const error = (await settle(shut, nobody)) as Error;
      expect(error.message).toContain('WRONGPASS');
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('s3cret');
      expect(error.cause).toBeUndefined();
      await shut.close();
    });

    it('is refused without a password', async () => {
      await server.cli('acl', 'setuser', 'default', 'resetpass');
      const store = paced(open({ ...PLAIN, servers: { kind: 'single', url: server.url } }));
      expect(await settle(store, nobody)).toMatchObject({ message: expect.stringMatching(/^NOAUTH/) });
      await store.close();
    });
  });

  describe('a master with Sentinels', () => {
    let world: Watched;
    let store: Store;
    beforeAll(async () => {
      world = await redis.startSentinels();
      await (await world.master()).all([...FILL, ['wait', '2', '20000']]); // for the replicas
      store = paced(open({ ...PLAIN, servers: { kind: 'sentinel', sentinels: world.sentinels, name: world.name } }));
    });
    afterAll(async () => {
      await store.close();
      await world.stop();
    });
    const replaced = (old: Server) => async (): Promise<void> => {
      await until('another master', async () => {
        const master = await world.master();
        return master !== old && ((await master.cli('role')) as string[])[0] === 'master';
      });
    };
    const demoted = (old: Server) => async (): Promise<void> => {
      await until('the old master is a replica', async () => ((await old.cli('role')) as string[])[0] === 'slave');
    };

    it('is killed and replaced, and comes back empty', async () => {
      const old = await world.master();
      const trial = { present, absent, brokenMs: 0, fails: false, fault: () => old.kill(), mend: replaced(old) };
      const outcome = await expectNoLies(store, trial);
      expect(outcome.failed).toBeGreaterThan(0);
      tell('sentinel master killed', outcome);
      // It takes the Sentinels some ten seconds to notice, and all that time it believes to be a master.
      const back = { present, absent, brokenMs: 2_000, fails: false, fault: () => old.restart(), mend: () => {} };
      tell('sentinel old master back', await expectNoLies(store, back));
    });

    it('hangs and is replaced, and newer records are found after it runs again', async () => {
      const old = await world.master();
      // A store that asks nothing meanwhile notices no failure, and the old master will not know that it is one no more.
      const idle = open({ ...PLAIN, servers: { kind: 'sentinel', sentinels: world.sentinels, name: world.name } });
      expect(await idle.lookup(someone)).not.toBeNull();
      tell(
        'sentinel master hung',
        await expectNoLies(store, {
          present,
          absent,
          brokenMs: 0,
          fails: false,
          fault: () => old.hang(),
          mend: replaced(old),
        }),
      );
      const master = await world.master();
      await master.cli('hset', 'mailboxes:d0.example', 'new0@d0.example', 'x');
      old.resume();
      await sleep(600); // the Sentinels are asked twice a second
      expect(((await old.cli('role')) as string[])[0]).toBe('master');
      expect(await idle.lookup(mailbox('new', 0))).not.toBeNull();
      await idle.close();
      const trial = { present: [mailbox('new', 0)], absent, fails: false, fault: () => {}, mend: demoted(old) };
      tell('sentinel old master awake', await expectNoLies(store, trial));
    });

    it('is replaced by hand', async () => {
      const old = await world.master();
      const fault = async (): Promise<void> => {
        await until('a failover', () =>
          (world.sentinels[0] as Server).cli('sentinel', 'failover', world.name).then(
            () => true,
            () => false,
          ),
        );
      };
      const mend = replaced(old);
      tell(
        'sentinel failover by hand',
        await expectNoLies(store, { present, absent, fails: false, brokenMs: 0, fault, mend }),
      );
    });

    it('is found while one Sentinel hangs and another one is down', async () => {
      const [first, second] = world.sentinels as readonly [Server, Server];
      first.hang();
      await second.kill();
      const { sentinels, name } = world;
      const other = open({ ...PLAIN, servers: { kind: 'sentinel', sentinels, name } });
      expect(await other.lookup(someone)).toEqual({ value: 'x', state: 'active' });
      await other.close();
      first.resume();
      await second.restart();
    });

    it('is not found under a name that no Sentinel knows', async () => {
      const { sentinels } = world;
      const other = open({ ...PLAIN, servers: { kind: 'sentinel', sentinels, name: 'other' } });
      expect(await settle(other, someone)).toMatchObject({
        message: 'Sentinel knows no master other: correct the key master',
      });
      await other.close();
    });
  });

  describe('a cluster with replicas', () => {
    let cluster: Cluster;
    let store: Store;
    beforeAll(async () => {
      cluster = await redis.startCluster({ replicas: 1 });
      await fillCluster(cluster);
      const nodes = cluster.servers.map(({ host, port }) => ({ host, port }));
      store = paced(open({ ...PLAIN, servers: { kind: 'cluster', nodes } }));
    });
    afterAll(async () => {
      await store.close();
      await cluster.stop();
    });

    it('loses a master, which is replaced, and comes back empty', async () => {
      const [master] = cluster.masters as readonly [Server];
      const mend = (): Promise<void> => cluster.failedOver(master);
      const trial = { present, absent, brokenMs: 0, fault: () => master.kill(), mend, fails: false };
      tell('cluster master killed', await expectNoLies(store, trial));
      const restart = (): Promise<void> => master.restart();
      tell(
        'cluster old master back',
        await expectNoLies(store, { present, absent, fails: false, fault: restart, mend: () => {} }),
      );
    });

    it('has a master that hangs and is replaced', async () => {
      const master = cluster.masters[1] as Server;
      const mend = (): Promise<void> => cluster.failedOver(master);
      const trial = { present, absent, brokenMs: 0, fault: () => master.hang(), mend, fails: false };
      tell('cluster master hung', await expectNoLies(store, trial));
      const resume = (): void => master.resume();
      tell(
        'cluster old master awake',
        await expectNoLies(store, { present, absent, fails: false, fault: resume, mend: () => {} }),
      );
    });
  });

  describe.concurrent.each([['yes'], ['no']])('a cluster with cluster-require-full-coverage %s', (coverage) => {
    it('loses a part of its slots for a while', async () => {
      const settings = ['--cluster-require-full-coverage', coverage, '--appendonly', 'yes', '--appendfsync', 'always'];
      const cluster = await redis.startCluster({ replicas: 0, settings });
      await fillCluster(cluster);
      const nodes = cluster.servers.map(({ host, port }) => ({ host, port }));
      const store = paced(open({ ...PLAIN, servers: { kind: 'cluster', nodes } }));
      try {
        const lost = cluster.masters[2] as Server;
        const others = cluster.masters.slice(0, 2);
        const isWell = async (server: Server): Promise<boolean> =>
          String(await server.cli('cluster', 'info')).includes('cluster_state:ok');
        const fault = async (): Promise<void> => {
          await lost.kill();
          if (coverage === 'yes') await until('down', async () => !(await isWell(others[0] as Server)));
          else await sleep(2_000);
          const outcomes = await Promise.all(present.map((question) => settle(store, question)));
          const failed = outcomes.filter((outcome) => outcome instanceof Error).length;
          if (coverage === 'yes') expect(failed).toBe(present.length);
          else expect(failed).toBeGreaterThan(0);
          if (coverage === 'no') expect(failed).toBeLessThan(present.length * 0.8);
        };
        const mend = async (): Promise<void> => {
          await lost.restart();
          await until('well', async () => (await Promise.all(cluster.masters.map(isWell))).every(Boolean));
        };
        tell(
          `cluster range lost, full coverage ${coverage}`,
          await expectNoLies(store, { present, absent, fault, mend }),
        );
      } finally {
        await store.close();
        await cluster.stop();
      }
    });
  });
});

/** A fault that comes again and again until it is mended. */
function repeated(everyMs: number, strike: () => Promise<void>) {
  const end = new AbortController();
  let running = Promise.resolve();
  return {
    fault(): void {
      running = (async () => {
        while (!end.signal.aborted) {
          await strike();
          await sleep(everyMs);
        }
      })();
    },
    mend(): Promise<void> {
      end.abort();
      return running;
    },
  };
}

async function fillCluster(cluster: Cluster): Promise<void> {
  for (const [name = '', ...words] of FILL) {
    const tries = await Promise.allSettled(cluster.masters.map((master) => master.cli(name, ...words)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  }
  await sleep(300);
}
