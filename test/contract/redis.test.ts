import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisOptions, createRedis } from '../../src/store/driver/redis/driver.ts';
import { parseLayout, parseTemplate } from '../../src/store/driver/redis/layout.ts';
import { slotOf } from '../../src/store/driver/redis/slot.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { EmptyStoreError, type Store } from '../../src/store/store.ts';
import { fill } from '../../src/store/template.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { PARTS, describePart } from '../real/part.ts';
import { type Cluster, KEYS, type Single, commandsFor, findRedis, layoutsOf } from '../support/redis.ts';
import { type Subject, describeStore, PATIENT_MS } from './suite.ts';

const PLAIN = { username: null, password: null, tls: null, database: 0, timeoutMs: PATIENT_MS } as const;
const exactCase = 'Redis finds a name by its bytes, and its names are folded';

const open = (options: RedisOptions): Store => createBatch(createRedis(options), { most: 100, inFlight: 4 });
const mailbox = (local: string, folder: string | null = null, anyCase = false): Question => ({
  about: 'mailbox',
  local,
  domain: 'example.org',
  exact: false,
  folder,
  anyCase,
});
const found = (value = ''): Answer => ({ value, state: 'active' });

describe('a layout', () => {
  const fred = mailbox('fred', 'abc');
  it.each([
    ['mailbox', 'a:{address}', 'a:fred@example.org'],
    ['mailbox', '{domain}:{local}', 'example.org:fred'],
    ['folder', 'folders:{{{address}}}', 'folders:{fred@example.org}'],
    ['folder', '{{x}}{detail}', '{x}abc'],
    ['mailbox', 'a:local:}}', 'a:local:}'],
  ] as const)('of %s has names such as %j', (name, text, expected) => {
    const template = parseTemplate(name, text);
    expect('flaw' in template ? template.flaw : fill(template, fred)).toBe(expected);
  });

  it.each([
    ['mailbox', { set: 'a', member: '{detail}' }, 'uses {detail}, but may use only {local}, {domain}, {address}'],
    ['mailbox', { set: 'a{', member: '{address}' }, 'has a single {: write {{ for the character {'],
    ['mailbox', { hash: 'a', field: '' }, 'is empty'],
    [
      'mailbox',
      { hash: 'a', field: ':address' },
      'has no parameter such as {local}, so the answer would always be the same',
    ],
    ['domain', { key: 'a', as: 'string' }, 'has no parameter such as {domain}, so the answer would always be the same'],
    ['alias', { set: 'a', member: '{address}' }, 'is a set, but the members of a set have no targets'],
    [
      'folder',
      { key: 'a{address}', as: 'hash' },
      'is not a set: the folders of a mailbox must be the members of a set',
    ],
    [
      'folder',
      { hash: 'a{address}', field: '{detail}' },
      'is not a set: the folders of a mailbox must be the members of a set',
    ],
    [
      'folder',
      { set: 'a', member: '{detail}' },
      'must have one set for each mailbox: put {address} into the name of the set, not {detail}',
    ],
    [
      'folder',
      { set: 'a', member: '{address}/{detail}' },
      'must have {detail} alone as member: smmap reads the whole set to find a folder in any case',
    ],
  ] as const)('of %s cannot be %j', (name, written, flaw) => {
    expect(parseLayout(name, written)).toEqual({ flaw });
  });

  it.each([
    ['123456789', 0x31c3],
    ['{user1000}.following', 3443],
    ['{user1000}.followers', 3443],
    ['foo{}{bar}', 8363],
    ['foo{{bar}}zap', 4015],
  ])('has the slot of %j that Redis says', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });
});

describePart('Redis', await findRedis(PARTS), (redis) => {
  describe('one server', () => {
    let server: Single;
    let state: 'well' | 'killed' | 'hangs' = 'well';
    beforeAll(async () => {
      server = await redis.start({ settings: ['--databases', '4'] });
    });
    afterAll(() => server.stop());
    const mend = async (): Promise<void> => {
      if (state === 'hangs') server.resume();
      if (state === 'killed') await server.restart();
      state = 'well';
      await server.cli('flushall');
    };
    const subject: Subject = {
      async open(records) {
        await mend();
        await server.all(commandsFor(records));
        return open({ ...PLAIN, servers: { kind: 'single', url: server.url }, layouts: layoutsOf(KEYS) });
      },
      async breaks() {
        await server.kill();
        state = 'killed';
      },
      hangs() {
        server.hang();
        state = 'hangs';
      },
      lacks: { exactCase },
    };
    describeStore('Redis', subject);

    describe('with layouts as others have them', () => {
      let store: Store | null = null;
      const openWith = async (layouts: Parameters<typeof layoutsOf>[0], ...commands: string[][]): Promise<Store> => {
        await store?.close();
        await mend();
        await server.all(commands);
        return (store = open({ ...PLAIN, servers: { kind: 'single', url: server.url }, layouts: layoutsOf(layouts) }));
      };
      const ask = async (question: Question): Promise<Answer> => await (store as Store).lookup(question);
      afterAll(() => store?.close());

      it('finds the members of a set, and is certain while the set is there', async () => {
        await openWith({ mailbox: { set: 'mailboxes', member: '{address}' } }, [
          'sadd',
          'mailboxes',
          'fred@example.org',
        ]);
        expect(await ask(mailbox('fred'))).toEqual(found());
        expect(await ask(mailbox('fre'))).toBeNull();
        await server.cli('del', 'mailboxes');
        await expect(ask(mailbox('fre'))).rejects.toThrow(EmptyStoreError);
        await expect(ask(mailbox('fred'))).rejects.toThrow(EmptyStoreError);
      });

      it('asks one command for who exists, and a transaction for who does not', async () => {
        await openWith({ mailbox: { set: 'mailboxes', member: '{address}' } }, [
          'sadd',
          'mailboxes',
          'fred@example.org',
        ]);
        const callsFor = async (local: string): Promise<Record<string, number>> => {
          await server.cli('config', 'resetstat');
          await ask(mailbox(local));
          const stats = String(await server.cli('info', 'commandstats'));
          const calls = [...stats.matchAll(/cmdstat_(sismember|multi|exists|role|exec):calls=(\d+)/g)];
          return Object.fromEntries(calls.map(([, command, count]) => [command, Number(count)]));
        };
        await ask(mailbox('fred'));
        expect(await callsFor('fred')).toEqual({ sismember: 1 });
        expect(await callsFor('fre')).toEqual({ sismember: 2, multi: 1, exists: 1, role: 1, exec: 1 });
      });

      it('finds the fields of a hash with their values, and is certain while the hash is there', async () => {
        const layout = { hash: 'virtual_mailbox', field: '{address}' };
        await openWith({ mailbox: layout }, [
          'hset',
          'virtual_mailbox',
          'fred@example.org',
          '/home/fred',
          'joe@example.org',
          '',
        ]);
        expect(await ask(mailbox('fred'))).toEqual(found('/home/fred'));
        expect(await ask(mailbox('joe'))).toEqual(found());
        expect(await ask(mailbox('nobody'))).toBeNull();
        await server.cli('flushall');
        await expect(ask(mailbox('nobody'))).rejects.toThrow(EmptyStoreError);
      });

      it('finds a string under a key of its own', async () => {
        const layout = { key: 'mailbox:{domain}:{local}', as: 'string' } as const;
        await openWith({ mailbox: layout }, ['set', 'mailbox:example.org:fred', '/home/fred']);
        expect(await ask(mailbox('fred'))).toEqual(found('/home/fred'));
        expect(await ask(mailbox('nobody'))).toBeNull();
      });

      it('is certain of no absence while the server may have removed the key to have room', async () => {
        const keyOf = (local: string): string => `mailbox:${local}@example.org`;
        const layouts = { mailbox: { key: 'mailbox:{address}', as: 'string' } } as const;
        await openWith(layouts, ['set', keyOf('fred'), 'x']);
        const [, used] = /used_memory:(\d+)/.exec(String(await server.cli('info', 'memory'))) ?? [];
        await server.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', String(Number(used) + 2e6));
        try {
          for (let nth = 0; (await server.cli('exists', keyOf('fred'))) === 1; nth++) {
            await server.cli('set', `other:${nth}`, 'x'.repeat(100_000));
          }
          await expect(ask(mailbox('fred'))).rejects.toThrow(/removes keys .*allkeys-lru.*: set noeviction$/);
        } finally {
          await server.cli('config', 'set', 'maxmemory-policy', 'noeviction', 'maxmemory', '0');
        }
        await expect.poll(async () => await ask(mailbox('nobody')).catch(() => 'doubt'), { timeout: 3_000 }).toBeNull();
      });

      it('is uncertain only of a key of another type', async () => {
        const layouts = { mailbox: { key: 'mailbox:{address}', as: 'hash' } } as const;
        const right = ['hset', 'mailbox:joe@example.org', 'uid', '8'];
        await openWith(layouts, ['set', 'mailbox:fred@example.org', 'x'], right);
        const [wrong, other] = await Promise.allSettled([ask(mailbox('fred')), ask(mailbox('joe'))]);
        expect(wrong).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/^WRONGTYPE/) } });
        expect(other).toMatchObject({ status: 'fulfilled', value: found() });
        await openWith({ mailbox: { set: 'mailboxes', member: '{address}' } }, ['set', 'mailboxes', 'x']);
        await expect(ask(mailbox('fred'))).rejects.toThrow('WRONGTYPE');
      });

      it('is uncertain of a value that is not a text, and of an unknown state', async () => {
        await openWith({ mailbox: KEYS.mailbox, alias: KEYS.alias });
        await server.cli('hset', 'mailbox:{fred@example.org}', 'state', 'gone');
        await server.cli('eval', String.raw`redis.call('hset', 'aliases', 'info@example.org', '\255')`, '0');
        await expect(ask(mailbox('fred'))).rejects.toThrow('state');
        await expect(ask({ about: 'alias', local: 'info', domain: 'example.org', exact: false })).rejects.toThrow(
          'UTF-8',
        );
      });

      it('finds the folders of a mailbox in a set, with the value of the mailbox, but no folder without its mailbox', async () => {
        const layouts = {
          mailbox: { hash: 'virtual_mailbox', field: '{address}' },
          folder: { set: 'folders:{address}', member: '{detail}' },
        };
        const folders = ['fred', 'gone'].map((local) => ['sadd', `folders:${local}@example.org`, 'Abc/Deep', 'x']);
        await openWith(
          layouts,
          ['hset', 'virtual_mailbox', 'fred@example.org', 'v', 'joe@example.org', 'w'],
          ...folders,
        );
        expect(await ask(mailbox('fred', 'Abc/Deep'))).toEqual(found('v'));
        expect(await ask(mailbox('fred', 'abc/deep'))).toBeNull();
        expect(await ask(mailbox('fred', 'abc/deep', true))).toEqual(found('v'));
        expect(await ask(mailbox('joe', 'abc/deep', true))).toBeNull();
        expect(await ask(mailbox('gone', 'x'))).toBeNull();
        await server.cli('del', 'virtual_mailbox');
        await expect(ask(mailbox('gone', 'x'))).rejects.toThrow(EmptyStoreError);
      });

      it('fails only the question that has no layout', async () => {
        await openWith({ mailbox: { set: 'mailboxes', member: '{address}' } }, [
          'sadd',
          'mailboxes',
          'fred@example.org',
        ]);
        const [none, some] = await Promise.allSettled([
          ask({ about: 'domain', domain: 'example.org' }),
          ask(mailbox('fred')),
        ]);
        expect(none).toMatchObject({
          status: 'rejected',
          reason: { message: 'the store has no layout for domain: add one (see docs/stores/redis.md)' },
        });
        expect(some).toMatchObject({ status: 'fulfilled', value: found() });
      });

      it('asks in its own database, and never in another one', async () => {
        await openWith(
          { mailbox: KEYS.mailbox },
          ['select', '3'],
          ['hset', 'mailbox:{fred@example.org}', 'value', 'x'],
          ['select', '0'],
        );
        const servers = { kind: 'single', url: server.url } as const;
        const third = open({ ...PLAIN, servers, database: 3, layouts: layoutsOf(KEYS) });
        expect(await third.lookup(mailbox('fred'))).toEqual(found('x'));
        await third.close();
        expect(await ask(mailbox('fred'))).toBeNull();
        const none = open({ ...PLAIN, servers, database: 4, layouts: layoutsOf(KEYS) });
        await expect(none.lookup(mailbox('nobody'))).rejects.toThrow('DB index is out of range');
        await none.close();
      });
    });
  });

  describe('a cluster', () => {
    let cluster: Cluster;
    const stores: Store[] = [];
    beforeAll(async () => {
      cluster = await redis.startCluster({ replicas: 0 });
    });
    afterAll(async () => {
      for (const store of stores) await store.close();
      await cluster.stop();
    });
    const write = async (...commands: readonly (readonly string[])[]): Promise<void> => {
      for (const [name = '', ...words] of commands) {
        const tries = await Promise.allSettled(cluster.masters.map((master) => master.cli(name, ...words)));
        const refusal = tries.find(
          (each) => each.status === 'rejected' && !(each.reason as Error).message.startsWith('MOVED'),
        );
        if (refusal !== undefined) throw (refusal as PromiseRejectedResult).reason;
      }
    };
    const openWith = (layouts: Parameters<typeof layoutsOf>[0]): Store => {
      const { host, port } = cluster.masters[0] as { host: string; port: number };
      const store = open({
        ...PLAIN,
        servers: { kind: 'cluster', nodes: [{ host, port }] },
        layouts: layoutsOf(layouts),
      });
      stores.push(store);
      return store;
    };
    const subject: Subject = {
      async open(records) {
        for (const master of cluster.masters) await master.cli('flushall');
        await write(...commandsFor(records));
        return openWith(KEYS);
      },
      breaks: { cannot: 'test/real/redis.test.ts does it' },
      hangs: { cannot: 'test/real/redis.test.ts does it' },
      lacks: { exactCase },
    };
    describeStore('Redis Cluster', subject);

    it('is certain of an absence in a set while the set is there', async () => {
      await write(['sadd', 'mailboxes', 'fred@example.org']);
      const store = openWith({ mailbox: { set: 'mailboxes', member: '{address}' } });
      expect(await Promise.all(['fred', 'joe'].map(async (local) => store.lookup(mailbox(local))))).toEqual([
        found(),
        null,
      ]);
      await write(['del', 'mailboxes']);
      await expect(store.lookup(mailbox('joe'))).rejects.toThrow(EmptyStoreError);
    });

    it('fails questions for folders that are in another slot than their mailbox', async () => {
      const store = openWith({
        mailbox: { set: 'mailboxes', member: '{address}' },
        folder: { set: 'folders:{address}', member: '{detail}' },
      });
      await expect(store.lookup(mailbox('fred', 'abc'))).rejects.toThrow('give them one hash tag');
    });

    it('follows a slot that moves during a question, and one that moved before', async () => {
      const [from, to] = cluster.masters as [Cluster['masters'][0], Cluster['masters'][0]];
      await write(['sadd', '{a}mailboxes', 'fred@example.org'], ['sadd', '{b}mailboxes', 'fred@example.org']);
      const slot = String(await from.cli('cluster', 'keyslot', '{b}'));
      expect(Number(slot)).toBeLessThan(5461);
      const store = openWith({ mailbox: { set: '{{b}}mailboxes', member: '{address}' } });
      const both = () => Promise.all(['fred', 'joe'].map(async (local) => store.lookup(mailbox(local))));
      expect(await both()).toEqual([found(), null]);
      const [fromId, toId] = (await Promise.all([from, to].map((each) => each.cli('cluster', 'myid')))) as [
        string,
        string,
      ];
      await to.cli('cluster', 'setslot', slot, 'importing', fromId);
      await from.cli('cluster', 'setslot', slot, 'migrating', toId);
      expect(await both()).toEqual([found(), null]);
      await from.cli('migrate', to.host, `${to.port}`, '{b}mailboxes', '0', '1000');
      expect(await both()).toEqual([found(), null]); // by ASK
      for (const master of [to, ...cluster.masters]) await master.cli('cluster', 'setslot', slot, 'node', toId);
      expect(await both()).toEqual([found(), null]); // by MOVED
    });
  });
});
