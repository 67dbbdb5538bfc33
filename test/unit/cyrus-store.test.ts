import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCyrus } from '../../src/store/driver/cyrus/driver.ts';
import { createLive } from '../../src/store/driver/cyrus/live.ts';
import { asSharedFolder, cannotExist } from '../../src/store/driver/cyrus/shared.ts';
import { type Snapshot, openSnapshot } from '../../src/store/driver/cyrus/snapshot.ts';
import type { Bulk } from '../../src/store/store.ts';
import type { MailboxQuestion } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';

const newFolder = temporaryFolders();
const WAIT = { timeout: 5_000, interval: 50 };
const opened: { close(): unknown }[] = [];
afterEach(() => opened.splice(0).forEach((each) => each.close()));

function mailbox(local: string, more: Partial<MailboxQuestion> = {}): MailboxQuestion {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false, ...more };
}

/** What a store says of a question: found, absent, or the failure. */
async function said(bulk: Bulk, question: MailboxQuestion): Promise<string> {
  const [answer] = await bulk.lookupAll([question]).catch((error: Error) => [error]);
  if (answer instanceof Error) return `${answer.name}: ${answer.message}`;
  return answer === null || answer === undefined ? 'absent' : `${answer.state} ${answer.value}`.trim();
}

describe('the list of a cyrus store', () => {
  let path: string;
  let shrank: string[];
  beforeEach(() => {
    path = join(newFolder(), 'mailboxes.json');
    shrank = [];
  });
  const entry = (name: string, acl: object = {}, more = ''): string =>
    `"${name}": {"mbtype": "e", "acl": ${JSON.stringify(acl)}${more}}`;
  const write = (...entries: string[]): void => {
    writeFileSync(`${path}.new`, `{\n${entries.join(',\n')}\n}\n`);
    renameSync(`${path}.new`, path);
  };
  const open = (): Snapshot => {
    const options = { snapshot: path, defaultDomain: 'example.org', separator: '/' } as const;
    const snapshot = openSnapshot(options, {
      shrank: (kind, before, after) => void shrank.push(`${kind} ${before} ${after}`),
    });
    opened.push(snapshot.bulk);
    return snapshot;
  };
  const users = (count: number, from = 0): string[] =>
    Array.from({ length: count }, (_, at) => entry(`user.user${at + from}`));
  const NOT_IN = 'ReplicaError: not found in the list';

  it('finds users, folders and shared folders, and is never certain that one is absent', async () => {
    write(entry('user.fred'), entry('user.fred.Abc'), entry('shared.open', { anyone: 'p' }), entry('b.org!user.joe'));
    const { bulk } = open();
    expect(await said(bulk, mailbox('fred'))).toBe('active');
    expect(await said(bulk, mailbox('joe', { domain: 'b.org' }))).toBe('active');
    expect(await said(bulk, mailbox('fred', { folder: 'Abc' }))).toBe('active');
    expect(await said(bulk, mailbox('fred', { folder: 'abc', anyCase: true }))).toBe('active');
    expect(await said(bulk, mailbox('', { folder: 'shared/open' }))).toBe('active');
    for (const question of [mailbox('joe'), mailbox('fred', { folder: 'abc' }), mailbox('', { folder: 'x' })]) {
      expect(await said(bulk, question)).toContain(NOT_IN);
    }
  });

  it('does not find who was deleted, although the list still has the name', async () => {
    write(entry('user.fred'), '"user.gone": {"mbtype": "ed", "acl": {}}', entry('DELETED.user.gone.6B0774D3'));
    expect(await said(open().bulk, mailbox('gone'))).toContain(NOT_IN);
  });

  it('knows the server of a mailbox in a murder', async () => {
    write(entry('user.fred', {}, ', "server": "back1.example.org"'), entry('user.joe'));
    const { bulk, serverOf } = open();
    expect(await said(bulk, mailbox('fred'))).toBe('active back1.example.org');
    expect([serverOf(mailbox('fred')), serverOf(mailbox('joe')), serverOf(mailbox('new'))]).toEqual([
      'back1.example.org',
      '',
      '',
    ]);
  });

  it('is read again when it was replaced, so a removed mailbox goes away by itself', async () => {
    write(...users(30));
    const { bulk } = open();
    expect(await said(bulk, mailbox('user0'))).toBe('active');
    write(...users(30, 1));
    await expect.poll(() => said(bulk, mailbox('user30')), WAIT).toBe('active');
    expect(await said(bulk, mailbox('user0'))).toContain(NOT_IN);
    expect(shrank).toEqual([]);
  });

  it('that lost a large part is held back, and tells so', async () => {
    write(...users(100));
    const { bulk } = open();
    expect(await said(bulk, mailbox('user99'))).toBe('active');
    write(...users(80));
    await expect.poll(() => shrank, WAIT).toEqual(['mailbox 100 80']);
    expect(await said(bulk, mailbox('user99'))).toBe('active');
    write(...users(95));
    await expect.poll(() => said(bulk, mailbox('user99')), WAIT).toContain(NOT_IN);
  });

  it('that is held back is taken when it is released, and says who is gone', async () => {
    write(...users(100));
    const { bulk, brake } = open();
    expect(await said(bulk, mailbox('user99'))).toBe('active');
    expect(await brake.release()).toEqual([]);
    write(...users(80));
    await expect.poll(() => brake.held().length, WAIT).toBe(1);
    write(...users(70)); // the timer wrote it again: it is taken as it is now
    const examples = ['user70', 'user71', 'user72', 'user73', 'user74'].map((user) => `${user}@example.org`);
    expect(await brake.release()).toEqual([{ kind: 'mailbox', before: 100, after: 70, gone: 30, examples }]);
    expect(await said(bulk, mailbox('user70'))).toContain(NOT_IN);
    expect(await said(bulk, mailbox('user69'))).toBe('active');
    expect([brake.held(), await brake.release()]).toEqual([[], []]);
    write(...users(35));
    await expect.poll(() => brake.held().length, WAIT).toBe(1);
    writeFileSync(path, '{\n"user.fred": {"mb');
    await expect(brake.release()).rejects.toThrow('is not a complete list');
    write(...users(70));
    await expect.poll(() => said(bulk, mailbox('user69')), WAIT).toBe('active');
    expect(brake.held()).toEqual([]);
  });

  it('fails while it is missing, cut off, or over a day old, and recovers', async () => {
    const { bulk } = open();
    expect(await said(bulk, mailbox('fred'))).toMatch(/^StoreError: ENOENT/);
    write(entry('user.fred'));
    await expect.poll(() => said(bulk, mailbox('fred')), WAIT).toBe('active');
    writeFileSync(path, '{\n"user.fred": {"mb');
    await expect.poll(() => said(bulk, mailbox('fred')), WAIT).toMatch(/is not a complete list of ctl_mboxlist -d/);
    write(entry('user.fred'));
    await expect.poll(() => said(bulk, mailbox('fred')), WAIT).toBe('active');
    renameSync(path, `${path}.away`);
    await expect.poll(() => said(bulk, mailbox('fred')), WAIT).toMatch(/^StoreError: ENOENT/);
    renameSync(`${path}.away`, path);
    await expect.poll(() => said(bulk, mailbox('fred')), WAIT).toBe('active');
    utimesSync(path, new Date(), new Date(Date.now() - 30 * 3_600_000));
    await expect.poll(() => said(bulk, mailbox('fred')), WAIT).toMatch(/is 30 hours old; start the timer/);
  });

  it('fails after close', async () => {
    write(entry('user.fred'));
    const { bulk } = open();
    await bulk.close();
    expect(await said(bulk, mailbox('fred'))).toMatch(/closed/);
  });

  it('leaves the process time for other work while it is read', async () => {
    write(...users(100_000));
    const { bulk } = open();
    let longestMs = 0;
    let last = process.cpuUsage();
    const timer = setInterval(() => {
      const { user, system } = process.cpuUsage(last); // the clock would also count what other programs do
      longestMs = Math.max(longestMs, (user + system) / 1_000);
      last = process.cpuUsage();
    }, 1);
    expect(await said(bulk, mailbox('user99999'))).toBe('active');
    clearInterval(timer);
    expect(longestMs).toBeLessThan(250);
    rmSync(path);
  });
});

describe('the smmapd of a cyrus store', () => {
  const OPTIONS = { defaultDomain: 'example.org', postuser: '', timeoutMs: 1_000, canary: new Map() };

  /** An smmapd that says PERM of keys with `lookup`, knows `known`, and keeps what it was asked. */
  async function serve(known: readonly string[], options = OPTIONS) {
    const asked: string[] = [];
    const path = join(newFolder(), 's');
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (chunk) => {
        const key = /:cyrus (.*),$/s.exec(chunk.toString())?.[1] ?? '';
        asked.push(key);
        const text = key.includes('lookup')
          ? 'PERM Permission denied'
          : known.includes(key)
            ? `OK ${key}`
            : 'NOTFOUND Mailbox does not exist';
        socket.write(`${text.length}:${text},`);
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const live = createLive({ kind: 'unix', path }, options, ({ local }) => (local === 'fred' ? 'back1' : ''));
    opened.push(live, { close: () => (server.close(), sockets.forEach((socket) => socket.destroy())) });
    return { live, asked };
  }

  it.each<[string, MailboxQuestion, string, string[]]>([
    ['a mailbox, with its server', mailbox('fred'), 'active back1', ['fred@example.org']],
    ['an absent one', mailbox('nobody'), 'absent', ['nobody@example.org']],
    ['a folder', mailbox('fred', { folder: 'Abc' }), 'active back1', ['fred+Abc@example.org']],
    ['an absent folder', mailbox('fred', { folder: 'abc' }), 'absent', ['fred+abc@example.org']],
    ['a shared folder', mailbox('', { folder: 'shared/open' }), 'active', ['+shared/open@example.org']],
    ['an absent one', mailbox('', { folder: 'x' }), 'absent', ['+x@example.org']],
    ['one that nobody may post to', mailbox('', { folder: 'lookup' }), 'disabled', ['+lookup@example.org']],
  ])('is asked for %s', async (_, question, answer, keys) => {
    const { live, asked } = await serve(['fred@example.org', 'fred+Abc@example.org', '+shared/open@example.org']);
    expect(await said(live, question)).toBe(answer);
    expect(asked).toEqual(keys);
  });

  it('is asked for shared folders behind the postuser', async () => {
    const { live, asked } = await serve(['bb+news@example.org'], { ...OPTIONS, postuser: 'bb' });
    expect(await said(live, mailbox('', { folder: 'news' }))).toBe('active');
    expect(asked).toEqual(['bb+news@example.org']);
  });

  it('is uncertain of shared folders of another domain, or in any case', async () => {
    const { live } = await serve([]);
    expect(await said(live, mailbox('', { folder: 'x', domain: 'b.org' }))).toMatch(/^QuestionError: smmapd finds/);
    expect(await said(live, mailbox('', { folder: 'x', anyCase: true }))).toMatch(/^QuestionError: smmapd compares/);
  });
});

describe('a shared folder that a map without shared_user asks a cyrus store for', () => {
  const asked = (local: string, more: Partial<MailboxQuestion> = {}) => mailbox(local, { exact: true, ...more });

  it.each<[string, MailboxQuestion, string, string | null]>([
    ['+folder', asked('+News/Open'), '', 'News/Open'],
    ['postuser+folder', asked('bb+News'), 'bb', 'News'],
    ['postuser+folder in any case of the user', asked('BB+News'), 'bb', 'News'],
    ['+folder, where only postuser+folder is one', asked('+news'), 'bb', null],
    ['a folder with a +', asked('+a+b'), '', 'a+b'],
    ['decomposed letters', asked('+Entwu\u0308rfe'), '', 'Entw\u00fcrfe'],
    ['no folder', asked('+'), '', null],
    ['a detail of a user', asked('fred+news'), '', null],
    ['a name that was case-folded', mailbox('+news'), '', null],
  ])('by %s', (_, question, postuser, folder) => {
    const found = folder === null ? question : { ...question, local: '', folder };
    expect(asSharedFolder(question, postuser)).toEqual(found);
    expect(cannotExist(question, postuser)).toBe(folder === null);
  });

  it('is found in the list, and is a doubt if it is not there and smmapd cannot be asked', async () => {
    const path = join(newFolder(), 'mailboxes.json');
    writeFileSync(path, '{\n"b.org!News.Open": {"mbtype": "e", "acl": {"anyone": "p"}}\n}\n');
    const smmapd = { kind: 'unix', path: `${path}.s` } as const;
    const options = { server: [smmapd], snapshot: path, canary: new Map(), timeoutMs: 1_000 };
    const config = { ...options, defaultDomain: 'example.org', separator: '/', postuser: '' } as const;
    const { servers } = openCyrus(config, { shrank() {}, counted() {} });
    const [live, list] = servers.map(({ bulk }) => bulk) as [Bulk, Bulk];
    opened.push(live, list);
    const bothSay = async (local: string) => [
      await said(live, asked(local, { domain: 'b.org' })),
      await said(list, asked(local, { domain: 'b.org' })),
    ];
    expect(await bothSay('+News/Open')).toEqual([expect.stringMatching(/^QuestionError: smmapd finds/), 'active']);
    expect((await bothSay('+news/open'))[1]).toMatch(/^ReplicaError/);
  });
});
