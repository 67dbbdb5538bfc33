import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Queries, parseQuery } from '../../src/store/driver/sql/query.ts';
import { openSqlite } from '../../src/store/driver/sqlite/driver.ts';
import { loadLibrary } from '../../src/store/driver/sqlite/library.ts';
import { checkIn, createTrust } from '../../src/store/driver/sqlite/trust.ts';
import { createReopening } from '../../src/store/guard/reopen.ts';
import { LostError, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { CAMPAIGN, LONG } from '../support/long.ts';

const WRITING_MS = 5_000;
const MODES = ['delete', 'wal'] as const;
const PEOPLE = 2_000;

const library = await loadLibrary();
const folder = temporaryFolders();
const stores: Store[] = [];
const writers: ChildProcess[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const writer of writers.splice(0)) writer.kill('SIGKILL');
});

describe.each(MODES)('a file of SQLite with the journal mode %s', (mode) => {
  it('always has its addresses while another process writes all the time', async () => {
    const path = make(mode);
    const store = reopening(path);
    // Everybody is deleted and comes back, in one transaction; strangers come and go.
    const commits = await startWriter(
      path,
      `
      const all = db.prepare('select * from mailboxes where domain = ?');
      const insert = db.prepare('insert into mailboxes values (?, ?, ?)');
      const again = db.transaction((n) => {
        const rows = all.all('example.org');
        db.exec('delete from mailboxes');
        for (const row of rows) insert.run(row.local, row.domain, row.value);
        for (let at = 0; at < n % 50; at++) insert.run('stranger' + at, 'example.com', '');
      });
      const one = db.transaction((n) => db.prepare('update mailboxes set value = ? where local = ?').run('v' + n, 'user' + (n % 2000)));
      for (let n = 0; ; n++) { n % 20 === 0 ? again(n) : one(n); process.stdout.write('.'); }
    `,
    );
    const outcome = { found: 0, absent: 0, failed: 0 };
    const why = new Set<string>();
    const late = performance.now() + WRITING_MS;
    const client = async (first: number): Promise<void> => {
      for (let at = first; performance.now() < late; at += 50) {
        const exists = Math.floor(at / 50) % 2 === 0;
        const answer = await outcomeOf(() => store.lookup(mailbox(exists ? `user${at % PEOPLE}` : `nobody${at}`)));
        if (answer instanceof Error) {
          outcome.failed++;
          why.add(answer.message.slice(path.length));
        } else {
          expect(answer !== null, `user${at % PEOPLE}`).toBe(exists);
          outcome[exists ? 'found' : 'absent']++;
        }
        await turn();
      }
    };
    await Promise.all(Array.from({ length: 50 }, (__, first) => client(first)));
    process.stderr.write(
      `SQLite, ${mode}: ${JSON.stringify(outcome)} ${[...why].join()} while ${commits()} times committed\n`,
    );
    expect(commits()).toBeGreaterThan(20);
    expect(outcome.found).toBeGreaterThan(100);
    // A writer that the machine lets wait may hold its lock for longer than we wait; nothing else is a reason.
    expect([...why].filter((reason) => !reason.includes('is locked by a writer'))).toEqual([]);
    expect(outcome.failed).toBeLessThan(outcome.found);
  });

  it('answers with a changed schema, and fails without its table', () => {
    const path = make(mode);
    const store = open(path, 'select * from mailboxes where local = :local and domain = :domain');
    expect(find(store, 'user7')).toEqual(FOUND);
    change(path, "alter table mailboxes add column state text default 'disabled'");
    expect(find(store, 'user7')).toEqual({ value: '', state: 'disabled' });
    expect(find(store, 'nobody')).toBeNull();
    change(path, 'alter table mailboxes rename to elsewhere');
    expect(() => find(store, 'user7')).toThrow(/no such table/);
    expect(() => find(store, 'nobody')).toThrow(/no such table/);
    change(path, 'alter table elsewhere rename to mailboxes');
    expect(find(store, 'user7')).toEqual({ value: '', state: 'disabled' });
    change(path, 'alter table mailboxes rename column local to other');
    expect(() => find(store, 'nobody')).toThrow(/no such column/);
  });

  it('finds new records at once, and no deleted ones', () => {
    const path = make(mode);
    const store = open(path);
    for (let at = 0; at < 20; at++) {
      expect(find(store, 'new')).toBeNull();
      change(path, "insert into mailboxes values ('new', 'example.org', '')");
      expect(find(store, 'new')).toEqual(FOUND);
      change(path, "delete from mailboxes where local = 'new'");
    }
  });

  it('is read anew after it was replaced, and fails after it was removed', () => {
    const path = make(mode);
    const other = make(mode, 'other');
    const store = open(path);
    expect(find(store, 'user7')).toEqual(FOUND);
    renameSync(other, path);
    expect(() => find(store, 'nobody')).toThrow(LostError);
    rmSync(path);
    expect(() => find(store, 'nobody')).toThrow(LostError);
  });

  it('fails if it was cut off at any place', () => {
    const path = make(mode);
    const whole = readFileSync(path);
    const store = reopening(path);
    expect(find(store, 'user7')).toEqual(FOUND);
    for (let bytes = whole.length - 1; bytes >= 0; bytes -= 1_500) {
      writeFileSync(path, whole);
      truncateSync(path, bytes);
      for (const asked of [store, reopening(path)]) {
        expect(() => find(asked, 'user7'), `after ${bytes} bytes`).toThrow(StoreError);
        expect(() => find(asked, 'nobody'), `after ${bytes} bytes`).toThrow(StoreError);
      }
    }
  });

  it('is read anew after another file of the same history overwrote it, and fails until that is certain', async () => {
    const path = make(mode);
    const store = reopening(path);
    for (let at = 0; at < PEOPLE; at++) expect(find(store, `user${at}`)).toEqual(FOUND);
    copyFileSync(make(mode, 'other'), path); // SQLite tells the two by nothing
    utimesSync(path, 1, 1); // as rsync --times does
    for (let at = 0; at < 20; at++) expect(await outcomeOf(() => find(store, `other${at}`))).toBeInstanceOf(StoreError);
    await vi.waitUntil(async () => !((await outcomeOf(() => find(store, 'other1'))) instanceof Error), RECOVERY);
    for (let at = 0; at < PEOPLE; at++) {
      expect(find(store, `other${at}`)).toEqual(FOUND);
      expect(find(store, `user${at}`)).toBeNull();
    }
  });

  const often = mode === 'wal' ? CAMPAIGN : LONG;
  it('gives no false answer while other files overwrite it, piece by piece', often, async () => {
    const path = make(mode);
    const versions = ['a', 'b'].map((name) => makeVersion(mode, name));
    const store = reopening(path);
    let overwritten = 0;
    let answered = 0;
    let failed = 0;
    const done = new AbortController();
    const ask = async (first: number): Promise<void> => {
      for (let at = first; !done.signal.aborted; at += 10) {
        const exists = at % 2 === 0;
        const local = exists ? `user${at % PEOPLE}` : `nobody${at}`;
        const answer = await outcomeOf(() => store.lookup(mailbox(local)));
        if (answer instanceof Error) failed++;
        else {
          expect(answer !== null, local).toBe(exists);
          answered++;
        }
        await (answer instanceof Error ? sleep(1) : turn());
      }
    };
    const overwrite = async (): Promise<void> => {
      for (const pauseMs of [0, 2, 20]) {
        await writeOver(path, versions[overwritten++ % 2] as Buffer, pauseMs);
        await vi.waitUntil(async () => !((await outcomeOf(() => find(store, 'user1'))) instanceof Error), RECOVERY);
      }
      done.abort();
    };
    await Promise.all([overwrite(), ...Array.from({ length: 10 }, (_, first) => ask(first))]);
    process.stderr.write(
      `SQLite, ${mode}: ${answered} right, ${failed} failed while ${overwritten} times overwritten\n`,
    );
    expect(answered).toBeGreaterThan(100);
    expect(failed).toBeGreaterThan(100);
  });

  it('is not read if a process overwrote it only in part', LONG, async () => {
    const path = make(mode);
    const store = reopening(path);
    expect(find(store, 'user7')).toEqual(FOUND);
    const whole = makeVersion(mode, 'a');
    await writeOver(path, whole, 0, PIECE_BYTES * 5);
    await vi.waitUntil(async () => isDamaged(await outcomeOf(() => find(store, 'user7'))), RECOVERY);
    expect(await outcomeOf(() => find(reopening(path), 'nobody'))).toBeInstanceOf(StoreError);
    await writeOver(path, whole, 0);
    await vi.waitUntil(async () => !((await outcomeOf(() => find(store, 'user7'))) instanceof Error), RECOVERY);
    expect(find(store, 'nobody')).toBeNull();
  });

  it('gives no false answer after a writer was killed during a transaction', async () => {
    const path = make(mode);
    const store = open(path);
    const commits = await startWriter(
      path,
      `
      db.pragma('cache_size = 2');
      db.exec('begin; delete from mailboxes');
      process.stdout.write('.');
      setInterval(() => {}, 1000);
    `,
    );
    expect(commits()).toBe(1);
    await killWriters();
    for (let at = 0; at < PEOPLE; at += 7) expect(attempt(() => find(store, `user${at}`))).not.toBeNull();
    change(path, "insert into mailboxes values ('new', 'example.org', '')"); // who opens it to write, mends it
    for (let at = 0; at < PEOPLE; at += 7) expect(find(store, `user${at}`)).toEqual(FOUND);
    expect(find(store, 'new')).toEqual(FOUND);
  });

  it.runIf(process.getuid?.() === 0)('fails or answers correctly in a folder that the daemon may not write', () => {
    const path = make(mode);
    chmodSync(dirname(path), 0o555);
    const asDaemon = <T>(action: () => T): T => {
      process.seteuid?.(1);
      try {
        return action();
      } finally {
        process.seteuid?.(0);
      }
    };
    const answers = ['user7', 'nobody'].map((local) => attempt(() => asDaemon(() => find(open(path), local))));
    if (mode === 'wal') expect(answers).toEqual([expect.any(StoreError), expect.any(StoreError)]);
    else expect(answers).toEqual([FOUND, null]);
    // With a writer at work, its files are there; what is in its log only has to be found.
    const writer = new Database(path);
    writer.exec("insert into mailboxes values ('new', 'example.org', '')");
    const found = attempt(() => asDaemon(() => find(open(path), 'new')));
    expect(found instanceof Error ? FOUND : found).toEqual(FOUND);
    writer.close();
  });
});

describe('a file of SQLite that a writer has locked', () => {
  it('fails soon with a rollback journal, does not block this process, and answers again when the lock is gone', async () => {
    const path = make('delete');
    const store = open(path);
    const writer = new Database(path);
    writer.exec('begin exclusive');
    const begun = performance.now();
    let stoodStillMs = 0;
    let last = begun;
    const watch = setInterval(() => {
      stoodStillMs = Math.max(stoodStillMs, performance.now() - last);
      last = performance.now();
    }, 1);
    const answers = Array.from({ length: 50 }, async () => find(store, 'user7'));
    for (const answer of answers) await expect(answer).rejects.toThrow(/locked/);
    expect(performance.now() - begun).toBeLessThan(10_000); // and not 500 each
    expect(stoodStillMs).toBeLessThan(450); // to wait for the lock takes 500
    clearInterval(watch);
    const later = store.lookup(mailbox('user7'));
    writer.exec('commit');
    writer.close();
    expect(await later).toEqual(FOUND);
    expect(find(store, 'user7')).toEqual(FOUND);
  });

  it('answers as usual with a write-ahead log', () => {
    const path = make('wal');
    const store = open(path);
    const writer = new Database(path);
    writer.exec('begin exclusive; delete from mailboxes');
    const begun = performance.now();
    for (let at = 0; at < 50; at++) expect(find(store, `user${at}`)).toEqual(FOUND);
    expect(performance.now() - begun).toBeLessThan(450); // to wait for the lock takes 500
    writer.exec('rollback');
    writer.close();
  });
});

describe('a file that is not a database', () => {
  it.each<[string, string | Buffer]>([
    ['a text', 'fred@example.org\n'.repeat(100)],
    ['an empty file', ''],
    ['a head and no more', Buffer.from('SQLite format 3\0')],
  ])('fails with %s', (_, content) => {
    const path = `${folder()}/mail.db`;
    writeFileSync(path, content);
    expect(() => open(path)).toThrow(StoreError);
  });

  it('fails if the file is missing, and does not make one', () => {
    const path = `${folder()}/mail.db`;
    expect(() => open(path)).toThrow(StoreError);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});

it('finds no address that only a loose collation treats as equal', () => {
  const path = make('wal');
  change(path, "insert into mailboxes values ('Jörg', 'example.org', '')");
  const store = open(path, 'select local as Local, domain from mailboxes where local like :local and domain = :domain');
  expect(find(store, 'jörg')).toEqual(FOUND);
  expect(find(store, 'j_rg')).toBeNull();
  expect(find(store, '%')).toBeNull();
});

it('finds no address by the part before a NUL', () => {
  const store = open(make('wal'), 'select value from mailboxes where local like :local');
  expect(find(store, 'user7')).toEqual(FOUND);
  expect(find(store, 'user7\0x')).toBeNull();
});

const FOUND = { value: '', state: 'active' };
const QUERY = 'select local, domain from mailboxes where local = :local and domain = :domain';

/** The same number of statements for each name, so that the files have the same change counters. */
function make(mode: string, name = 'user'): string {
  const path = `${folder()}/mail.db`;
  const db = new Database(path);
  db.pragma(`journal_mode = ${mode}`);
  db.pragma('synchronous = off');
  if (process.getuid?.() === 0) for (const each of [dirname(path), path]) chownSync(each, 1, 1);
  db.exec('create table mailboxes (local text, domain text, value text, primary key (local, domain))');
  const insert = db.prepare('insert into mailboxes values (?, ?, ?)');
  db.transaction(() => {
    for (let at = 0; at < PEOPLE; at++) insert.run(`${name}${at}`, 'example.org', '');
  })();
  db.close();
  return path;
}

function isDamaged(outcome: Answer | Error): boolean {
  return outcome instanceof Error && outcome.message.includes('damaged');
}

/** Another file with the same people in it, at other places. */
function makeVersion(mode: string, name: string): Buffer {
  const path = make(mode, name);
  const db = new Database(path);
  const insert = db.prepare('insert into mailboxes values (?, ?, ?)');
  db.transaction(() => {
    for (let at = PEOPLE - 1; at >= 0; at--) insert.run(`user${at}`, 'example.org', name.repeat(at % 100));
  })();
  db.close();
  return readFileSync(path);
}

/** Writes in place, in pieces, as `rsync --inplace` does, and cuts what is behind them. */
async function writeOver(path: string, content: Buffer, pauseMs: number, until = content.length): Promise<void> {
  const file = await openFile(path, 'r+');
  for (let at = 0; at < until; at += PIECE_BYTES) {
    await file.write(content.subarray(at, at + PIECE_BYTES), 0, undefined, at);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  if (until === content.length) await file.truncate(until);
  await file.close();
}

const PIECE_BYTES = 8_192;
const RECOVERY = { timeout: 20_000, interval: 20 };

function queries(text: string): Queries {
  const query = parseQuery('mailbox', text, 'sqlite');
  if ('flaw' in query) throw new Error(query.flaw);
  return { mailbox: query };
}

function open(path: string, text = QUERY): Store {
  const store = openSqlite({ path, queries: queries(text) }, createTrust(path, checkIn(library.module)));
  stores.push(store);
  return store;
}

function reopening(path: string): Store {
  const trust = createTrust(path, checkIn(library.module));
  const events = { opened() {}, unavailable() {} };
  const store = createReopening(() => openSqlite({ path, queries: queries(QUERY) }, trust), events);
  stores.push(store);
  return store;
}

function change(path: string, text: string): void {
  const db = new Database(path);
  db.exec(text);
  db.close();
}

function mailbox(local: string): Question {
  return { about: 'mailbox', local, domain: 'example.org', exact: false, folder: null, anyCase: false };
}

function find(store: Store, local: string): Answer {
  return store.lookup(mailbox(local)) as Answer;
}

function attempt<T>(action: () => T): T | Error {
  try {
    return action();
  } catch (error) {
    return error as Error;
  }
}

async function outcomeOf<T>(work: () => T | Promise<T>): Promise<T | Error> {
  try {
    return await work();
  } catch (error) {
    return error as Error;
  }
}

/** Runs a program that has the file open as `db` in another process, and answers how many dots it printed until now. */
async function startWriter(path: string, program: string): Promise<() => number> {
  const head = `const Database = require(${JSON.stringify(createRequire(import.meta.url).resolve('better-sqlite3'))});
    const db = new Database(${JSON.stringify(path)}, { timeout: 10000 });`;
  const writer = spawn(process.execPath, ['-e', head + program], { stdio: ['ignore', 'pipe', 'inherit'] });
  writers.push(writer);
  let dots = 0;
  writer.stdout.on('data', (data: Buffer) => (dots += data.length));
  await once(writer.stdout, 'data');
  return () => dots;
}

async function killWriters(): Promise<void> {
  for (const writer of writers.splice(0)) {
    writer.kill('SIGKILL');
    await once(writer, 'exit');
  }
}
