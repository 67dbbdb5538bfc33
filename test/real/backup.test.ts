import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'lmdb';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Mailbox } from '../../src/record/mailbox.ts';
import { openRecords } from '../../src/store/driver/embedded/records.ts';
import { type About, NOBODY } from '../../src/vocabulary.ts';
import { openNew } from '../support/folder.ts';
import { LONG } from '../support/long.ts';
import { connectTo } from './client.ts';
import { MAIN, cli, fill, makeFolder, serve } from './daemon.ts';

const FILE = 'smmap.mdb';

/** A store with some of everything, in which tables and aliases have marks of their own. */
async function makeStore(): Promise<{ folder: string; store: string; file: string }> {
  const folder = await makeFolder();
  const store = join(folder, 'store');
  const records = await openNew(store);
  const [local, domain] = ['Fred', 'example.org'];
  records.write((writer) => {
    writer.put({ about: 'mailbox', local, domain, state: 'active', value: '/x', folders: ['lists', 'a b'] });
    writer.put({ about: 'mailbox', local: 'wilma', domain: 'example.net', state: 'disabled', value: '', folders: [] });
    writer.put({ about: 'alias', local: NOBODY, domain: 'example.net', targets: ['fred@example.org', 'joe'] });
    writer.put({ about: 'domain', domain: 'example.com', class: 'relay' });
    writer.put({ about: 'key', table: 'access', key: 'Connect:192.0.2.7', value: 'REJECT "go" away' });
    writer.declare('key', 'empty');
    return true;
  });
  await records.close();
  return { folder, store, file: join(folder, 'backup') };
}

async function contents(store: string): Promise<string[]> {
  const records = openRecords(store, 'read');
  try {
    const kinds: readonly About[] = ['mailbox', 'alias', 'domain', 'key'];
    return kinds.flatMap((about) => Array.from(records.all(about, null), (record) => JSON.stringify(record)));
  } finally {
    await records.close();
  }
}

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  expect([code, stdout + stderr]).toEqual([0, expect.any(String)]);
  return stdout + stderr;
}

const users = (count: number, name: string): string[] =>
  Array.from({ length: count }, (_, at) => `${name}${at}@example.org`);

describe('a backup', () => {
  test('has all that a daemon needs to be certain, and can be restored into an empty folder', async () => {
    const { folder, store, file } = await makeStore();
    await succeed('store', 'backup', file, '--store', store);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await succeed('store', 'verify', file)).toMatch(/backup: no errors \(\d+ entries\)\n$/);
    const other = join(folder, 'other');
    const counts = '2 mailboxes, 1 alias, 1 domain, 1 key in 1 table';
    expect(await succeed('store', 'restore', file, '--store', other)).toBe(`smmap: restored ${counts}\n`);
    expect(await succeed('store', 'verify', '--store', other)).toBe(`${other}: no errors (${counts})\n`);
    expect(await contents(other)).toEqual(await contents(store));

    const config = `
      listen.mta.path = "${join(folder, 'smmap.sock')}"
      store.local = { driver = "embedded", path = "${other}" }
      map.mailbox = {}
      map.virtual = { kind = "alias" }
      map.access = { kind = "table" }
      map.empty = { kind = "table" }
      map.unwritten = { kind = "table" }`;
    const daemon = await serve({ folder, config });
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    const asked: string[] = [];
    for (const [map, key] of [
      ['mailbox', 'fred@example.org'],
      ['mailbox', 'nobody@example.org'],
      ['virtual', 'nobody@example.com'],
      ['access', 'nobody'],
      ['empty', 'nobody'],
      ['unwritten', 'nobody'],
    ] as const) {
      asked.push((await client.ask(map, key)).split(' ')[0] as string);
    }
    expect(asked).toEqual(['OK', 'NOTFOUND', 'NOTFOUND', 'NOTFOUND', 'NOTFOUND', 'TEMP']);
  });

  test('is the same on standard output, and can be read from standard input', async () => {
    const { folder, store, file } = await makeStore();
    const { stdout } = await cli(['store', 'backup', '-', '--store', store]);
    await succeed('store', 'backup', file, '--store', store);
    expect(stdout.split('\n').slice(1, -2)).toEqual(readFileSync(file, 'utf8').split('\n').slice(1, -2));
    const other = join(folder, 'other');
    expect((await cli(['store', 'restore', '-', '--store', other], stdout)).code).toBe(0);
    expect(await contents(other)).toEqual(await contents(store));
  });

  test('shows the store as of one moment while others write to it', async () => {
    const { store, file } = await makeStore();
    await fill(store, users(30_000, 'user'));
    const mailbox = (local: string): Mailbox => {
      return { about: 'mailbox', local, domain: 'a.example', state: 'active', value: '', folders: [] };
    };
    const last = (local: string): Mailbox => ({ ...mailbox(local), domain: 'z.example' });
    const records = openRecords(store, 'write');
    onTestFinished(() => records.close());
    let moves = 0;
    const move = (): void => {
      const [from, to] = moves++ % 2 === 0 ? ['a', 'z'] : ['z', 'a'];
      records.write((writer) => {
        writer.remove(from === 'a' ? mailbox('mover') : last('mover'));
        return writer.put(to === 'a' ? mailbox('mover') : last('mover')) !== null;
      });
    };
    move();
    for (let round = 0; round < 3; round++) {
      const done = new AbortController();
      const backup = succeed('store', 'backup', file, '--store', store).finally(() => done.abort());
      while (!done.signal.aborted) {
        move();
        await sleep(1);
      }
      await backup;
      expect(readFileSync(file, 'utf8').match(/ mover"/g)).toHaveLength(1);
    }
    expect(moves).toBeGreaterThan(20);
  });

  test('is refused if it is not complete or not a backup, and nothing changes', async () => {
    const { folder, store, file } = await makeStore();
    await succeed('store', 'backup', file, '--store', store);
    const before = await contents(store);
    const whole = readFileSync(file, 'utf8');
    const lines = whole.split('\n');
    const damaged = join(folder, 'damaged');
    for (const [text, said] of [
      [whole.slice(0, -20), /cut off|changed/],
      [`${lines.slice(0, 4).join('\n')}\n`, /was cut off after line 4; nothing was restored/],
      [[...lines.slice(0, 3), ...lines.slice(4)].join('\n'), /was changed: its checksum does not match/],
      [whole.replace('example.org fred', 'example.org free'), /was changed: its checksum does not match/],
      [whole.replace('disabled', 'dead'), /line \d+: .*a mailbox has the state "dead", which this smmap does not know/],
      [`${whole}${lines[2]}\n`, /is after the end of the backup/],
      [
        whole.replace('"version":1', '"version":2'),
        /is a backup of version 2, and this smmap knows version 1; restore it with a newer/,
      ],
      [whole.replace('"format":"3"', '"format":"9"'), /has a store of format 9, which this smmap does not know/],
      ['fred@example.org\n', /is not a backup of smmap/],
      ['', /is empty, so it is not a backup of smmap/],
    ] as const) {
      writeFileSync(damaged, text);
      const { code, stderr } = await cli(['store', 'restore', '--force', damaged, '--store', store]);
      expect([code, stderr]).toEqual([65, expect.stringMatching(said)]);
      expect((await cli(['store', 'verify', damaged])).code).toBe(65);
    }
    expect(await contents(store)).toEqual(before);
  });

  test('does not overwrite the store, and a failed one leaves the previous backup', async () => {
    const { folder, store, file } = await makeStore();
    const { code, stderr } = await cli(['store', 'backup', join(store, FILE), '--store', store]);
    expect([code, stderr]).toEqual([64, expect.stringContaining('is the store itself')]);
    writeFileSync(file, 'old');
    expect((await cli(['store', 'backup', file, '--store', join(folder, 'none')])).code).toBe(74);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder).toSorted()).toEqual(['backup', 'store']);
  });
});

describe('a restore', () => {
  test('needs --force for a store with records, and then replaces all of them', async () => {
    const { folder, store, file } = await makeStore();
    await succeed('store', 'backup', file, '--store', store);
    const other = join(folder, 'other');
    await fill(other, users(100, 'old'));
    const { code, stderr } = await cli(['store', 'restore', file, '--store', other]);
    expect([code, stderr]).toEqual([
      73,
      `smmap: ${other}: has a store already (100 mailboxes, 0 aliases, 0 domains, 0 keys in 0 tables); to replace all of it, give --force\n`,
    ]);
    expect(await contents(other)).toHaveLength(100);
    await succeed('store', 'restore', '--force', file, '--store', other);
    expect(await contents(other)).toEqual(await contents(store));
  });

  test('says how to replace a damaged store, and this works', async () => {
    const { store, file } = await makeStore();
    await succeed('store', 'backup', file, '--store', store);
    const before = await contents(store);
    writeFileSync(join(store, FILE), 'garbage'.repeat(10_000));
    const { code, stderr } = await cli(['store', 'restore', '--force', file, '--store', store]);
    const data = join(store, FILE);
    expect([code, stderr]).toEqual([74, expect.stringContaining(`\n    mv ${data} ${data}.damaged\n`)]);
    renameSync(data, `${data}.damaged`);
    await succeed('store', 'restore', file, '--store', store);
    expect(await contents(store)).toEqual(before);
  });

  test('changes nothing if it or a backup is killed at any moment', LONG, async () => {
    const { folder, store, file } = await makeStore();
    const other = join(folder, 'other');
    await fill(other, users(100_000, 'new'));
    await succeed('store', 'backup', file, '--store', other);
    const before = await contents(store);
    const saved = readFileSync(file);
    const commands = [
      ['restore', '--force', file, '--store', join(folder, 'third')],
      ['backup', file, '--store', other],
    ];
    const tookMs: number[] = [];
    for (const command of commands) {
      const started = performance.now();
      await succeed('store', ...command);
      tookMs.push(performance.now() - started);
    }
    expect(readFileSync(file).equals(saved)).toBe(false); // it has the time of day
    writeFileSync(file, saved);
    let killed = 0;
    for (let kill = 0; kill < 8; kill++) {
      const args = kill % 2 === 0 ? ['restore', '--force', file, '--store', store] : ['backup', file, '--store', other];
      const child = spawn(process.execPath, [MAIN, 'store', ...args]);
      const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('close', (_, signal) => resolve(signal)));
      await sleep((tookMs[kill % 2] as number) * (0.2 + 0.4 * Math.random()));
      child.kill('SIGKILL');
      if ((await ended) !== 'SIGKILL') break; // it was faster this time
      killed++;
      expect(await contents(store)).toEqual(before);
      expect(readFileSync(file).equals(saved)).toBe(true);
    }
    expect(killed).toBeGreaterThan(2);
    await succeed('store', 'restore', '--force', file, '--store', store);
    expect(await contents(store)).toEqual(await contents(other));
  });

  test('never causes NOTFOUND for an address that is in both stores while a daemon serves', async () => {
    const daemon = await serve();
    const store = join(daemon.folder, 'store');
    await fill(store, [...users(50_000, 'user'), ...users(100, 'old')]);
    const [other, file] = [join(daemon.folder, 'other'), join(daemon.folder, 'backup')];
    await fill(other, [...users(50_000, 'user'), ...users(100, 'new')]);
    await succeed('store', 'backup', file, '--store', other);
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    const done = new AbortController();
    const restored = succeed('store', 'restore', '--force', file, '--store', store).finally(() => done.abort());
    const seen = new Set<string>();
    while (!done.signal.aborted) {
      for (const at of [0, 777, 49_999]) seen.add(await client.ask('mailbox', `user${at}@example.org`));
      await sleep(1);
    }
    await restored;
    expect([...seen].toSorted()).toEqual([0, 49_999, 777].map((at) => `OK user${at}@example.org`));
    expect(await client.ask('mailbox', 'new7@example.org')).toBe('OK new7@example.org');
    expect(await client.ask('mailbox', 'old7@example.org')).toBe('NOTFOUND ');
  });
});

describe('a store of another format', () => {
  async function makeFormat(format: string): Promise<{ folder: string; store: string }> {
    const folder = await makeFolder();
    const store = join(folder, 'store');
    mkdirSync(store);
    const db = open({ path: join(store, FILE), noSubdir: true, encoding: 'string' });
    db.transactionSync(() => {
      db.putSync('!format', format);
      db.putSync('!written', 'yes');
      for (let at = 0; at < 1_000; at++) db.putSync(`example.org user${at}`, 'active');
      db.putSync('!hosts example.org', 'yes');
    });
    await db.close();
    return { folder, store };
  }

  test('2 can be read and backed up, not written, and is upgraded while the daemon runs', async () => {
    const { folder, store } = await makeFormat('2');
    const daemon = await serve({ folder });
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    expect(await client.ask('mailbox', 'user7@example.org')).toBe('OK user7@example.org');
    expect(await client.ask('mailbox', 'nobody@example.org')).toBe('NOTFOUND ');
    const { code, stderr } = await cli(['mailbox', 'add', 'fred@example.org', '--store', store]);
    expect([code, stderr]).toEqual([74, expect.stringContaining(`upgrade it: smmap store upgrade --store ${store}\n`)]);
    const file = join(folder, 'backup');
    await succeed('store', 'backup', file, '--store', store);
    expect(await succeed('store', 'verify', '--store', store)).toContain(': no errors (1000 mailboxes,');
    expect(await succeed('store', 'upgrade', '--store', store)).toBe(`smmap: ${store}: converted from format 2 to 3\n`);
    expect(await succeed('store', 'upgrade', '--store', store)).toBe(`smmap: ${store}: has format 3 already\n`);
    await succeed('mailbox', 'add', 'fred@example.org', '--store', store);
    expect(await client.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect(await succeed('store', 'verify', '--store', store)).toContain(': no errors (1001 mailboxes,');
    await succeed('store', 'restore', file, '--store', join(folder, 'other'));
    expect(await succeed('store', 'verify', '--store', join(folder, 'other'))).toContain(
      ': no errors (1000 mailboxes,',
    );
  });

  test.for([
    ['9', /its format is 9, and this smmap knows 2 and 3: a newer smmap wrote it; use that one, or restore a backup/],
    ['1', /its format is 1, and this smmap knows 2 and 3: export it with the smmap that wrote it, and import that/],
  ] as const)('%s is refused, and the message says what to do', async ([format, said]) => {
    const { store } = await makeFormat(format);
    for (const args of [
      ['mailbox', 'list'],
      ['mailbox', 'add', 'a@b.example'],
      ['store', 'upgrade'],
      ['store', 'verify'],
    ]) {
      const { code, stderr } = await cli([...args, '--store', store]);
      expect([code, stderr]).toEqual([74, expect.stringMatching(said)]);
    }
  });
});

test('smmap store verify finds records that contradict each other, and upgrade repairs them', async () => {
  const { store } = await makeStore();
  const db = open({ path: join(store, FILE), noSubdir: true, encoding: 'string' });
  db.transactionSync(() => {
    db.putSync('!count mailbox', '7');
    db.putSync('!hosts gone.example', 'yes');
    db.removeSync('!hosts example.org');
    db.removeSync('!written alias');
  });
  await db.close();
  const { code, stderr } = await cli(['store', 'verify', '--store', store]);
  expect(code).toBe(65);
  for (const key of ['!count mailbox', '!hosts gone.example', '!hosts example.org', '!written alias']) {
    expect(stderr).toMatch(new RegExp(`"${key}": .+; run smmap store upgrade\n`));
  }
  await succeed('store', 'upgrade', '--store', store);
  expect(await succeed('store', 'verify', '--store', store)).toContain(': no errors (2 mailboxes,');
});
