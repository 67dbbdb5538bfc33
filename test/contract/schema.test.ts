import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/address/address.ts';
import { parseTargets } from '../../src/address/target.ts';
import { type QueryName, valueOf } from '../../src/store/asked.ts';
import { createMysql, listMysql } from '../../src/store/driver/mysql/driver.ts';
import { textOf, unionOf, unionValues } from '../../src/store/driver/mysql/statement.ts';
import { createPostgresql, listPostgresql } from '../../src/store/driver/postgresql/driver.ts';
import {
  batchStatement,
  batchValues,
  loneStatement,
  parametersOf,
} from '../../src/store/driver/postgresql/statement.ts';
import { type Listing, listingOf } from '../../src/store/driver/sql/listing.ts';
import { type Dialect, type Queries, type Query, parseQuery } from '../../src/store/driver/sql/query.ts';
import { firstIsEnough, SCHEMAS } from '../../src/store/driver/sql/schema.ts';
import { sqliteOpener } from '../../src/store/driver/sqlite/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import type { Name } from '../../src/store/guard/warm-names.ts';
import type { Lister } from '../../src/store/guard/warm.ts';
import { isActive } from '../../src/store/luck.ts';
import { QuestionError, type Store } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { PARTS, describePart } from '../real/part.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type Mariadb, findMariadb } from '../support/mariadb.ts';
import { type Postgresql, findPostgresql } from '../support/postgresql.ts';
import { dovecot } from '../support/schema/dovecot.ts';
import type { Expectation, Fixture } from '../support/schema/fixture.ts';
import { iredmail } from '../support/schema/iredmail.ts';
import { mailcow } from '../support/schema/mailcow.ts';
import { modoboa } from '../support/schema/modoboa.ts';
import { postfixadmin } from '../support/schema/postfixadmin.ts';
import { users } from '../support/schema/users.ts';
import { vimbadmin } from '../support/schema/vimbadmin.ts';
import { openToWrite } from '../support/sqlite.ts';

const FIXTURES: readonly Fixture[] = [postfixadmin, mailcow, iredmail, modoboa, vimbadmin, dovecot, users];
const MANY = 10_000; // rows in each large table: so many that a database prefers an index
const BATCH = { most: 100, inFlight: 2 };
const DRIVEN = { password: null, tls: null, connections: 2, timeoutMs: 5_000 };
const NUMBERS: Readonly<Record<Dialect, string>> = {
  postgresql: `generate_series(1, ${MANY}) as numbers (n)`,
  mysql: `(select seq as n from seq_1_to_${MANY}) numbers`,
  sqlite: `(with recursive all_of (n) as (select 1 union all select n + 1 from all_of where n < ${MANY}) select n from all_of)`,
};

it('knows every schema that there is a test for, and no other', () => {
  const dialectsOf = (part: object): string[] => Object.keys(part).toSorted();
  expect(Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, dialectsOf(schema)]))).toEqual(
    Object.fromEntries(FIXTURES.map(({ name, definitions }) => [name, dialectsOf(definitions)])),
  );
});

describePart('PostgreSQL', findPostgresql(PARTS), (installation) => {
  let server: Postgresql;
  beforeAll(async () => {
    server = await installation.start();
    await server.sql('create role smmap login');
  });
  afterAll(() => server.stop());

  describe.each(fixturesFor('postgresql'))('the schema $name', (fixture) => {
    const { name } = fixture;
    const queries = queriesOf(fixture, 'postgresql');
    const run = (...texts: string[]) => server.sql(texts.join('; '), [], name);
    let store: Store;
    beforeAll(async () => {
      await server.sql(`create database ${name}`);
      await run(...fixture.definitions.postgresql!, ...fixture.rows);
      await run(...grants(fixture, 'smmap'));
      store = open(queries);
    });
    afterAll(() => store.close());
    const open = (asked: Queries): Store =>
      createBatch(createPostgresql({ ...DRIVEN, url: server.url(name, 'smmap'), queries: asked }), BATCH);

    describeAnswers(fixture, 'postgresql', () => store);
    describeFirst(fixture, queries, open);

    it('reads no large table as a whole', async () => {
      // As in the sessions of the driver. Without it, reading a table looks cheap if one row is enough.
      await run(...manyOf(fixture, 'postgresql'), 'analyze', `alter database ${name} set enable_seqscan = off`);
      for (const [query, questions] of manyQuestions(queries)) {
        const types = query.parameters.map(() => 'text');
        const [question] = questions as [Question];
        const texts = parametersOf(query).map((parameter) => valueOf(question, parameter));
        for (const [text, values] of [
          [batchStatement(query, types), batchValues(query, questions)],
          [loneStatement(query, types), texts],
        ] as const) {
          const plan = await server.sql(`explain ${text}`, values, name);
          expect(plan.map((row) => row['QUERY PLAN']).join('\n')).not.toMatch(/Seq Scan on/);
        }
      }
      await expectSame(fixture, 'postgresql', store);
    });

    describeList(fixture, 'postgresql', () => store, {
      list: (listing) => listPostgresql({ ...DRIVEN, url: server.url(name, 'smmap') }, listing),
      async checkPlan({ text, first }) {
        const plan = await server.sql(`explain ${text}`, [first], name);
        expect(plan.map((row) => row['QUERY PLAN']).join('\n')).not.toMatch(/Seq Scan on|Sort/);
      },
    });
  });
});

describePart('MariaDB', await findMariadb(PARTS), (installation) => {
  let server: Mariadb;
  beforeAll(async () => {
    server = await installation.start();
    await server.sql('create user smmap@localhost');
  });
  afterAll(() => server.stop());

  describe.each(fixturesFor('mysql'))('the schema $name', (fixture) => {
    const { name } = fixture;
    const queries = queriesOf(fixture, 'mysql');
    const run = (...texts: string[]) => server.sql([`use ${name}`, ...texts].join('; '));
    let store: Store;
    beforeAll(async () => {
      await server.sql(`create database ${name}`);
      await run(...fixture.definitions.mysql!, ...fixture.rows, ...grants(fixture, 'smmap@localhost'));
      store = open(queries);
    });
    afterAll(() => store.close());
    const open = (asked: Queries): Store =>
      createBatch(createMysql({ ...DRIVEN, url: server.url(name, 'smmap'), queries: asked }), BATCH);

    describeAnswers(fixture, 'mysql', () => store);
    describeFirst(fixture, queries, open);

    it('reads no large table as a whole', async () => {
      await run(...manyOf(fixture, 'mysql'), `analyze table ${Object.keys(fixture.reads).join(', ')}`);
      for (const [query, questions] of manyQuestions(queries)) {
        for (const size of [1, questions.length]) {
          const values = unionValues(query, size, questions);
          const statement = size === 1 ? textOf(query) : unionOf(query, size);
          const plan = await run(`explain ${statement.replaceAll('?', () => `'${values.shift()}'`)}`);
          const whole = plan.filter(({ type, rows }) => /^(?:ALL|index)$/.test(String(type)) && Number(rows) > 1_000);
          expect(whole).toEqual([]);
        }
      }
      await expectSame(fixture, 'mysql', store);
    });

    describeList(fixture, 'mysql', () => store, {
      list: (listing) => listMysql({ ...DRIVEN, url: server.url(name, 'smmap'), queries }, listing),
      async checkPlan({ text, first }) {
        const plan = await run(`explain ${text.replace('?', `'${first}'`)}`);
        expect(plan.filter(({ Extra }) => /filesort|temporary/.test(String(Extra)))).toEqual([]);
      },
    });
  });
});

describe('SQLite', () => {
  const folder = temporaryFolders();

  describe.each(fixturesFor('sqlite'))('the schema $name', (fixture) => {
    const queries = queriesOf(fixture, 'sqlite');
    const path = `${folder()}/mail.db`;
    const run = (texts: readonly string[]): void => {
      const db = openToWrite(path);
      for (const text of texts) db.exec(text);
      db.close();
    };
    let store: Store;
    beforeAll(async () => {
      run([...fixture.definitions.sqlite!, ...fixture.rows]);
      store = (await sqliteOpener({ path, queries }))();
    });
    afterAll(() => store.close());

    describeAnswers(fixture, 'sqlite', () => store);

    it('reads no large table as a whole', async () => {
      run([...manyOf(fixture, 'sqlite'), 'analyze']);
      const db = openToWrite(path);
      for (const [query] of manyQuestions(queries)) {
        const plan = db.rows(`explain query plan ${query.parts.join('?')}`, ...query.parameters.map(() => ''));
        expect((plan as { detail: string }[]).map(({ detail }) => detail).join('\n')).not.toMatch(/^SCAN /m);
      }
      db.close();
      await expectSame(fixture, 'sqlite', store);
    });
  });
});

function fixturesFor(dialect: Dialect): readonly Fixture[] {
  return FIXTURES.filter(({ definitions }) => definitions[dialect] !== undefined);
}

function queriesOf({ name }: Fixture, dialect: Dialect): Queries {
  return Object.fromEntries(
    Object.entries(SCHEMAS[name][dialect]!).map(([query, text]) => {
      const parsed = parseQuery(query as QueryName, text, dialect, firstIsEnough(name, query as QueryName));
      if ('flaw' in parsed) throw new Error(`${query} ${parsed.flaw}`);
      return [query, parsed];
    }),
  );
}

function describeAnswers(fixture: Fixture, dialect: Dialect, store: () => Store): void {
  it.each(fixture.expectations)('%s', async (...expectation) => {
    expect(await answerTo(store(), expectation)).toEqual(expectedIn(dialect, expectation));
  });
}

/** Asks for each local part of the fixture in each of its domains, and for these. */
function describeFirst({ expectations }: Fixture, queries: Queries, open: (queries: Queries) => Store): void {
  const split = Object.entries(queries).filter(([, { first }]) => first !== undefined);
  if (split.length === 0) return;
  it('answers whom the first SELECT finds active as by the whole query', async () => {
    const firsts = open(Object.fromEntries(split.map(([query, { first }]) => [query, first as Query])));
    const wholes = open(
      Object.fromEntries(split.map(([query, { parts, parameters }]) => [query, { parts, parameters }])),
    );
    const names = expectations.map(([, , name]) => ({ name, at: name.lastIndexOf('@') }));
    const locals = new Set(names.filter(({ at }) => at > 0).map(({ name, at }) => name.slice(0, at)));
    const domains = new Set(names.map(({ name, at }) => name.slice(at + 1)));
    const parts = ['', ...locals];
    const questions = [...domains]
      .flatMap((domain) => parts.map((local) => (local === '' ? domain : `${local}@${domain}`)))
      .flatMap((name) =>
        name.includes('@')
          ? (['mailbox', 'alias'] as const).map((kind) => questionOf(kind, name))
          : questionOf('domain', name),
      )
      .filter(({ about }) => split.some(([name]) => name === about));
    let active = 0;
    for (const question of questions) {
      const [first] = await Promise.allSettled([firsts.lookup(question)]);
      if (first.status === 'rejected' || !isActive(first.value)) continue;
      active++;
      expect(await wholes.lookup(question), JSON.stringify(question)).toEqual(first.value);
    }
    expect(active).toBeGreaterThan(1);
    await Promise.all([firsts.close(), wholes.close()]);
  });
}

/** With many rows, each mailbox that is listed is found, and each that is found under its own name is listed. */
function describeList(
  fixture: Fixture,
  dialect: Dialect,
  store: () => Store,
  {
    list,
    checkPlan,
  }: { readonly list: (listing: Listing) => Lister; readonly checkPlan: (listing: Listing) => Promise<void> },
): void {
  const listing = listingOf(fixture.name, dialect);
  it.skipIf(listing === null)('lists exactly who has an active mailbox, and nobody who has not', async () => {
    const lister = list(listing as Listing);
    const names: Name[] = [];
    const others: Name[] = [];
    for (let after: string | null = null, isLast = false; !isLast; isLast = after === null) {
      const portion = await lister.read(after);
      const answers = await Promise.all(portion.names.map(async (named) => await store().lookup(mailboxOf(named))));
      const isListed = (_: Name, at: number) => isDeepStrictEqual(answers[at], { value: '', state: 'active' });
      names.push(...portion.names.filter(isListed));
      others.push(...portion.names.filter((named, at) => !isListed(named, at)));
      after = portion.next;
    }
    await lister.close();
    expect(others).toEqual([]);
    expect(names.length).toBeGreaterThan(MANY);
    const listed = new Set(names.map(({ local, domain }) => `${local}@${domain}`));
    expect(listed.size).toBe(names.length);
    expect(listed).toContain('fred@example.org');
    expect(listed).not.toContain('gone@example.org');
    await checkPlan(listing as Listing);
  });
}

/** With many rows the answers are the same, whichever plan the database chooses. */
async function expectSame(fixture: Fixture, dialect: Dialect, store: Store): Promise<void> {
  const answers = await Promise.all(fixture.expectations.map((expectation) => answerTo(store, expectation)));
  expect(answers).toEqual(fixture.expectations.map((expectation) => expectedIn(dialect, expectation)));
}

/** A state, a class, or targets. A database returns the targets in any order. */
async function answerTo(store: Store, [, kind, asked]: Expectation): Promise<unknown> {
  let answer: Answer;
  try {
    answer = await store.lookup(questionOf(kind, asked));
  } catch (error) {
    if (error instanceof QuestionError) return 'doubt';
    throw error;
  }
  if (answer === null) return null;
  if (kind === 'domain') return answer.value;
  if (kind !== 'alias') return answer.value || answer.state;
  const targets = parseTargets(answer.value);
  return 'flaw' in targets
    ? targets.flaw
    : targets
        .map(({ text }) => text)
        .toSorted()
        .join(', ');
}

function questionOf(kind: Expectation[1], asked: string): Question {
  if (kind === 'domain') return { about: 'domain', domain: asked };
  const parsed = asked.startsWith('@') ? { local: '', domain: asked.slice(1) } : parseAddress(asked, 'domain');
  if ('flaw' in parsed || parsed.domain === null) throw new Error(`${asked} is not an address`);
  const name = { local: parsed.local, domain: parsed.domain };
  if (kind === 'alias') return { about: 'alias', ...name, exact: false };
  return { about: 'mailbox', ...name, exact: kind === 'exact mailbox', folder: null, anyCase: false };
}

function mailboxOf(name: Name): Question {
  return { about: 'mailbox', ...name, exact: false, folder: null, anyCase: false };
}

function expectedIn(dialect: Dialect, [, , , expected]: Expectation): unknown {
  return typeof expected === 'object' && expected !== null ? expected[dialect] : expected;
}

function grants({ name, reads }: Fixture, account: string): readonly string[] {
  const place = account.includes('@') ? `${name}.` : '';
  return Object.entries(reads).map(
    ([table, columns]) => `grant select (${columns.join(', ')}) on ${place}${table} to ${account}`,
  );
}

function manyOf({ many, indexes }: Fixture, dialect: Dialect): readonly string[] {
  return [...(indexes?.[dialect] ?? []), ...many.map((text) => text.replaceAll('{numbers}', NUMBERS[dialect]))];
}

/** Each query with as many questions as go at once; of an alias, every other one is for a catch-all. */
function manyQuestions(queries: Queries): readonly (readonly [Query, readonly Question[]])[] {
  const asked = (name: string, n: number): string => {
    if (name === 'domain') return `d${n}.test`;
    return name === 'alias' && n % 2 === 0 ? `@d${n}.test` : `u${n}@d${n}.test`;
  };
  return Object.entries(queries).map(([name, query]) => [
    query,
    Array.from({ length: 64 }, (_, n) => questionOf(name as QueryName & Expectation[1], asked(name, n))),
  ]);
}
