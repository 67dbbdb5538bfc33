import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { StoreConfig } from '../../src/store/driver.ts';
import { openFileStore } from '../../src/store/driver/file/driver.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { expectNoLies, tell, type Trial } from '../support/faults.ts';
import { temporaryFolders } from '../support/folder.ts';
import { cannotHang, hang } from '../support/hung.ts';
import { CAMPAIGN, LONG } from '../support/long.ts';
import { connectTo } from './client.ts';
import { cli, makeFolder, serve } from './daemon.ts';

const PEOPLE = 2_000;

const folder = temporaryFolders();
const stores: OpenStore[] = [];
const events: string[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  events.length = 0;
});

const user = (at: number): string => `user${at}@example.org`;
const linesFor = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `${user(from + at)} OK\n`).join('');
const ALL = linesFor(0, PEOPLE);
const mailbox = (local: string): Question => {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
};
const TRIAL: Pick<Trial, 'present' | 'absent'> = {
  present: Array.from({ length: PEOPLE / 10 }, (_, at) => mailbox(`user${at * 10 + 9}`)),
  absent: Array.from({ length: 200 }, (_, at) => mailbox(`nobody${at}`)),
};

/** Opens a list with all its guards. */
async function openList(content = ALL): Promise<{ readonly path: string; readonly store: OpenStore }> {
  const path = `${folder()}/vmailbox`;
  writeFileSync(path, content);
  const toml = `[store.list]\ndriver = "file"\nmailboxes = { path = "${path}", format = "postmap" }\n[map.mailbox]\n`;
  const config = parseConfig(toml, 'a.toml', { socket: '/nowhere/s', store: '/nowhere' });
  const store = await openStore(config.stores.get('list') as StoreConfig, {
    ...UNTOLD,
    availability: () => ({
      opened: () => events.push('opened'),
      unavailable: (cause) => events.push((cause as Error).message.replaceAll(path, 'LIST')),
    }),
  });
  stores.push(store);
  return { path, store };
}

const ask = async (store: OpenStore, local: string): Promise<Answer> => await store.lookup(mailbox(local));

describe('a list in a file, with 50 questions in flight', () => {
  /** What breaks the list, what makes it whole again, and what the log says meanwhile. */
  type Change = (path: string) => void;
  const FAULTS: readonly (readonly [
    what: string,
    fault: Change,
    mend: Change,
    told: string | null,
    brokenMs: number,
  ])[] = [
    [
      'is written by a shell in two parts',
      (path) => execFileSync('sh', ['-c', 'head -n 1950 "$1.new" > "$1"', 'sh', path]),
      (path) => execFileSync('sh', ['-c', 'tail -n +1951 "$1.new" >> "$1"', 'sh', path]),
      null,
      1_000,
    ],
    [
      'is written in two parts, with four seconds between them',
      (path) => writeFileSync(path, linesFor(0, 1_950)),
      (path) => appendFileSync(path, linesFor(1_950, PEOPLE)),
      null,
      4_000,
    ],
    [
      'is emptied for four seconds',
      (path) => truncateSync(path),
      (path) => writeFileSync(path, ALL),
      'LIST has no record; fill it, or remove its key',
      4_000,
    ],
    [
      'is cut off inside a line',
      (path) => truncateSync(path, ALL.length - 8),
      (path) => appendFileSync(path, ALL.slice(-8)),
      'LIST: its last line has no line feed: was it cut off?; if it is complete, end that line',
      3_000,
    ],
    [
      'is replaced by half of it',
      (path) => replace(path, linesFor(0, PEOPLE / 2)),
      (path) => replace(path, ALL),
      '1000 of 2000 records (mailbox) are gone: was the list cut off?; if not, take it with smmap stores release',
      3_000,
    ],
    [
      'has a bad line',
      (path) => replace(path, `${ALL}user without a domain\n`),
      (path) => replace(path, ALL),
      'LIST:2001 is not a line of this list: user: has no domain; give the list its domain',
      3_000,
    ],
    [
      'is removed',
      (path) => rmSync(path),
      (path) => replace(path, ALL),
      "LIST cannot be read: ENOENT: no such file or directory, open 'LIST'",
      1_000,
    ],
    [
      'is a folder',
      (path) => {
        mkdirSync(`${path}.d`);
        symlinkSync(`${path}.d`, `${path}.link`);
        renameSync(`${path}.link`, path); // there is no moment without anything
      },
      (path) => replace(path, ALL),
      'LIST is not a regular file',
      1_000,
    ],
  ];
  it.each(FAULTS)('that %s never refuses who is in it', LONG, async (what, fault, mend, told, brokenMs) => {
    const { path, store } = await openList();
    writeFileSync(`${path}.new`, ALL);
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs,
      fault: () => fault(path),
      mend: () => mend(path),
    });
    tell(`a list that ${what}`, outcome);
    expect(events).toEqual(told === null ? ['opened'] : ['opened', told, 'opened']);
  });

  it.skipIf(cannotHang !== null)('whose file server hangs never refuses who is in it', LONG, async () => {
    const { path, store } = await openList();
    let mend = (): void => {};
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs: 4_000,
      fault() {
        mend = hang(dirname(path));
      },
      mend: () => mend(),
    });
    tell('a list on a file server that hangs', outcome);
    expect(events.slice(0, 2)).toEqual(['opened', 'no look at the files within 1500 ms']);
    expect(events.at(-1)).toBe('opened');
  });

  it('that is replaced by rename all the time never refuses who is in it', LONG, async () => {
    const { path, store } = await openList();
    let timer: NodeJS.Timeout | undefined;
    onTestFinished(() => clearInterval(timer));
    const outcome = await expectNoLies(store, {
      ...TRIAL,
      brokenMs: 2_000,
      fault() {
        timer = setInterval(() => replace(path, ALL), 5);
      },
      mend: () => clearInterval(timer),
    });
    tell('a list that is replaced all the time', outcome);
  });
});

describe('a list in a file', () => {
  it('finds who was added, refuses who is in no version, and doubts for a while who is gone', async () => {
    const { path, store } = await openList();
    expect(await ask(store, 'nobody')).toBeNull();
    replace(path, `${linesFor(1, PEOPLE)}new@example.org OK\n`);
    expect(await ask(store, 'user0')).not.toBeNull(); // what was read is still asked
    await expect(ask(store, 'new')).rejects.toThrow('a list was just written');
    await expect.poll(() => ask(store, 'new').catch(() => null)).not.toBeNull();
    expect(await ask(store, 'nobody')).toBeNull();
    await expect(ask(store, 'user0')).rejects.toThrow('it was in a list until a moment ago');
  });

  it('of aliases never loses a target while it is written in two parts', async () => {
    const path = `${folder()}/aliases`;
    writeFileSync(path, 'team: fred\n');
    const list = { about: 'alias', table: '', path, format: 'aliases', domain: 'example.org' } as const;
    const store = await openFileStore([list], { opened() {}, unavailable() {}, shrank() {} });
    const question: Question = { about: 'alias', local: 'team', domain: 'example.org', exact: false };
    const found = new Set<string | undefined>();
    const timer = setInterval(
      () => void Promise.resolve(store.lookup(question)).then((each) => found.add(each?.value)),
      5,
    );
    writeFileSync(path, 'team: fred,\n wilma,\n');
    await sleep(1_000);
    appendFileSync(path, ' betty\n');
    await expect.poll(() => found).toContain('fred, wilma, betty');
    clearInterval(timer);
    await store.close();
    expect([...found]).toEqual(['fred', 'fred, wilma, betty']);
  });

  it.skipIf(process.getuid?.() !== 0)('that may not be read any more refuses nobody', async () => {
    const { path, store } = await openList();
    chmodSync(dirname(path), 0o755);
    const becomeNobody = (mode: number): void => {
      process.seteuid?.(0);
      chmodSync(path, mode);
      process.seteuid?.(65_534);
    };
    try {
      becomeNobody(0o600);
      await expect(ask(store, 'nobody')).rejects.toThrow('EACCES');
      expect(await ask(store, 'user1')).not.toBeNull();
      becomeNobody(0o644);
      await expect.poll(() => ask(store, 'nobody').catch(() => 'TEMP')).toBeNull();
    } finally {
      process.seteuid?.(0);
    }
  });

  it('that has a bad line from the start answers nothing', async () => {
    const { store } = await openList('fred@example.org OK\nuser\n');
    expect(events).toEqual(['LIST:2 is not a line of this list: user: has no domain; give the list its domain']);
    await expect(ask(store, 'fred')).rejects.toThrow('vmailbox:2');
    await expect(ask(store, 'nobody')).rejects.toThrow('vmailbox:2');
  });

  it('whose lines end with a carriage return only is no list, and with both it is', async () => {
    const two = 'fred@example.org a@a.test\rjane@example.org b@a.test\r';
    const lists = [
      { about: 'alias', table: '', path: `${folder()}/virtual`, format: 'virtual', domain: null },
    ] as const;
    const aliasOf = (local: string): Question => ({ about: 'alias', local, domain: 'example.org', exact: false });
    const openWith = async (text: string) => {
      writeFileSync(lists[0].path, text);
      return await openFileStore(
        lists,
        { opened() {}, unavailable() {}, shrank() {} },
        { stillMs: 0, everyMs: 1_000, lostMs: 0 },
      );
    };
    const old = await openWith(`${two}\n`);
    await expect((async () => await old.lookup(aliasOf('jane')))()).rejects.toThrow(
      'line 1 has a carriage return in it',
    );
    await old.close();
    const windows = await openWith(two.replaceAll('\r', '\r\n'));
    expect(await windows.lookup(aliasOf('jane'))).not.toBeNull();
    await windows.close();
  });

  it('of a million addresses is read while clients are answered', CAMPAIGN, async () => {
    const { path, store } = await openList();
    const before = process.memoryUsage().heapUsed;
    replace(path, linesFor(0, 1_000_000));
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const begun = performance.now();
    await expect.poll(() => ask(store, 'user999999').catch(() => null), { timeout: 25_000 }).not.toBeNull();
    clearInterval(timer);
    const bytes = (process.memoryUsage().heapUsed - before) / 1_000_000;
    process.stderr.write(
      `a million addresses: read after ${Math.round(performance.now() - begun)} ms, longest turn ${Math.round(longest)} ms, ` +
        `about ${Math.round(bytes)} bytes each\n`,
    );
    expect(longest).toBeLessThan(1_000); // the map grows, and garbage is collected
  });
});

describe('a list that the built daemon holds back', () => {
  it('is named by the log, the stores and the doctor with a command, which takes it', async () => {
    const place = await makeFolder();
    const path = `${place}/vmailbox`;
    writeFileSync(path, ALL);
    const config = `
      listen.mta.path = "${place}/s"
      limits.soft_connections = 90
      limits.hard_connections = 100
      [store.people]
      driver = "file"
      mailboxes = { path = "${path}", format = "postmap" }
      [map.mailbox]`;
    const daemon = await serve({ folder: place, config });
    const client = await connectTo(daemon.socket);
    onTestFinished(() => client.close());
    const says = (at: number): Promise<string> => client.ask('mailbox', user(at));
    const run = (command: string, ...more: string[]) =>
      cli([...command.split(' ').slice(1), '--config', `${place}/smmap.toml`, ...more]);
    expect((await run('smmap stores release people')).code).toBe(1);

    replace(path, `${linesFor(0, 1_000)}new@example.org OK\n`);
    const held = await daemon.logged('store_shrank');
    expect(held).toMatchObject({ store: 'people', kind: 'mailbox', before: 2_000, after: 1_001, held: true });
    const [command = ''] = /smmap stores release \S+$/.exec(String(held['msg'])) ?? [];
    expect(await says(1_999)).toBe(`OK ${user(1_999)}`);
    expect(await client.ask('mailbox', 'new@example.org')).toBe('TEMP lookup failed');
    const gone = '2000 records (mailbox) before, 1001 in the new list; 1000 are gone: user1000@example.org, ';
    const { stderr: notes } = await run('smmap stores');
    expect(notes).toContain(gone);
    expect(notes).toContain(command);
    const { stdout: findings, code: findingCode } = await run('smmap doctor', '--json');
    const errors = findings.split('\n').filter((line) => line.includes('"severity":"error"'));
    expect(errors.map((line) => JSON.parse(line) as object)).toMatchObject([
      { where: 'store people', reason: expect.stringContaining(gone) as string, commands: [command] },
    ]);
    expect(findingCode).toBe(69);

    const { code, stdout } = await run(command);
    expect(stdout).toBe(
      `people: ${gone}user1001@example.org, user1002@example.org, user1003@example.org, user1004@example.org, ...\n` +
        'people: the new list is in use\n',
    );
    expect(code).toBe(0);
    expect(await says(1_999)).toBe('NOTFOUND ');
    expect(await says(999)).toBe(`OK ${user(999)}`);
    expect(await client.ask('mailbox', 'new@example.org')).toBe('OK new@example.org');
    expect(await run('smmap stores')).toMatchObject({
      stderr: '',
      stdout: expect.stringContaining('answers\n') as string,
    });
    await daemon.kill();
    expect((await run(command)).code).toBe(69);
  });
});

function replace(path: string, content: string): void {
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}
