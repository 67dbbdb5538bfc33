import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMysql } from '../../src/store/driver/mysql/driver.ts';
import { type Queries, parseQuery } from '../../src/store/driver/sql/query.ts';
import type { SqlOptions } from '../../src/store/driver/sql/server.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { QuestionError, type Store, StoreError } from '../../src/store/store.ts';
import type { TlsOptions } from '../../src/store/tls.ts';
import type { Answer, Maybe, Question } from '../../src/vocabulary.ts';
import { expectNoLies, tell } from '../support/faults.ts';
import { type Mariadb, findMariadb } from '../support/mariadb.ts';
import { run as command, withFiles } from './command.ts';
import { PARTS, describePart } from './part.ts';

const TIMEOUT_MS = 1_000;
const PEOPLE = 1_000;

describePart('MariaDB', await findMariadb(PARTS), (mariadb) => {
  const stores: Store[] = [];
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  const open = (server: Mariadb, options: Partial<SqlOptions> & { database?: string; texts?: Texts } = {}): Store => {
    const { database = 'mail', texts = QUERIES, ...others } = options;
    const store = createBatch(
      createMysql({
        url: server.url(database),
        password: null,
        tls: null,
        connections: 2,
        timeoutMs: TIMEOUT_MS,
        queries: queriesOf(texts),
        ...others,
      }),
      { most: 100, inFlight: 2 },
    );
    stores.push(store);
    return store;
  };

  describe('that breaks', () => {
    let server: Mariadb;
    beforeAll(async () => {
      server = await mariadb.start();
      await fill(server);
    });
    afterAll(() => server.stop());

    it('by SIGKILL answers again after it is back', async () => {
      const outcome = await expectNoLies(open(server), {
        ...QUESTIONS,
        fault: () => server.kill(),
        mend: () => server.restart(),
      });
      tell('MariaDB killed', outcome);
    });

    it('by hanging makes each question fail at its timeout, and no answer is late', async () => {
      const outcome = await expectNoLies(open(server), {
        ...QUESTIONS,
        fault: () => server.hang(),
        brokenMs: 1_500,
        mend: () => server.resume(),
      });
      tell('MariaDB stopped', outcome);
    });

    it('by a normal restart answers again', async () => {
      const outcome = await expectNoLies(open(server), {
        ...QUESTIONS,
        fault: () => server.restart(),
        brokenMs: 0,
        mend() {},
      });
      tell('MariaDB restarted', outcome);
    });

    it('by closing connections fails only the pending questions', async () => {
      const kill = async (): Promise<void> => {
        const rows = await server.sql("select id from information_schema.processlist where db = 'mail'");
        for (const { id } of rows) await server.sql(`kill ${String(id)}`).catch(() => {});
      };
      const outcome = await expectNoLies(open(server), {
        ...QUESTIONS,
        async fault() {
          for (let at = 0; at < 20; at++) await kill();
        },
        mend() {},
      });
      tell('MariaDB ends connections', outcome);
    });

    it('by a table that is dropped and restored answers again', async () => {
      const outcome = await expectNoLies(open(server), {
        ...QUESTIONS,
        fault: () => run(server, 'use mail; rename table mailboxes to elsewhere'),
        mend: () => run(server, 'use mail; rename table elsewhere to mailboxes'),
      });
      tell('MariaDB without its table', outcome);
    });

    it('by a locked table answers again', async () => {
      const outcome = await expectNoLies(open(server), {
        ...QUESTIONS,
        fault: () => void server.sql('use mail; lock tables mailboxes write; select sleep(1.5)'),
        brokenMs: 2_000,
        mend() {},
      });
      tell('MariaDB with a locked table', outcome);
    });

    it('by a changed password answers again when the password file has the new one', async () => {
      await server.sql("create user lookup@localhost identified by 'old'; grant select on mail.* to lookup@localhost");
      let password = 'old';
      const outcome = await expectNoLies(
        open(server, { url: server.url('mail', 'lookup'), password: async () => password }),
        {
          ...QUESTIONS,
          async fault() {
            await server.sql("alter user lookup@localhost identified by 'new'; kill user lookup");
          },
          mend: () => void (password = 'new'),
        },
      );
      tell('MariaDB with a new password', outcome);
    });
  });

  describe('with a second server that lags', () => {
    let pair: Awaited<ReturnType<typeof mariadb.startPair>>;
    beforeAll(async () => {
      pair = await mariadb.startPair();
      await fill(pair.primary);
      await pair.replica.catchUp();
    });
    afterAll(async () => {
      await pair.primary.stop();
      await pair.replica.stop();
    });

    it('is certain of an absence on the primary, and not on the replica', async () => {
      await pair.replica.sql('stop slave sql_thread');
      await run(pair.primary, "use mail; insert into mailboxes values ('new', 'example.org', '', 'active')");
      const behind = open(pair.replica);
      const both = createReplicas([behind, open(pair.primary)]);
      await expect(behind.lookup(mailbox('new'))).rejects.toThrow(/may lag/);
      await expect(behind.lookup(mailbox('nobody'))).rejects.toThrow(/may lag/);
      expect(await behind.lookup(mailbox('user7'))).toEqual(FOUND);
      expect(await both.lookup(mailbox('new'))).toEqual(FOUND);
      expect(await both.lookup(mailbox('nobody'))).toBeNull();

      const outcome = await expectNoLies(both, {
        present: [...QUESTIONS.present, mailbox('new')],
        absent: QUESTIONS.absent,
        fault: () => pair.replica.kill(),
        mend: () => pair.replica.restart(),
        fails: false,
      });
      tell('MariaDB, a replica killed', outcome);
      await expectNoLies(both, {
        present: [...QUESTIONS.present, mailbox('new')],
        absent: QUESTIONS.absent,
        fault: () => pair.primary.kill(),
        mend: () => pair.primary.restart(),
      }).then((result) => tell('MariaDB, the primary killed', result));
    });
  });

  describe('with TLS', () => {
    let server: Mariadb;
    let cert: string;
    beforeAll(async () => {
      const made = await makeCertificate('db.test');
      cert = made.cert;
      server = await mariadb.start({ tcp: true, tls: { ca: made.cert, ...made } });
      await fill(server);
      await server.sql(
        "create user lookup@'127.0.0.1' identified by 'pw' require ssl; grant select on mail.* to lookup@'127.0.0.1'",
      );
    });
    afterAll(() => server.stop());
    const over = (port: number | null, tls: Partial<TlsOptions> | null, text = QUERIES['mailbox'] as string): Store =>
      open(server, {
        url: `mysql://lookup@127.0.0.1:${port}/mail`,
        password: async () => 'pw',
        tls: tls === null ? null : { ca: null, cert: null, key: null, serverName: null, verify: true, ...tls },
        texts: { mailbox: text },
      });

    it('asks only a server with the right certificate', async () => {
      const { port } = server;
      expect(await over(port, { ca: cert, serverName: 'db.test' }).lookup(mailbox('user7'))).toEqual(FOUND);
      expect(await over(port, { verify: false }).lookup(mailbox('nobody'))).toBeNull();
      const fails = async (tls: Partial<TlsOptions> | null, reason: RegExp): Promise<void> =>
        await expect(over(port, tls).lookup(mailbox('user7'))).rejects.toThrow(reason);
      await fails({ ca: cert, serverName: 'other.test' }, /altnames/);
      await fails({ ca: cert }, /set server_name/);
      await fails({ serverName: 'db.test' }, /self-signed/);
      await fails({ ca: 'no PEM', serverName: 'db.test' }, /./);
      await fails(null, /Access denied/);
    });

    it('fails at once if the server is killed', async () => {
      const store = open(server, {
        url: `mysql://lookup@127.0.0.1:${server.port}/mail`,
        password: async () => 'pw',
        tls: { ca: cert, cert: null, key: null, serverName: 'db.test', verify: true },
        texts: { mailbox: 'select local, sleep(5) as value from mailboxes where local = :local' },
        timeoutMs: 20_000,
      });
      const asked = store.lookup(mailbox('user7'));
      const failure = expect(asked).rejects.toThrow(StoreError);
      await expect.poll(() => running(server, 'sleep(5)')).toHaveLength(1);
      const begun = performance.now();
      await server.kill();
      await failure;
      expect(performance.now() - begun).toBeLessThan(3_000); // and not after its 5 s
      await server.restart();
      expect(await store.lookup(mailbox('user7'))).toMatchObject(FOUND_ASLEEP);
    });

    it('sends no password to a server without TLS', async () => {
      const plain = await mariadb.start({ tcp: true, settings: ['--skip-ssl'] });
      try {
        await expect(over(plain.port, { verify: false }).lookup(mailbox('user7'))).rejects.toThrow(/secure connection/);
      } finally {
        await plain.stop();
      }
    });
  });

  describe('that works', () => {
    let server: Mariadb;
    beforeAll(async () => {
      server = await mariadb.start({
        settings: ['--character-set-server=latin1', '--skip-character-set-client-handshake'],
      });
      await fill(server);
    });
    afterAll(() => server.stop());
    const database = async (collation: string, ...statements: string[]): Promise<string> => {
      const name = `d${randomBytes(6).toString('hex')}`;
      const [charset] = collation.split('_');
      await run(
        server,
        [`create database ${name} character set ${charset} collate ${collation}; use ${name}`, ...statements].join(
          '; ',
        ),
      );
      return name;
    };

    it('finds no address that only a collation treats as equal', async () => {
      const texts = { ...QUERIES, key: 'select name as `KEY`, value from entries where name = :key' };
      const name = await database(
        'utf8mb4_general_ci',
        'create table mailboxes (local varchar(99), domain varchar(99), value varchar(9), state varchar(16))',
        "insert into mailboxes values ('José', 'example.org', '', 'active'), ('fred', 'example.org', '', 'active')",
        'create table entries (name varchar(99), value varchar(9))',
        "insert into entries values ('straße', 'x')",
      );
      const store = open(server, { database: name, texts });
      expect(await store.lookup(mailbox('josé'))).toEqual(FOUND);
      for (const other of ['jose', 'jósé', 'fred ', 'fréd', 'f\u0301red'])
        expect(await store.lookup(mailbox(other))).toBeNull();
      expect(await store.lookup(key('straße'))).toEqual({ value: 'x', state: 'active' });
      expect(await store.lookup(key('strase'))).toBeNull();
    });

    it.each<[string, Texts, Question, RegExp]>([
      ['mailbox', { mailbox: 'select value from mailboxes where local = :local' }, mailbox('x'), /address or local/],
      [
        'alias',
        { alias: 'select value, domain from mailboxes where local = :local' },
        about('alias'),
        /address or local/,
      ],
      ['key', { key: 'select value from mailboxes where local = :key' }, key('x'), /column key/],
      [
        'folder',
        { folder: 'select local, domain from mailboxes where local = :local and value = :detail' },
        { ...(mailbox('x') as object), folder: 'y' } as Question,
        /column folder/,
      ],
    ])('refuses a query of %s that does not name what it found', async (_, texts, question, reason) => {
      const asked = open(server, { texts }).lookup(question);
      await expect(asked).rejects.toThrow(reason);
      await expect(asked).rejects.not.toThrow(QuestionError);
    });

    it('answers the other questions if one is wrong, and names the query if that is wrong', async () => {
      const name = await database(
        'latin1_swedish_ci',
        'create table mailboxes (local varchar(99), domain varchar(99), value varchar(9), state varchar(16))',
        "insert into mailboxes values ('josé', 'example.org', '', 'active'), ('odd', 'example.org', '', 'asleep')",
      );
      const store = open(server, { database: name });
      const ask = async (local: string) => await store.lookup(mailbox(local));
      const [known, strange, absent, odd] = await Promise.allSettled(['josé', '\u4e2d', 'nobody', 'odd'].map(ask));
      expect(known).toMatchObject({ value: FOUND });
      expect(strange).toMatchObject({ reason: expect.any(QuestionError) as unknown });
      expect(absent).toMatchObject({ value: null });
      expect(odd).toMatchObject({ reason: { message: expect.stringMatching(/state/) as unknown } });

      const wrong = open(server, { texts: { mailbox: 'select locale from mailboxes where local = :local' } });
      const error = await Promise.resolve(wrong.lookup(mailbox('x'))).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(StoreError);
      expect(error).not.toBeInstanceOf(QuestionError);
    });

    it('answers one kind of question while the query of another kind fails', async () => {
      const store = open(server, { texts: { ...QUERIES, alias: 'select local from aliases where local = :local' } });
      const asked = [about('alias'), mailbox('user7'), about('alias'), mailbox('user8')]; // two batches
      const answers = await Promise.allSettled(asked.map(async (question) => await store.lookup(question)));
      expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    });

    it('reports a question that is longer than a packet as a fault of the question', async () => {
      await server.sql('set global max_allowed_packet = 65536');
      const store = open(server);
      const [long, other] = [store.lookup(mailbox('x'.repeat(70_000))), store.lookup(mailbox('user7'))];
      await expect(long).rejects.toThrow(QuestionError);
      expect(await other).toEqual(FOUND);
      const many = Array.from({ length: 200 }, (_, at) => store.lookup(mailbox(`${'x'.repeat(2_000)}${at}`)));
      expect(await all(many)).toEqual(many.map(() => null));
      await server.sql('set global max_allowed_packet = 16777216');
    });

    it('gives a query the same meaning with any defaults of the server', async () => {
      const settings = {
        sql_mode: "'PAD_CHAR_TO_FULL_LENGTH,EMPTY_STRING_IS_NULL,ANSI_QUOTES'",
        sql_select_limit: '1',
        group_concat_max_len: '4',
        autocommit: '0',
        init_connect: "'set autocommit = 0'",
        character_set_server: 'latin1',
      };
      const before = await server.sql(
        `select ${Object.keys(settings)
          .map((name) => `@@global.${name} as ${name}`)
          .join(', ')}`,
      );
      const set = (values: Record<string, unknown>): Promise<unknown> =>
        server.sql(
          `set ${Object.entries(values)
            .map(([name, value]) => `global ${name} = ${String(value)}`)
            .join(', ')}`,
        );
      const name = await database(
        'utf8mb4_bin',
        'create table mailboxes (local char(40), domain varchar(99), value char(9), state varchar(16))',
        ...['a', 'b', 'é', ''].map((local) => `insert into mailboxes values ('${local}', 'example.org', '', 'active')`),
        'create user plain@localhost; grant select on *.* to plain@localhost',
      );
      await set(settings);
      try {
        const texts = {
          mailbox: 'select local, domain, value, state from mailboxes where local = :local and domain = :domain',
          alias: `select "info" as local, group_concat(concat('a long target of ', local)) as value from mailboxes where domain = :domain`,
        };
        const store = open(server, { database: name, texts, url: server.url(name, 'plain') });
        const answers = await all(['a', 'b', 'é', '', 'c'].map((local) => store.lookup(mailbox(local))));
        expect(answers).toEqual([FOUND, FOUND, FOUND, FOUND, null]);
        expect((await store.lookup(about('alias')))?.value).toHaveLength(4 * 18 + 2);
        await run(server, `use ${name}; insert into mailboxes values ('c', 'example.org', '', 'active'); commit`);
        for (let at = 0; at < 4; at++) expect(await store.lookup(mailbox('c'))).toEqual(FOUND);
        await run(server, `set lock_wait_timeout = 1; alter table ${name}.mailboxes add column other int`);
      } finally {
        await set(
          Object.fromEntries(
            Object.entries(before[0] ?? {}).map(([each, value]) => [
              each,
              typeof value === 'string' ? `'${value}'` : value,
            ]),
          ),
        );
      }
    });

    it('returns a parameter of any length that a query selects', async () => {
      const store = open(server, {
        texts: { mailbox: 'select :local as local, :domain as domain, :address as value from mailboxes limit 1' },
      });
      const locals = ['a', 'x'.repeat(300), '', '\u4e2d'.repeat(90), 'b'];
      const answers = await all(locals.map((local) => store.lookup(mailbox(local))));
      expect(answers.map((answer) => answer?.value)).toEqual(locals.map((local) => `${local}@example.org`));
    });

    it('cannot write, and leaves no slow query behind', async () => {
      const writing = open(server, {
        texts: { mailbox: 'select local, nextval(counter) as value from mailboxes where local = :local' },
      });
      await run(server, 'use mail; create sequence counter');
      await expect(writing.lookup(mailbox('user7'))).rejects.toThrow();
      const slow = open(server, {
        timeoutMs: 300,
        texts: { mailbox: 'select local, sleep(20) as value from mailboxes where domain = :domain' },
      });
      const begun = performance.now();
      await expect(slow.lookup(mailbox('user7'))).rejects.toThrow();
      await expect.poll(() => running(server, 'sleep(20)')).toEqual([]);
      expect(performance.now() - begun).toBeLessThan(10_000); // and not after its 20 s
    });

    it('closes all its connections when it is closed, and fails the pending questions', async () => {
      const store = open(server, {
        timeoutMs: 5_000,
        texts: { mailbox: 'select local, sleep(1) as value from mailboxes where local = :local' },
      });
      const asked = store.lookup(mailbox('user7'));
      await sleep(100);
      await store.close();
      await expect(asked).rejects.toThrow(/closed/);
      await expect
        .poll(() =>
          server.sql("select id from information_schema.processlist where db = 'mail' and id <> connection_id()"),
        )
        .toEqual([]);
    });

    it('fails at once if no server listens, the login is refused, or the password cannot be read', async () => {
      const nobody = open(server, { url: 'mysql://root@127.0.0.1:1/mail' });
      await expect(nobody.lookup(mailbox('user7'))).rejects.toThrow(/ECONNREFUSED/);
      const denied = open(server, { url: server.url('mail', 'stranger'), password: async () => 'secret-word' });
      const error = await all([denied.lookup(mailbox('user7'))]).catch((cause: unknown) => cause);
      expect(inspect(error, { depth: 9 })).toMatch(/Access denied/);
      expect(inspect(error, { depth: 9 })).not.toContain('secret-word');
      const broken = open(server, { password: () => Promise.reject(new Error('no such file')) });
      await expect(broken.lookup(mailbox('user7'))).rejects.toThrow('no such file');
      const waiting = open(server, { password: () => new Promise(() => {}) });
      await expect(waiting.lookup(mailbox('user7'))).rejects.toThrow(/within/);
    });

    it('asks only one batch at a time on each connection', async () => {
      const store = open(server);
      await all(Array.from({ length: 2_000 }, (_, at) => store.lookup(mailbox(`user${at}`))));
      const rows = await server.sql("select id from information_schema.processlist where db = 'mail'");
      expect(rows.length).toBeLessThanOrEqual(2);
    });
  });
});

const FOUND = { value: '', state: 'active' };
/** The queries of others that have this text and are running. */
function running(server: Mariadb, text: string): Promise<object[]> {
  return server.sql(
    `select info from information_schema.processlist where info like '%${text}%' and id <> connection_id()`,
  );
}

const FOUND_ASLEEP = { value: '0' };

type Texts = Readonly<Record<string, string>>;
const QUERIES: Texts = {
  mailbox: 'select local, domain, value, state from mailboxes where local = :local and domain = :domain',
};

const QUESTIONS = {
  present: Array.from({ length: PEOPLE }, (_, at) => mailbox(`user${at}`)),
  absent: Array.from({ length: PEOPLE }, (_, at) => mailbox(`nobody${at}`)),
};

function queriesOf(texts: Texts): Queries {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const query = parseQuery(name as keyof Queries, text, 'mysql');
      if ('flaw' in query) throw new Error(query.flaw);
      return [name, query];
    }),
  );
}

function mailbox(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

function about(what: 'alias'): Question {
  return { about: what, local: 'info', domain: 'example.org', exact: false };
}

function key(name: string): Question {
  return { about: 'key', table: 't', key: name, exact: false };
}

async function makeCertificate(name: string): Promise<{ cert: string; key: string }> {
  return await withFiles({}, async (folder) => {
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const files = ['-keyout', `${folder}/key.pem`, '-out', `${folder}/cert.pem`];
    const { code, stderr } = await command('openssl', [
      ...args,
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=DNS:${name}`,
      ...files,
    ]);
    if (code !== 0) throw new Error(stderr);
    return { cert: await readFile(`${folder}/cert.pem`, 'utf8'), key: await readFile(`${folder}/key.pem`, 'utf8') };
  });
}

function all(answers: readonly Maybe<Answer>[]): Promise<Answer[]> {
  return Promise.all(answers.map(async (answer) => await answer));
}

async function run(server: Mariadb, text: string): Promise<void> {
  await server.sql(text);
}

async function fill(server: Mariadb): Promise<void> {
  const rows = Array.from({ length: PEOPLE }, (_, at) => `('user${at}', 'example.org', '', 'active')`).join(', ');
  await server.sql(`create database mail character set utf8mb4 collate utf8mb4_general_ci; use mail;
    create table mailboxes (local varchar(99), domain varchar(99), value varchar(99), state varchar(16), primary key (local, domain));
    insert into mailboxes values ${rows}`);
}
