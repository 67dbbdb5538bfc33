// The driver `lmtp` asks the real lmtpd of Cyrus and the real Dovecot.

import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkStores } from '../../src/cli/check/stores.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import { QuestionError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore, parseConfig } from '../support/config.ts';
import { type UserServer, startUserServer } from '../support/dovecot-users.ts';
import { findDovecot } from '../support/dovecot.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { temporaryFolders } from '../support/folder.ts';
import { freePort } from '../support/port.ts';
import { type Cyrus, type StartOptions, findCyrus } from './cyrus.ts';
import { startLmtp } from './lmtp.ts';
import { describePart, PARTS } from './part.ts';

const USERS = Array.from({ length: 40 }, (_, at) => `user${at}`);
const ACTIVE = { value: '', state: 'active' };
const CANARY = 'smmap-canary-that-is-not@virt1.test';

const mailbox = (local: string, domain = 'virt1.test'): Question => {
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
};
const PRESENT = USERS.map((user) => mailbox(user));
const ABSENT = USERS.map((user) => mailbox(`no-${user}`));

const configOf = (server: string, more = '') =>
  parseConfig(
    `[store.s]\ndriver = "lmtp"\nserver = "${server}"\ncanary = { mailbox = "postmaster@virt1.test" }\n${more}\n[map.m]\n`,
    'test',
    { socket: '/nowhere/s', store: '/nowhere' },
  );

const folder = temporaryFolders();
const opened: OpenStore[] = [];
const open = async (server: string, more = ''): Promise<OpenStore> => {
  const config = configOf(server, more).stores.get('s');
  if (config === undefined) throw new Error('no store');
  const store = await openStore(config, UNTOLD);
  opened.push(store);
  return store;
};
const failureOf = async (store: OpenStore, question: Question): Promise<Error> => {
  try {
    await store.lookup(question);
  } catch (cause) {
    return cause as Error;
  }
  throw new Error('it answered');
};
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

describePart('lmtpd of Cyrus', await findCyrus(PARTS), (part) => {
  const started: Cyrus[] = [];
  const start = async (more: Partial<StartOptions> = {}): Promise<Cyrus> => {
    const cyrus = await part.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid', ...more });
    started.push(cyrus);
    return cyrus;
  };
  const users = (names: readonly string[]) => names.map((name) => ({ name: `user/${name}@virt1.test` }));
  let cyrus: Cyrus;
  beforeAll(async () => {
    cyrus = await start();
    await cyrus.create(users(['postmaster', ...USERS]));
    await cyrus.create([
      { name: 'user/full@virt1.test', bytes: 5_000, quota: { STORAGE: 1 } },
      { name: 'user/a b@virt1.test' },
      { name: 'user/first.last@virt1.test' },
    ]);
  });
  afterAll(async () => {
    for (const each of started) await each.stop();
  });

  it('is asked for mailboxes', async () => {
    const store = await open(`unix:${cyrus.lmtp}`);
    expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
    expect(await store.lookup(mailbox('first.last'))).toEqual(ACTIVE);
    expect(await store.lookup(mailbox('full'))).toEqual({ value: '', state: 'overquota' });
    expect(await store.lookup(mailbox('nobody'))).toBeNull();
    expect(await store.lookup(mailbox('user1', 'virt2.test'))).toBeNull();
    expect(await store.lookup(mailbox('user1', 'xn--bcher-kva.example'))).toBeNull();
  });

  it('answers what it cannot be asked, or does not say exactly, with a doubt for that question only', async () => {
    const store = await open(`unix:${cyrus.lmtp}`);
    for (const local of ['jos\u00e9', 'x'.repeat(300), '\u4e2d']) {
      expect(await failureOf(store, mailbox(local)), local).toBeInstanceOf(QuestionError);
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
    }
  });

  it('gets no mail, and each session ends its transactions', async () => {
    const store = await open(`unix:${cyrus.lmtp}`);
    await Promise.all([...PRESENT, ...ABSENT].map(async (question) => await store.lookup(question)));
    expect(store.status().counts).toMatchObject({ found: 40, absent: 40, failed: 0 });
  });

  it.each<[string, string]>([
    ['makes each mailbox that it is asked for', 'autocreate_post: yes\nautocreate_quota: 0\n'],
    ['has a catch-all', 'lmtp_catchall_mailbox: postmaster@virt1.test\n'],
  ])('is believed nothing if it %s', async (_, settings) => {
    const odd = await start({ settings });
    await odd.create(users(['postmaster', 'user1']));
    const before = await odd.dump();
    const store = await open(`unix:${odd.lmtp}`);
    const names = ['user1', 'postmaster', ...Array.from({ length: 48 }, (__, at) => `new${at}`)];
    const until = Date.now() + 2_500;
    let failed = 0;
    while (Date.now() < until) {
      const outcomes = await Promise.allSettled(names.map(async (name) => await store.lookup(mailbox(name))));
      failed += outcomes.filter(({ status }) => status === 'rejected').length;
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([]);
      await sleep(20);
    }
    process.stderr.write(`lmtpd that ${_}: ${failed} questions, all failed\n`);
    expect((await failureOf(store, mailbox('user1'))).message).toContain(
      `the server accepts ${CANARY}, which nobody has`,
    );
    const made = Object.keys(JSON.parse(await odd.dump()) as object).filter((name) => !(name in JSON.parse(before)));
    expect(made.filter((name) => !name.includes('smmap-canary-that-is-not'))).toEqual([]);
    const [finding] = await checkStores(configOf(`unix:${odd.lmtp}`));
    expect(finding).toMatchObject({
      reason: expect.stringContaining(CANARY),
      remedy: expect.stringContaining('autocreate_post'),
    });
  });

  describe('with 50 questions in flight', () => {
    it('tells no lies while its processes are killed', async () => {
      const store = await open(`unix:${cyrus.lmtp}`);
      const outcome = await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        async fault() {
          for (let kills = 0; kills < 3; kills++) {
            cyrus.signal('SIGKILL', 'lmtpd'); // after more of them, the master makes no new one for a while
            await sleep(200);
          }
        },
        brokenMs: 0,
        mend: () => {},
        fails: false, // a question that was not answered is asked once more, of a new process
      });
      tell('lmtpd, three times SIGKILL', outcome);
    });

    it('tells no lies while its processes hang', async () => {
      const store = await open(`unix:${cyrus.lmtp}`, 'timeout_ms = 1_500');
      const outcome = await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => cyrus.signal('SIGSTOP', 'lmtpd'),
        brokenMs: 2_500,
        mend: () => cyrus.signal('SIGCONT', 'lmtpd'),
      });
      tell('lmtpd, SIGSTOP', outcome);
    });

    it('tells no lies while the list of mailboxes is away', async () => {
      const store = await open(`unix:${cyrus.lmtp}`);
      const outcome = await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => rename(cyrus.list, `${cyrus.list}.away`),
        brokenMs: 1_500,
        mend: async () => {
          await rename(`${cyrus.list}.away`, cyrus.list);
          cyrus.signal('SIGKILL', 'lmtpd'); // they have the wrong file open
        },
        fails: true,
      });
      tell('lmtpd, its list of mailboxes is renamed', outcome);
    });

    it('tells no lies while all of Cyrus is killed and started again', async () => {
      const store = await open(`unix:${cyrus.lmtp}`);
      const outcome = await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => cyrus.signal('SIGKILL', 'all'),
        mend: () => cyrus.restart(),
      });
      tell('Cyrus, SIGKILL', outcome);
    });
  });
});

it.each([
  ['the password', 'smmap:s3cret', ''],
  ['another one', 'smmap:other', 'AUTH was answered 535 5.7.8: check username and password_file'],
])('a server over TCP wants a password, and gets %s', async (_, login, failure) => {
  const port = await freePort();
  const server = await startLmtp(port, login);
  const file = join(folder(), 'password');
  await writeFile(file, 's3cret\n', { mode: 0o600 });
  try {
    const store = await open(`tcp:127.0.0.1:${port}`, `username = "smmap"\npassword_file = "${file}"`);
    if (failure === '') {
      expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
      expect(await store.lookup(mailbox('nobody1'))).toBeNull();
    } else {
      expect((await failureOf(store, mailbox('user1'))).message).toContain(failure);
    }
    expect(server.recipients).toEqual([]);
  } finally {
    await server.close();
  }
});

describePart('LMTP of Dovecot', await findDovecot(PARTS), (part) => {
  let server: UserServer;
  const address = (user: string): string => `${user}@virt1.test`;
  beforeAll(async () => {
    server = await startUserServer(part);
    server.hold(['postmaster', ...USERS].map(address), ['full'].map(address));
  });
  afterAll(async () => await server.stop());

  it.each([
    ['a Unix socket', () => `unix:${server.dovecot.lmtp}`],
    ['TCP', () => `tcp:127.0.0.1:${server.dovecot.lmtpPort}`],
  ])('is asked over %s', async (_, where) => {
    const store = await open(where());
    expect(await store.lookup(mailbox('user1'))).toEqual(ACTIVE);
    expect(await store.lookup(mailbox('full'))).toEqual({ value: '', state: 'overquota' });
    expect(await store.lookup(mailbox('nobody'))).toBeNull();
  });

  it('keeps the ten deliveries of a user free', async () => {
    const store = await open(`unix:${server.dovecot.lmtp}`, 'connections = 5');
    const same = Array.from({ length: 500 }, () => mailbox('user1'));
    for (const outcome of await Promise.all(same.map(async (each) => await store.lookup(each)))) {
      expect(outcome).toEqual(ACTIVE);
    }
  });

  it('tells no lies with 50 questions in flight while it is killed and started again', async () => {
    const store = await open(`unix:${server.dovecot.lmtp}`);
    const { dovecot } = server;
    tell(
      'LMTP of Dovecot, SIGKILL',
      await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => dovecot.kill(),
        mend: () => dovecot.start(),
      }),
    );
  });

  it('tells no lies with 50 questions in flight while it hangs', async () => {
    const store = await open(`unix:${server.dovecot.lmtp}`, 'timeout_ms = 1_500');
    const { dovecot } = server;
    tell(
      'LMTP of Dovecot, SIGSTOP',
      await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => dovecot.hang(),
        brokenMs: 2_000,
        mend: () => dovecot.resume(),
      }),
    );
  });

  it('tells no lies with 50 questions in flight while its users are gone', async () => {
    const store = await open(`unix:${server.dovecot.lmtp}`);
    const all = ['postmaster', ...USERS].map(address);
    tell(
      'LMTP of Dovecot, without users',
      await expectNoLies(store, {
        present: PRESENT,
        absent: ABSENT,
        fault: () => server.hold([]),
        mend: () => server.hold(all),
      }),
    );
  });

  it.each<[string, (lose: () => Promise<void>, restore: () => Promise<void>) => Promise<void>]>([
    [
      'is away',
      async (lose, restore) => {
        await lose();
        await sleep(3_500);
        await restore();
      },
    ],
    [
      'is away again and again, for a moment',
      async (lose, restore) => {
        for (let at = 0; at < 4; at++) {
          await lose();
          await sleep(130 + 310 * at);
          await restore();
          await sleep(190);
        }
      },
    ],
  ])('tells no lies with 50 questions in flight while its passwd-file %s', async (what, fault) => {
    const files = await part.start();
    try {
      await files.write(['postmaster', ...USERS].map((user) => ({ name: address(user) })));
      const away = `${files.passwdFile}.away`;
      const trial = () =>
        fault(
          () => rename(files.passwdFile, away),
          () => rename(away, files.passwdFile),
        );
      const store = await open(`unix:${files.lmtp}`);
      const asked = { present: PRESENT, absent: ABSENT, fault: trial, brokenMs: 0, mend() {}, fails: false };
      tell(`LMTP of Dovecot, its passwd-file ${what}`, await expectNoLies(store, asked));
    } finally {
      await files.stop();
    }
  });

  it('is believed nothing if every user exists', async () => {
    const odd = await part.start({
      settings: 'userdb {\n  driver = static\n  args = uid=1 gid=1 home=/nowhere allow_all_users=yes\n}\n',
    });
    try {
      const store = await open(`unix:${odd.lmtp}`);
      expect((await failureOf(store, mailbox('user1'))).message).toContain('which nobody has');
    } finally {
      await odd.stop();
    }
  });
});
