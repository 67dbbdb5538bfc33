import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openRecords } from '../../src/store/driver/embedded/records.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { LONG } from '../support/long.ts';
import { askOnce, connectTo } from './client.ts';
import { run } from './command.ts';
import { type Daemon, MAIN, cli, fill, makeFolder, serve } from './daemon.ts';
import { freeOf, smallDisk } from './disk.ts';

const WAIT = { timeout: 20_000, interval: 10 };
const LINES = 300_000;
const FILE = 'smmap.mdb';
const FAILED = 'TEMP lookup failed';

describe('a long import', () => {
  test('leaves the store unchanged if it is killed at any moment, and a later import works', LONG, async () => {
    const folder = await makeFolder();
    const store = join(folder, 'store');
    const records = ['fred@example.org folder=abc', 'wilma@example.org state=disabled'];
    await fill(store, records);
    const before = await exported(store);
    const file = join(folder, 'list');
    writeFileSync(file, users(LINES));
    await createEmpty(join(folder, 'trial'));
    const trial = performance.now();
    expect((await cli(['mailbox', 'import', '--store', join(folder, 'trial'), file])).code).toBe(0);
    const wholeMs = performance.now() - trial;

    let killed = 0;
    for (let tries = 0; tries < 16 && killed < 6; tries++) {
      const child = spawn(process.execPath, [MAIN, 'mailbox', 'import', '--store', store, file]);
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('close', (_, signal) => resolve(signal)));
      await sleep(Math.random() * 0.75 * wholeMs);
      child.kill('SIGKILL');
      if ((await ended) === 'SIGKILL' && said === '') {
        killed++;
        expect(await exported(store)).toBe(before);
      } else {
        rmSync(store, { recursive: true }); // it was faster this time, and has written everything
        await fill(store, records);
      }
    }
    expect(killed).toBeGreaterThanOrEqual(4);

    const { code, stderr } = await cli(['mailbox', 'import', '--store', store, file]);
    expect([code, stderr]).toEqual([0, `smmap: ${LINES} imported: ${LINES} added, 0 changed, 0 unchanged\n`]);
    expect((await exported(store)).split('\n')).toHaveLength(LINES + 3);
  });

  test('becomes visible to a running daemon all at once, and the daemon answers meanwhile', async () => {
    const daemon = await serve();
    const store = join(daemon.folder, 'store');
    await fill(store, ['fred@example.org']);
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    const importing = new AbortController();
    const imported = cli(['mailbox', 'import', '--store', store, '-'], users(LINES)).finally(() => importing.abort());
    const seen: string[] = [];
    while (!importing.signal.aborted) {
      const replies = await Promise.all(
        [`user${LINES - 1}`, 'user0', 'fred'].map((user) => client.ask('mailbox', `${user}@example.org`)),
      );
      seen.push(replies.map((reply) => reply.split(' ')[0]).join());
      await sleep(1);
    }
    expect((await imported).code).toBe(0);
    const before = seen.lastIndexOf('NOTFOUND,NOTFOUND,OK') + 1;
    expect(before).toBeGreaterThan(10);
    // Between the questions of one round the state may change once, and only from the old to the new.
    expect(seen.slice(0, before).filter((round) => round !== 'NOTFOUND,NOTFOUND,OK')).toEqual([]);
    expect(seen.slice(before + 1).filter((round) => round !== 'OK,OK,OK')).toEqual([]);
    expect(['NOTFOUND,OK,OK', 'OK,OK,OK', undefined]).toContain(seen[before]);
    expect(await client.ask('mailbox', 'user0@example.org')).toBe('OK user0@example.org');
  });

  test('is followed by a second import, which waits for it', async () => {
    const store = join(await makeFolder(), 'store');
    await createEmpty(store);
    const imports = await Promise.all(
      ['a', 'b', 'c'].map((name) => cli(['mailbox', 'import', '--store', store, '-'], users(20_000, name))),
    );
    expect(imports.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect((await exported(store)).trim().split('\n')).toHaveLength(60_000);
  });
});

describe('a change', () => {
  test('by another process is visible to the next lookup, a hundred times', async () => {
    const daemon = await serve();
    const client = await connectTo(daemon.socket);
    const records = openRecords(join(daemon.folder, 'store'), 'write');
    onTestFinished(async () => {
      client.close();
      await records.close();
    });
    for (let at = 0; at < 100; at++) {
      const owner = { local: `user${at}`, domain: 'example.org' } as const;
      const address = `user${at}@example.org`;
      if (at > 0) expect(await client.ask('mailbox', address)).toBe('NOTFOUND ');
      records.write(
        (writer) => writer.put({ about: 'mailbox', ...owner, state: 'active', value: '', folders: [] }) !== null,
      );
      expect(await client.ask('mailbox', address)).toBe(`OK ${address}`);
    }
  });

  test('by a command is visible in the daemon as soon as the command ends', async () => {
    const daemon = await serve();
    const store = ['--store', join(daemon.folder, 'store')];
    const server = ['--server', `unix:${daemon.socket}`];
    const probe = async (): Promise<string> => (await cli(['probe', ...server, 'fred@example.org'])).stdout;
    for (const [command, reply] of [
      [['add'], 'OK fred@example.org'],
      [['add', '--state', 'overquota'], 'TEMP mailbox is over quota'],
      [['add', '--state', 'disabled'], 'NOTFOUND'],
      [['add'], 'NOTFOUND'],
      [['add', '--state', 'active'], 'OK fred@example.org'],
      [['remove'], 'NOTFOUND'],
    ] as const) {
      expect((await cli(['mailbox', ...command, ...store, 'fred@example.org'])).code).toBe(0);
      expect(await probe()).toBe(`fred@example.org\t${reply}\n`);
    }
  });

  test('by an add command keeps the existing state and folders', async () => {
    const folder = join(await makeFolder(), 'store');
    await createEmpty(folder);
    const store = ['--store', folder];
    for (const options of [
      ['--folder', 'lists'],
      ['--state', 'overquota'],
      ['--folder', 'news', '--folder', 'lists'],
    ]) {
      expect((await cli(['mailbox', 'add', ...options, ...store, 'fred@example.org'])).code).toBe(0);
    }
    expect((await cli(['mailbox', 'export', ...store])).stdout).toBe(
      'fred@example.org state=overquota folder=lists folder=news\n',
    );
  });

  test.runIf(process.getuid?.() === 0)('by root makes a store that belongs to the owner of its folder', async () => {
    const store = join(await makeFolder(), 'store');
    mkdirSync(store);
    execFileSync('chown', ['1:65534', store]);
    await fill(store, ['fred@example.org']);
    for (const name of [FILE, `${FILE}-lock`]) {
      const { uid, gid, mode } = statSync(join(store, name));
      expect([uid, gid, mode & 0o777]).toEqual([1, 65_534, 0o640]);
    }
  });
});

describe('a store whose file', () => {
  async function serveUsers(): Promise<{ daemon: Daemon; store: string; other: string }> {
    const daemon = await serve();
    const store = join(daemon.folder, 'store');
    const other = join(daemon.folder, 'other');
    await fill(store, users(5_000, 'old').trim().split('\n'));
    await fill(other, users(5_000, 'new').trim().split('\n'));
    expect(await askOnce(daemon.socket, 'mailbox', 'old7@example.org')).toBe('OK old7@example.org');
    expect(await askOnce(daemon.socket, 'mailbox', 'new7@example.org')).toBe('NOTFOUND ');
    return { daemon, store, other };
  }

  test.for([
    ['alone', (store: string, other: string) => renameSync(join(other, FILE), join(store, FILE))],
    [
      'with its whole folder',
      (store: string, other: string) => {
        renameSync(store, `${store}.old`);
        renameSync(other, store);
      },
    ],
  ] as const)('was replaced %s is opened again within about a second', async ([, replace]) => {
    const { daemon, store, other } = await serveUsers();
    replace(store, other);
    const replacedAt = performance.now();
    await vi.waitUntil(async () => (await askOnce(daemon.socket, 'mailbox', 'new7@example.org')) !== 'NOTFOUND ', WAIT);
    expect(performance.now() - replacedAt).toBeLessThan(10_000); // of a busy machine
    expect(await askOnce(daemon.socket, 'mailbox', 'new7@example.org')).toBe('OK new7@example.org');
    expect(await askOnce(daemon.socket, 'mailbox', 'old7@example.org')).toBe('NOTFOUND ');
    await cli(['mailbox', 'add', '--store', store, 'later@example.org']);
    expect(await askOnce(daemon.socket, 'mailbox', 'later@example.org')).toBe('OK later@example.org');
  });

  test.for([
    ['an empty file', () => Buffer.alloc(0)],
    ['garbage', () => Buffer.alloc(100_000, 'garbage ')],
    ['the first half of a store', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ['its two first pages alone', (whole: Buffer) => whole.subarray(0, 8_192)],
    [
      'a store whose pages are zeros',
      (whole: Buffer) => Buffer.concat([whole.subarray(0, 8_192), Buffer.alloc(whole.length - 8_192)]),
    ],
  ] as const)(
    'was replaced by %s causes TEMP for every address, even after a restart, until it is repaired',
    async ([, damage]) => {
      const { daemon, store, other } = await serveUsers();
      const ask = (key: string): Promise<string> => askOnce(daemon.socket, 'mailbox', `${key}@example.org`);
      writeFileSync(join(daemon.folder, 'damaged'), damage(readFileSync(join(other, FILE))));
      renameSync(join(daemon.folder, 'damaged'), join(store, FILE));
      await vi.waitUntil(async () => (await ask('old7')) !== 'OK old7@example.org', WAIT);
      for (const key of ['old7', 'new7', 'nobody']) expect(await ask(key)).toBe(FAILED);
      expect(await daemon.stop()).toBe(0);

      const again = await serve({ folder: daemon.folder });
      await again.logged('store_unavailable');
      for (const key of ['old7', 'new7', 'nobody']) expect(await ask(key)).toBe(FAILED);
      rmSync(store, { recursive: true });
      cpSync(other, store, { recursive: true });
      await vi.waitUntil(async () => (await ask('new7')) === 'OK new7@example.org', WAIT);
      expect(await ask('old7')).toBe('NOTFOUND ');
    },
  );

  // LMDB reads the file through a memory map: what another program cuts off under it ends this one with SIGBUS.
  test('was truncated in place never causes NOTFOUND, and causes TEMP after a restart of the daemon', async () => {
    const { daemon, store } = await serveUsers();
    truncateSync(join(store, FILE), 8_192);
    for (const key of ['old7', 'new7', 'nobody']) {
      const reply = await askOnce(daemon.socket, 'mailbox', `${key}@example.org`).catch(() => 'no reply');
      expect(['no reply', FAILED]).toContain(reply);
    }
    await daemon.kill();
    const again = await serve({ folder: daemon.folder });
    for (const key of ['old7', 'new7', 'nobody']) {
      expect(await askOnce(again.socket, 'mailbox', `${key}@example.org`)).toBe(FAILED);
    }
    expect(await again.stop()).toBe(0);
  });

  test('was overwritten in place after its first pages never causes NOTFOUND', async () => {
    const { daemon, store } = await serveUsers();
    const file = openSync(join(store, FILE), 'r+');
    const { size } = statSync(join(store, FILE));
    writeSync(file, Buffer.alloc(size - 8_192), 0, size - 8_192, 8_192);
    closeSync(file);
    for (const key of ['old7', 'new7', 'nobody']) {
      expect(await askOnce(daemon.socket, 'mailbox', `${key}@example.org`)).toBe(FAILED);
    }
  });
});

describe('a removed lock file', () => {
  test('is noticed by the daemon, which answers with records that were added later', async () => {
    const daemon = await serve();
    const store = join(daemon.folder, 'store');
    await fill(store, ['fred@example.org']);
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    for (const name of ['wilma', 'barney']) {
      await sleep(1_500); // older than a file that was just made with its store
      expect(await client.ask('mailbox', 'fred@example.org')).toBe('OK fred@example.org');
      expect(await client.ask('mailbox', `${name}@example.org`)).toBe('NOTFOUND ');
      rmSync(join(store, `${FILE}-lock`));
      expect((await cli(['mailbox', 'add', '--store', store, `${name}@example.org`])).code).toBe(0);
      expect(await client.ask('mailbox', `${name}@example.org`)).toBe(`OK ${name}@example.org`);
      expect(statSync(join(store, `${FILE}-lock`)).mode & 0o777).toBe(0o640);
    }
    await expect.poll(() => daemon.log.filter(({ event }) => event === 'store_opened')).toHaveLength(3);
  });

  test.for([
    ['and made anew by another import', true],
    ['and not made anew', false],
  ] as const)('during a command, %s, makes the command write nothing, with an error', async ([, another]) => {
    const store = join(await makeFolder(), 'store');
    await fill(store, ['fred@example.org']);
    const records = openRecords(store, 'write');
    const mailbox = { about: 'mailbox', domain: 'example.org', state: 'active', value: '', folders: [] } as const;
    const write = (): boolean =>
      records.write((writer) => {
        for (let at = 0; at < 1_000; at++) writer.put({ ...mailbox, local: `mine${at}` });
        rmSync(join(store, `${FILE}-lock`), { force: true });
        const importing = [MAIN, 'mailbox', 'import', '--store', store, '-'];
        if (another) execFileSync(process.execPath, importing, { input: users(1_000, 'other'), stdio: 'pipe' });
        return true;
      });
    expect(write).toThrow(/smmap.mdb-lock was removed or replaced meanwhile; nothing was written; run this again/);
    expect(write).toThrow('nothing was written; run this again'); // also the next time
    await records.close();
    const there = (await exported(store)).trim().split('\n');
    expect(there).toHaveLength(another ? 1_001 : 1);
    expect(there.filter((line) => line.startsWith('mine'))).toEqual([]);
  });

  test('during three imports loses no record that an import reported', async () => {
    const store = join(await makeFolder(), 'store');
    await fill(store, ['fred@example.org']);
    const imports = ['a', 'b', 'c'].map(async (name, at) => {
      await sleep(at * 300);
      if (at > 0) rmSync(join(store, `${FILE}-lock`), { force: true });
      return cli(['mailbox', 'import', '--store', store, '-'], users(50_000, name));
    });
    const ended = await Promise.all(imports);
    const there = (await exported(store)).split('\n');
    for (const [at, name] of ['a', 'b', 'c'].entries()) {
      const { code, stderr } = ended[at] as (typeof ended)[0];
      const said = stderr.replace(/^smmap: waits for .*\n/, ''); // after a second
      expect([code, said]).toEqual(
        code === 0
          ? [0, 'smmap: 50000 imported: 50000 added, 0 changed, 0 unchanged\n']
          : [74, expect.stringMatching(/run this again/)],
      );
      if (code === 0) expect(there.filter((line) => line.startsWith(name))).toHaveLength(50_000);
    }
    expect((await cli(['store', 'verify', '--store', store])).code).toBe(0);
  });
});

// lmdb 3.5 sets the number of the last transaction when it opens a file, and may set it back behind one that commits just then.
test('a write that is hidden because another process opened the file is not overwritten by the next write', async () => {
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'smmap-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await fill(folder, ['fred@example.org']);
  const options = JSON.stringify({ path: join(folder, FILE), readOnly: true, noSubdir: true, maxReaders: 1_000 });
  const openForEver = `import { open } from 'lmdb'; for (;;) await open(${options}).close();`;
  const opener = spawn(process.execPath, ['--input-type=module', '-e', openForEver], { cwd: process.cwd() });
  onTestFinished(() => void opener.kill('SIGKILL'));
  const records = openRecords(folder, 'write');
  const mailbox = { about: 'mailbox', domain: 'example.org', state: 'active', value: '', folders: [] } as const;
  let reported = 0;
  try {
    for (const end = performance.now() + 5_000; performance.now() < end; reported++) {
      records.write((writer) => writer.put({ ...mailbox, local: `user${reported}` }) !== null);
      await sleep(0);
    }
  } catch (error) {
    expect((error as Error).message).toMatch(
      /was opened by another process in the moment of writing; .*run this again/,
    );
  }
  await records.close();
  opener.kill('SIGKILL');
  const there = new Set((await exported(folder)).split('\n'));
  expect(reported).toBeGreaterThan(0);
  expect(
    Array.from({ length: reported }, (_, at) => `user${at}@example.org`).filter((user) => !there.has(user)),
  ).toEqual([]);
});

test('a hidden write is not overwritten by a process that has the file open, and the daemon soon sees it', async () => {
  const daemon = await serve();
  const store = join(daemon.folder, 'store');
  await fill(store, ['fred@example.org']);
  const ask = (name: string): Promise<string> => askOnce(daemon.socket, 'mailbox', `${name}@example.org`);
  expect(await ask('wilma')).toBe('NOTFOUND ');
  const records = openRecords(store, 'write');
  onTestFinished(() => records.close());
  const mailbox = { about: 'mailbox', domain: 'example.org', state: 'active', value: '', folders: [] } as const;
  records.write((writer) => writer.put({ ...mailbox, local: 'wilma' }) !== null);
  expect(await ask('wilma')).toBe('OK wilma@example.org');
  // As lmdb does that opened the file before, and sets the number of the last transaction behind.
  const lock = openSync(join(store, `${FILE}-lock`), 'r+');
  onTestFinished(() => closeSync(lock));
  const number = Buffer.alloc(8);
  readSync(lock, number, 0, 8, 8);
  number.writeBigUInt64LE(number.readBigUInt64LE() - 1n);
  writeSync(lock, number, 0, 8, 8);
  const opened = (): number => daemon.log.filter(({ event }) => event === 'store_opened').length;
  const before = opened();
  expect(() => records.write((writer) => writer.put({ ...mailbox, local: 'barney' }) !== null)).toThrow(
    'was opened by another process in the moment of writing; nothing was written; run this again',
  );
  await expect.poll(async () => [await ask('wilma'), opened()]).toEqual(['OK wilma@example.org', before + 1]);
  expect(await ask('barney')).toBe('NOTFOUND ');
  records.write((writer) => writer.put({ ...mailbox, local: 'barney' }) !== null); // the daemon has opened the file again
  expect(await exported(store)).toBe('barney@example.org\nfred@example.org\nwilma@example.org\n');
});

test('a command fails if the data file is replaced while it writes, and the new file stays unchanged', async () => {
  const folder = await makeFolder();
  const [store, other] = [join(folder, 'store'), join(folder, 'other')];
  await fill(store, ['fred@example.org']);
  await fill(other, ['wilma@example.org']);
  const records = openRecords(store, 'write');
  onTestFinished(() => records.close());
  expect(() =>
    records.write((writer) => {
      renameSync(join(other, FILE), join(store, FILE));
      return writer.remove({ about: 'mailbox', local: 'fred', domain: 'example.org' });
    }),
  ).toThrow('was removed or replaced meanwhile; nothing was written; run this again');
  expect(await exported(store)).toBe('wilma@example.org\n');
});

describe('a store that shrinks', () => {
  test('is logged, if it loses many records at once or little by little', LONG, async () => {
    const daemon = await serve();
    const store = join(daemon.folder, 'store');
    const ask = async (): Promise<void> => {
      await sleep(1_100); // it is looked at once a second
      await askOnce(daemon.socket, 'mailbox', 'old0@example.org');
    };
    const keep = async (count: number): Promise<void> => {
      const args = ['mailbox', 'import', '--replace', '--allow-removals', '999', '--store', store, '-'];
      expect((await cli(args, users(count, 'old'))).code).toBe(0);
      await ask();
    };
    await fill(store, users(200, 'old').trim().split('\n'));
    await cli(['table', 'import', '--store', store, 'access', '-'], users(50).replaceAll('\n', ' OK\n'));
    await ask();
    for (const count of [190, 181, 178, 170, 50]) await keep(count);
    const table = ['table', 'import', '--replace', '--allow-removals', '49', '--store', store, 'access', '-'];
    expect((await cli(table, 'user7@example.org OK\n')).code).toBe(0);
    await ask();
    await fill(join(daemon.folder, 'other'), ['fred@example.org']);
    renameSync(join(daemon.folder, 'other', FILE), join(store, FILE));
    await ask();
    await daemon.logged('store_shrank', ({ kind, after }) => kind === 'mailbox' && after === 1);
    const shrank = daemon.log.filter(({ event }) => event === 'store_shrank');
    expect(shrank.map(({ store: name, kind, before, after }) => [name, kind, before, after])).toEqual([
      ['local', 'mailbox', 200, 178],
      ['local', 'mailbox', 178, 50],
      ['local', 'key access', 50, 1],
      ['local', 'mailbox', 50, 1],
    ]);
  });
});

describe('a full disk', () => {
  const fillUp = (disk: string): void => {
    const fd = openSync(join(disk, 'fill'), 'a');
    try {
      for (;;) writeSync(fd, Buffer.alloc(4_096));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    } finally {
      closeSync(fd);
    }
  };

  test('is reported by an import, which frees the space that it used', async ({ skip }) => {
    const disk = (await smallDisk(3_072)) ?? skip('a tmpfs cannot be mounted here');
    const store = join(disk, 'store');
    await fill(store, ['fred@example.org']);
    const free = freeOf(disk);
    const { code, stderr } = await cli(['mailbox', 'import', '--store', store, '-'], users(200_000));
    expect([code, stderr]).toEqual([
      74,
      `smmap: ${join(store, FILE)} cannot be written: no space left on device; nothing was changed\n`,
    ]);
    expect(freeOf(disk)).toBe(free);
    expect((await cli(['mailbox', 'add', '--store', store, 'wilma@example.org'])).code).toBe(0);
    expect(await exported(store)).toBe('fred@example.org\nwilma@example.org\n');
  });

  test('is not what a limit of the process is called', async () => {
    const folder = await makeFolder();
    const store = join(folder, 'store');
    await fill(store, ['fred@example.org']);
    const before = statSync(join(store, FILE)).size;
    const list = join(folder, 'list');
    writeFileSync(list, Array.from({ length: 20_000 }, (_, at) => `user${at}@example.org\n`).join(''));
    const limited = `ulimit -f 400; exec "$@"`;
    const command = [process.execPath, MAIN, 'mailbox', 'import', '--store', store, list];
    expect(await run('sh', ['-c', limited, 'sh', ...command])).toEqual({
      code: 74,
      stdout: '',
      stderr: `smmap: ${join(store, FILE)} cannot be written: the file has its largest size (ulimit -f); nothing was changed\n`,
    });
    expect([statSync(join(store, FILE)).size <= before + 16_384, await exported(store)]).toEqual([
      true,
      'fred@example.org\n',
    ]);
  });

  test('without a lock file kills no process by a signal, and daemon and commands say what is missing', async ({
    skip,
  }) => {
    const disk = (await smallDisk(1_024)) ?? skip('a tmpfs cannot be mounted here');
    const store = join(disk, 'store');
    await fill(store, ['fred@example.org']);
    rmSync(join(store, `${FILE}-lock`));
    fillUp(disk);
    const full = expect.stringContaining('cannot be opened: no space left on device; nothing was changed');
    for (const args of [['list'], ['add', 'wilma@example.org']]) {
      const { code, stderr } = await cli(['mailbox', ...args, '--store', store]);
      expect([code, stderr]).toEqual([74, full]);
    }
    const { code, stderr } = await cli(['store', 'create', '--store', join(disk, 'new')]);
    expect([code, stderr]).toEqual([74, full]);
    const config = `
      listen.mta.path = "${join(await makeFolder(), 'smmap.sock')}"
      store.local = { driver = "embedded", path = "${store}" }
      map.mailbox = {}`;
    const daemon = await serve({ folder: await makeFolder(), config });
    expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe(FAILED);
    rmSync(join(disk, 'fill'));
    await vi.waitUntil(async () => (await askOnce(daemon.socket, 'mailbox', 'fred@example.org')) !== FAILED, WAIT);
    expect(await askOnce(daemon.socket, 'mailbox', 'fred@example.org')).toBe('OK fred@example.org');
    expect((await cli(['mailbox', 'add', '--store', store, 'wilma@example.org'])).code).toBe(0);
  });
});

function users(count: number, name = 'user'): string {
  let lines = '';
  for (let at = 0; at < count; at++) lines += `${name}${at}@example.org\n`;
  return lines;
}

async function exported(store: string): Promise<string> {
  const { code, stdout, stderr } = await cli(['mailbox', 'export', '--store', store]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}
