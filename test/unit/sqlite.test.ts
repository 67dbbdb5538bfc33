import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseQuery, type Queries, type Query } from '../../src/store/driver/sql/query.ts';
import { sqliteOpener } from '../../src/store/driver/sqlite/driver.ts';
import { createReopening } from '../../src/store/guard/reopen.ts';
import type { Question } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';
import { openToWrite } from '../support/sqlite.ts';

/** Runs right after the next look at the file. */
let next: { readonly path: string; readonly happens: () => void } | null = null;

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return {
    ...real,
    statSync(path: string, options: object) {
      const stat: unknown = real.statSync(path, options);
      if (next?.path === path) {
        const { happens } = next;
        next = null;
        happens();
      }
      return stat;
    },
  };
});

const folder = temporaryFolders();
const TICK_MS = 20; // the times of files have steps of up to 10 ms
const FRED: Question = {
  about: 'mailbox',
  local: 'fred',
  domain: 'example.org',
  exact: false,
  folder: null,
  anyCase: false,
};
const closing: (() => void)[] = [];
afterEach(() => {
  next = null;
  for (const close of closing.splice(0)) close();
});

const MAILBOX: Queries = {
  mailbox: parseQuery('mailbox', 'select local from people where local = :local', 'sqlite') as Query,
};

async function world(mode: string) {
  const path = `${folder()}/mail.db`;
  const writer = openToWrite(path);
  writer.exec(`pragma journal_mode = ${mode}`);
  writer.exec("create table people (local text); insert into people values ('fred')");
  const told: unknown[] = [];
  const store = createReopening(await sqliteOpener({ path, queries: MAILBOX }), {
    opened: () => told.push('opened'),
    unavailable: (cause) => told.push(cause),
  });
  closing.push(
    () => void store.close(),
    () => writer.close(),
  );
  const commit = (): void => {
    const before = statSync(path).ctimeMs;
    do {
      writer.exec("insert into people values ('joe')");
      if (mode === 'wal') writer.exec('pragma wal_checkpoint');
    } while (statSync(path).ctimeMs === before);
  };
  return { path, store, writer, commit, told };
}

describe.each(['delete', 'truncate', 'persist', 'wal'])('a file of SQLite with the journal mode %s', (mode) => {
  it('is the same store after a commit, also between two looks at the file', async () => {
    const { path, store, commit, told } = await world(mode);
    expect(await store.lookup(FRED)).not.toBeNull();
    for (let at = 0; at < 5; at++) {
      await sleep(TICK_MS);
      commit();
      next = { path, happens: commit };
      expect(await store.lookup(FRED)).not.toBeNull();
      await sleep(TICK_MS);
      expect(await store.lookup(FRED)).not.toBeNull();
    }
    expect(told).toEqual(['opened']);
  });

  it.runIf(mode !== 'wal')('is opened as soon as a writer releases it, without failures for a second', async () => {
    const { path, store, writer, told } = await world(mode);
    writer.exec('begin exclusive');
    const other = createReopening(await sqliteOpener({ path, queries: MAILBOX }), {
      opened: () => told.push('opened'),
      unavailable: (cause) => told.push(cause),
    });
    closing.push(() => void other.close());
    const answers = [store.lookup(FRED), other.lookup(FRED)];
    await sleep(TICK_MS);
    writer.exec('commit');
    for (const answer of answers) expect(await answer).not.toBeNull();
    expect(told).toEqual(['opened', 'opened']);
  });
});
