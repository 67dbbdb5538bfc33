import { chmod, chown, mkdir, mkdtemp, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDovecot } from '../../src/store/driver/dovecot/driver.ts';
import { dovecot as driver } from '../../src/store/driver/dovecot/keys.ts';
import { type OpenStore, UNTOLD } from '../../src/store/open.ts';
import type { Question } from '../../src/vocabulary.ts';
import { openStore } from '../support/config.ts';
import { type Dovecot, type StartOptions, findDovecot } from '../support/dovecot.ts';
import { type Trial, expectNoLies, tell } from '../support/faults.ts';
import { CAMPAIGN } from '../support/long.ts';
import { type Postgresql, findPostgresql } from '../support/postgresql.ts';
import { cli, serve } from './daemon.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { makeTrustedFolder } from './mta.ts';
import { describePart, PARTS, together } from './part.ts';
import { openSmtp } from './smtp.ts';

const NOBODY = 65_534;
const USERS = Array.from({ length: 40 }, (_, at) => `user${at}@example.org`);
const CANARY = 'postmaster@example.org'; // the last line of the passwd-file
const ALL = [...USERS, CANARY].map((name) => ({ name }));
const PRESENT = USERS.map(mailbox);
const ACTIVE = { value: '', state: 'active' };
const SOON = { timeout: 20_000, interval: 50 }; // Dovecot reads its configuration and its passwd-files anew
const ABSENT = USERS.map((name) => mailbox(`no${name}`));

describePart('a real Dovecot', await findDovecot(PARTS), (part) => {
  let dovecot: Dovecot;
  const opened: OpenStore[] = [];
  beforeAll(async () => {
    dovecot = await part.start();
    await dovecot.write(ALL);
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await dovecot.start();
  });
  afterAll(() => dovecot.stop());

  const open = async (more: object = {}): Promise<OpenStore> => {
    const config = driver.keys.parse({
      driver: 'dovecot',
      server: `unix:${dovecot.auth}`,
      canary: { mailbox: CANARY },
      ...more,
    });
    const store = await openStore(config, UNTOLD);
    opened.push(store);
    return store;
  };

  describe('with 50 questions under way', () => {
    const faults: readonly (readonly [string, () => Omit<Trial, 'present' | 'absent'>])[] = [
      ['is killed and started', () => ({ fault: () => dovecot.kill(), mend: () => dovecot.start() })],
      ['hangs', () => ({ fault: () => dovecot.hang(), mend: () => dovecot.resume(), brokenMs: 2_000 })],
      ['is restarted', () => ({ fault: () => dovecot.restart(), mend() {}, brokenMs: 200 })],
      [
        'has lost its passwd-file',
        () => ({
          fault: () => rename(dovecot.passwdFile, `${dovecot.passwdFile}.away`),
          mend: () => rename(`${dovecot.passwdFile}.away`, dovecot.passwdFile),
          brokenMs: 5_500,
          fails: false, // what it found before, it finds from memory
        }),
      ],
      [
        'has a folder in place of its passwd-file',
        () => ({
          async fault() {
            await rename(dovecot.passwdFile, `${dovecot.passwdFile}.away`);
            await mkdir(dovecot.passwdFile);
          },
          async mend() {
            await rmdir(dovecot.passwdFile);
            await rename(`${dovecot.passwdFile}.away`, dovecot.passwdFile);
          },
          brokenMs: 3_500,
        }),
      ],
      [
        'has an empty passwd-file',
        () => ({
          fault: () => writeFile(dovecot.passwdFile, ''),
          mend: () => dovecot.write(ALL),
          brokenMs: 3_500,
        }),
      ],
      [
        'has a passwd-file that is half written',
        () => ({
          fault: () =>
            writeFile(
              dovecot.passwdFile,
              USERS.slice(0, 20)
                .map((name) => `${name}::1:1::/tmp::\n`)
                .join(''),
            ),
          mend: () => dovecot.write(ALL),
          brokenMs: 3_500,
        }),
      ],
      [
        'may not read its passwd-file',
        () => ({
          async fault() {
            await rm(dovecot.passwdFile);
            await writeFile(dovecot.passwdFile, 'x', { mode: 0o000 });
          },
          mend: () => dovecot.write(ALL),
          brokenMs: 3_500,
        }),
      ],
      [
        'has lost its passwd-file again and again, for a moment',
        () => ({
          async fault() {
            for (let at = 0; at < 8; at++) {
              await rename(dovecot.passwdFile, `${dovecot.passwdFile}.away`);
              await sleep(130 + 170 * at);
              await rename(`${dovecot.passwdFile}.away`, dovecot.passwdFile);
              await sleep(190);
            }
          },
          mend() {},
          fails: false,
        }),
      ],
    ];
    it.each(faults)('never lies when it %s', async (what, trial) => {
      tell(what, await expectNoLies(await open(), { present: PRESENT, absent: ABSENT, ...trial() }));
    });
  });
});

describePart('the users of a real Dovecot', await findDovecot(PARTS), (part) => {
  const openAt = async (dovecot: Dovecot, more: object = {}): Promise<OpenStore> => {
    const config = { driver: 'dovecot', server: `unix:${dovecot.auth}`, canary: { mailbox: CANARY }, ...more };
    const store = await openStore(driver.keys.parse(config), UNTOLD);
    onTestFinished(async () => await store.close());
    return store;
  };
  const start = async (options?: StartOptions): Promise<Dovecot> => {
    const dovecot = await part.start(options);
    onTestFinished(() => dovecot.stop());
    await dovecot.write(ALL);
    return dovecot;
  };

  it.each<readonly [string, (dovecot: Dovecot) => object]>([
    ['over TCP', ({ authPort }) => ({ server: `tcp:127.0.0.1:${authPort}` })],
    ['of a second server if the first is gone', ({ auth }) => ({ server: ['unix:/nowhere/x', `unix:${auth}`] })],
    ['over the socket auth-master', ({ auth }) => ({ server: `unix:${auth.replace('userdb', 'master')}` })],
  ])('are asked %s', async (_, more) => {
    const dovecot = await start();
    const store = await openAt(dovecot, more(dovecot));
    expect(await store.lookup(mailbox('user1@example.org'))).toEqual(ACTIVE);
    expect(await store.lookup(mailbox('nobody@example.org'))).toBeNull();
  });

  it('are asked for a long name without harm to the others', async () => {
    const dovecot = await start();
    const store = await openAt(dovecot, { connections: 1 });
    const long = [300, 880, 900, 1_010, 70_000].map((length) => mailbox(`${'x'.repeat(length)}@example.org`));
    const asked = [...PRESENT, ...long, ...ABSENT].map(async (question) => store.lookup(question));
    const outcomes = await Promise.allSettled(asked);
    const [present, odd, absent] = [outcomes.slice(0, 40), outcomes.slice(40, 45), outcomes.slice(45)];
    expect(present.map((each) => each.status === 'fulfilled' && each.value)).toEqual(PRESENT.map(() => ACTIVE));
    expect(absent.map((each) => each.status === 'fulfilled' && each.value)).toEqual(ABSENT.map(() => null));
    expect(odd.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected']);
  });

  it('are over quota as quota-status says, and in doubt without it', async () => {
    const dovecot = await start();
    await dovecot.write([{ name: 'full@example.org', quotaBytes: 1_000, storedBytes: 5_000 }, ...ALL]);
    for (const quota of [`unix:${dovecot.quotaStatus}`, `tcp:127.0.0.1:${dovecot.quotaStatusPort}`]) {
      const store = await openAt(dovecot, { quota });
      expect(await store.lookup(mailbox('full@example.org'))).toEqual({ value: '', state: 'overquota' });
      expect(await store.lookup(mailbox('user1@example.org'))).toEqual(ACTIVE);
      expect(await store.lookup(mailbox('nobody@example.org'))).toBeNull();
      const all = await Promise.all([...PRESENT, ...ABSENT].map(async (each) => store.lookup(each)));
      expect(all).toEqual([...PRESENT.map(() => ACTIVE), ...ABSENT.map(() => null)]);
    }
    const without = await openAt(dovecot, { quota: 'unix:/nowhere/x' });
    await expect(async () => without.lookup(mailbox('user1@example.org'))).rejects.toThrow(
      'quota-status: connect ENOENT',
    );
    expect(await without.lookup(mailbox('nobody@example.org'))).toBeNull();
    const wrong = await openAt(dovecot, { quota: `unix:${dovecot.lmtp}` });
    await expect(async () => wrong.lookup(mailbox('user1@example.org'))).rejects.toThrow('the policy protocol');
  });

  it('are not asked at another socket of Dovecot', async () => {
    const dovecot = await start();
    const wrong = { server: `unix:${dovecot.auth.replace('auth-userdb', 'auth-client')}` };
    const store = await openAt(dovecot, wrong);
    await expect(async () => store.lookup(mailbox('user1@example.org'))).rejects.toThrow(
      /greets with MECH.*set server to/,
    );
  });

  it('are in doubt if one of two passwd-files was emptied, and each has a canary', async () => {
    const dovecot = await start();
    const second = `${dovecot.passwdFile}2`;
    await writeFile(second, 'jane@example.com::1:1::/tmp::\npostmaster@example.com::1:1::/tmp::\n');
    await dovecot.reload(`userdb {\n  driver = passwd-file\n  args = ${second}\n}\n`);
    const ask = async (...canaries: readonly string[]): Promise<unknown> => {
      const endpoint = { kind: 'unix', path: dovecot.auth } as const;
      const options = { endpoint, service: 'lmtp', quota: null, timeoutMs: 1_500 };
      const bulk = createDovecot({ ...options, canaries: canaries.map(mailbox) });
      onTestFinished(() => bulk.close());
      return (await bulk.lookupAll([mailbox('jane@example.com')]))[0];
    };
    expect(await ask(CANARY, 'postmaster@example.com')).toEqual(ACTIVE);
    await writeFile(second, '');
    await vi.waitFor(async () => expect(await ask(CANARY)).toBeNull(), SOON); // as docs/stores/dovecot.md warns
    expect(await ask(CANARY, 'postmaster@example.com')).toMatchObject({
      message: 'the canary postmaster@example.com is not found',
    });
  });

  it('are asked by a new configuration after a reload', async () => {
    const dovecot = await start();
    const store = await openAt(dovecot);
    await writeFile(`${dovecot.passwdFile}2`, 'new@example.org::1:1::/tmp::\n');
    expect(await store.lookup(mailbox('new@example.org'))).toBeNull();
    const busy = setInterval(() => void Promise.resolve(store.lookup(mailbox(CANARY))).catch(() => {}), 50);
    await dovecot.reload(`userdb {\n  driver = passwd-file\n  args = ${dovecot.passwdFile}2\n}\n`);
    await vi.waitFor(async () => expect(await store.lookup(mailbox('new@example.org'))).not.toBeNull(), SOON);
    clearInterval(busy);
  });
});

describePart(
  'a real Dovecot with its users in PostgreSQL',
  together({ part: await findDovecot(PARTS), database: findPostgresql(PARTS) }),
  ({ part, database }) => {
    let server: Postgresql;
    let dovecot: Dovecot;
    beforeEach(async () => {
      server = await database.start();
      await server.sql('create table users (name text primary key)');
      for (const { name } of ALL) await server.sql('insert into users values ($1)', [name]);
      await server.sql('create role dovecot login; grant select on users to dovecot');
      dovecot = await part.start({
        sql: {
          driver: 'pgsql',
          connect: `host=${server.folder} port=${server.port} dbname=postgres user=dovecot`,
          query: "select 1 as uid, 1 as gid, '/tmp' as home from users where name = '%u'",
        },
      });
      return async () => {
        await dovecot.stop();
        await server.stop();
      };
    });
    const open = async (): Promise<OpenStore> => {
      // The canary is asked after an absence, perhaps after another check of it: three times this is under 3 s.
      const config = {
        driver: 'dovecot',
        server: `unix:${dovecot.auth}`,
        canary: { mailbox: CANARY },
        timeout_ms: 900,
      };
      const store = await openStore(driver.keys.parse(config), UNTOLD);
      onTestFinished(async () => await store.close());
      return store;
    };

    it.each<readonly [string, () => Omit<Trial, 'present' | 'absent'>]>([
      [
        'was emptied and filled again',
        () => ({
          fault: async () =>
            void (await server.sql(
              'alter table users rename to gone; create table users as select * from gone limit 0; grant select on users to dovecot',
            )),
          mend: async () => void (await server.sql('drop table users; alter table gone rename to users')),
        }),
      ],
      [
        'is killed and restarted',
        () => ({ fault: () => server.kill(), mend: () => server.restart(), brokenMs: 2_500 }),
      ],
      ['hangs', () => ({ fault: () => server.hang(), mend: () => server.resume(), brokenMs: 2_500 })],
    ])('never lies when its database %s', CAMPAIGN, async (what, trial) => {
      tell(`its database ${what}`, await expectNoLies(await open(), { present: PRESENT, absent: ABSENT, ...trial() }));
    });
  },
);

describePart(
  'a real Postfix over a real Dovecot',
  together({ part: await findDovecot(PARTS), postfix: await findPostfixServer(PARTS) }),
  ({ part, postfix }) => {
    it('refuses and accepts after a change of the passwd-file', async () => {
      const dovecot = await part.start();
      onTestFinished(() => dovecot.stop());
      await dovecot.write(ALL);
      const folder = await makeTrustedFolder();
      await serve({
        folder,
        config: `
          [listen.mta]
          path = "${folder}/smmap.sock"
          [store.users]
          driver = "dovecot"
          server = "unix:${dovecot.auth}"
          canary = { mailbox = "${CANARY}" }
          [map.mailbox]
        `,
      });
      await mkdir(join(folder, 'written'));
      await writeFile(
        join(folder, 'written/main.cf'),
        `virtual_mailbox_domains = example.org
virtual_mailbox_maps = socketmap:unix:${folder}/smmap.sock:mailbox
recipient_delimiter = +
smtpd_client_connection_count_limit = 0
`,
      );
      const setting = {
        folder,
        written: join(folder, 'written'),
        domain: 'mx.example.org',
        virtual: [],
        aliasDomains: [],
      };
      const mta = await postfix.start(setting);
      onTestFinished(() => mta.stop());
      let replies = 0;
      const rcpt = async (address: string): Promise<number> => {
        const smtp = await openSmtp(mta.port);
        const [reply] = await smtp.recipients([address]);
        smtp.close();
        replies++;
        return reply?.code ?? 0;
      };
      const end = new AbortController();
      const others = [
        ['user1@example.org', 250],
        ['user2+news@example.org', 250],
        ['nobody@example.org', 550],
      ] as const;
      const flow = others.map(async ([address, code]) => {
        while (!end.signal.aborted) expect([address, await rcpt(address)]).toEqual([address, code]);
      });
      const changes = async (): Promise<void> => {
        for (let at = 0; at < 4; at++) {
          const name = `new${at}@example.org`;
          expect(await rcpt(name)).toBe(550);
          await dovecot.write([{ name }, ...ALL]);
          await vi.waitFor(async () => expect(await rcpt(name)).toBe(250), SOON);
          await dovecot.write(ALL);
          await vi.waitFor(async () => expect(await rcpt(name)).toBe(550), SOON);
        }
      };
      await Promise.all([changes().finally(() => end.abort()), ...flow]);
      process.stderr.write(`Postfix gave ${replies} right replies to RCPT while users were added and removed\n`);
    });
  },
);

const AS_ROOT: Awaited<ReturnType<typeof findDovecot>> =
  process.getuid?.() === 0
    ? await findDovecot(PARTS)
    : { name: 'Dovecot', missing: 'needs root, to ask as another user' };

describePart('smmap check --stores with Dovecot', AS_ROOT, (part) => {
  const check = async (server: string, canary = CANARY): Promise<readonly [code: number, said: string]> => {
    const folder = await mkdtemp('/tmp/smmap-');
    onTestFinished(() => rm(folder, { recursive: true }));
    await chmod(folder, 0o755);
    const file = join(folder, 'smmap.toml');
    await writeFile(
      file,
      `[listen.mta]\npath = "${folder}/s"\n[limits]\nsoft_connections = 5\nhard_connections = 10\n` +
        `[store.users]\ndriver = "dovecot"\nserver = "${server}"\ncanary = { mailbox = "${canary}" }\n[map.mailbox]\n`,
    );
    await chown(folder, NOBODY, NOBODY);
    const { code, stderr } = await cli(['check', '--config', file, '--stores', '--user', 'nobody']);
    return [code, stderr.replaceAll(`smmap: ${file}: `, '').replace(/^.*not checked for loops.*\n/gm, '')];
  };
  const start = async (mode: number): Promise<Dovecot> => {
    const dovecot = await part.start({ mode });
    onTestFinished(() => dovecot.stop());
    await dovecot.write(ALL);
    await chmod(dirname(dovecot.passwdFile), 0o755);
    return dovecot;
  };

  it('is content as a user whom Dovecot tells everything', async () => {
    const { auth } = await start(0o777);
    expect(await check(`unix:${auth}`)).toEqual([0, '']);
    expect(await check(`unix:${auth}`, 'gone@example.org')).toEqual([
      69,
      'store users: cannot be asked about mailboxes: the canary gone@example.org is not found; ' +
        "restore the users of Dovecot, or choose a canary that it finds. These show what it finds:\n    doveadm user '*'\n" +
        '    doveadm user -x service=lmtp gone@example.org\n',
    ]);
  });

  it('says how to let smmap ask', async () => {
    const lines = [
      'service auth {',
      '  unix_listener auth-userdb {',
      '    mode = 0666',
      '    group = nogroup',
      '  }',
      '}',
    ];
    const remedy = `let smmap ask, in the configuration of Dovecot:\n${lines.map((line) => `    ${line}\n`).join('')}`;
    const half = await start(0o666);
    const fails = 'Dovecot answers FAIL: its log says why';
    const log = 'see the log of Dovecot (doveadm log errors). If it says that the client lacks permission, ' + remedy;
    const [code, said] = await check(`unix:${half.auth}`);
    expect(code).toBe(69);
    expect(said).toContain(`store users: cannot be asked about mailboxes: ${fails}; ${log}`);
    expect(said).toContain(`mailboxes: the canary ${CANARY} cannot be asked for: ${fails}; ${log}`);
    const none = await start(0o600);
    expect(await check(`unix:${none.auth}`)).toEqual([
      69,
      `store users: cannot be asked about mailboxes: connect EACCES ${none.auth}; ${remedy}`,
    ]);
  });

  it('says that it does not run', async () => {
    const [code, said] = await check('unix:/nowhere/auth-userdb');
    expect(code).toBe(69);
    expect(said).toContain('connect ENOENT /nowhere/auth-userdb; start Dovecot, or correct server = "unix:/nowhere/');
  });
});

function mailbox(address: string): Question {
  const [local = '', domain = ''] = address.split('@');
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
}
