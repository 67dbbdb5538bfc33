import { copyFileSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Mailbox } from '../../src/record/mailbox.ts';
import { checkDataFile } from '../../src/store/driver/embedded/datafile.ts';
import { openEmbeddedStore } from '../../src/store/driver/embedded/driver.ts';
import { openRecords } from '../../src/store/driver/embedded/records.ts';
import { makeStore, temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
let sound = '';

const mailboxNamed = (local: string): Mailbox => ({
  about: 'mailbox',
  local,
  domain: 'example.org',
  state: 'active',
  value: '',
  folders: [],
});
const mailboxes = (count: number): Mailbox[] => Array.from({ length: count }, (_, at) => mailboxNamed(`user${at}`));

beforeAll(async () => {
  sound = folder();
  await makeStore(sound, mailboxes(20_000)); // deep enough for branch pages
});

/** A copy of an undamaged store, for damage. */
function copy(): string {
  const dir = folder();
  for (const name of ['smmap.mdb', 'smmap.mdb-lock']) copyFileSync(join(sound, name), join(dir, name));
  return dir;
}

describe('a store whose file', () => {
  // Each of these would end this process if lmdb opened it.
  it.each<[string, (file: string) => void, RegExp]>([
    ['is empty', (file) => truncateSync(file, 0), /it is not a store, or it was damaged/],
    [
      'is text',
      (file) => writeFileSync(file, 'fred@example.org\n'.repeat(1_000)),
      /it is not a store, or it was damaged/,
    ],
    ['is zeros', (file) => writeFileSync(file, Buffer.alloc(100_000)), /it is not a store, or it was damaged/],
    ['ends within the first page', (file) => truncateSync(file, 100), /it is not a store, or it was damaged/],
    ['ends within the second page', (file) => truncateSync(file, 4_200), /it was truncated or damaged/],
    ['was cut to half', (file) => truncateSync(file, statSync(file).size / 2), /it was truncated/],
    ['lost its last page', (file) => truncateSync(file, statSync(file).size - 4_096), /it was truncated/],
    ['is a folder', (file) => (rmSync(file), mkdirSync(file)), /EISDIR/],
  ])('%s cannot be opened, neither to read nor to write', (_, damage, message) => {
    const dir = copy();
    damage(join(dir, 'smmap.mdb'));
    expect(() => openEmbeddedStore(dir)).toThrow(message);
    expect(() => openRecords(dir, 'write')).toThrow(message);
    expect(() => openRecords(dir, 'read')).toThrow(message);
  });

  it('is not damaged can be opened after each of many changes', async () => {
    const dir = folder();
    for (let round = 0; round < 60; round++) {
      const store = openRecords(dir, 'write');
      store.write((writer) => {
        for (let at = 0; at < 50; at++) {
          const mailbox = mailboxNamed(`user${(round * 7_919 + at * 104_729) % 3_000}`);
          if (round % 3 === 2) writer.remove(mailbox);
          else writer.put({ ...mailbox, folders: ['x'.repeat((at * 37) % 900 || 1)] });
        }
        return true;
      });
      await store.close();
      expect(() => checkDataFile(join(dir, 'smmap.mdb'))).not.toThrow();
    }
  });

  it('has another format is refused', async () => {
    const dir = folder();
    const { open } = await import('lmdb');
    const db = open({ path: join(dir, 'smmap.mdb'), noSubdir: true, encoding: 'string' });
    db.putSync('!format', '1');
    await db.close();
    expect(() => openEmbeddedStore(dir)).toThrow('its format is 1, and this smmap knows 2');
    expect(() => openRecords(dir, 'write')).toThrow('its format is 1, and this smmap knows 2');
  });

  it('is absent is created only for writing', async () => {
    const dir = join(folder(), 'new', 'deep');
    expect(() => openEmbeddedStore(dir)).toThrow(`there is no store in ${dir}`);
    expect(() => openRecords(dir, 'read')).toThrow(`there is no store in ${dir}`);
    await openRecords(dir, 'write').close();
    expect(statSync(dir).mode & 0o777).toBe(0o750);
    expect(statSync(join(dir, 'smmap.mdb')).mode & 0o777).toBe(0o640);
  });

  it('cannot be created gives an error with its path', () => {
    expect(() => openRecords('/proc/nowhere/store', 'write')).toThrow('/proc/nowhere cannot be made: ENOENT');
  });
});

describe('an embedded store', () => {
  const ask = (dir: string, local: string): unknown => {
    const store = openEmbeddedStore(dir);
    try {
      return store.lookup({
        about: 'mailbox',
        local,
        domain: 'example.org',
        exact: false,
        folder: null,
        anyCase: false,
      });
    } finally {
      void store.close();
    }
  };

  it('in which no mailbox was ever written is uncertain', async () => {
    const dir = folder();
    await openRecords(dir, 'write').close();
    expect(() => ask(dir, 'fred')).toThrow('no mailbox was ever written to');
  });

  it('is still uncertain after an import without mailboxes, an aborted import, and a failed import', async () => {
    const dir = folder();
    const store = openRecords(dir, 'write');
    expect(store.write(() => true)).toBe(true);
    expect(store.write((writer) => writer.put(mailboxes(1)[0] as Mailbox) === null)).toBe(false);
    expect(() =>
      store.write((writer) => {
        writer.put(mailboxes(1)[0] as Mailbox);
        throw new Error('bad line');
      }),
    ).toThrow('bad line');
    await store.close();
    expect(() => ask(dir, 'user0')).toThrow('no mailbox was ever written to');
  });

  it('is certain after a mailbox was written in a later transaction of the same process', async () => {
    const dir = folder();
    const store = openRecords(dir, 'write');
    store.write((writer) => writer.put(mailboxes(1)[0] as Mailbox) === null);
    store.write((writer) => writer.put(mailboxes(2)[1] as Mailbox) !== null);
    await store.close();
    expect(ask(dir, 'user0')).toBeNull();
    expect(ask(dir, 'user1')).not.toBeNull();
  });

  it('is certain after its last mailbox was removed', async () => {
    const dir = folder();
    await makeStore(dir, mailboxes(1));
    const store = openRecords(dir, 'write');
    store.write((writer) => writer.remove(mailboxNamed('user0')));
    await store.close();
    expect(ask(dir, 'user0')).toBeNull();
  });

  it('lists only the wanted domain, in order', async () => {
    const dir = folder();
    const at = (local: string, domain: string): Mailbox => ({ ...mailboxNamed(local), domain });
    await makeStore(dir, [
      at('b', 'a.example'),
      at('a', 'a.example'),
      at('a', 'a.example.b'),
      at('a', 'aa.example'),
      at('!', 'a.example'),
      at('é', 'a.example'),
    ]);
    const store = openRecords(dir, 'read');
    expect([...store.all('mailbox', 'a.example')].map((record) => 'local' in record && record.local)).toEqual([
      '!',
      'a',
      'b',
      'é',
    ]);
    expect([...store.all('mailbox', null)].map((record) => 'domain' in record && record.domain)).toEqual([
      ...Array.from({ length: 4 }, () => 'a.example'),
      'a.example.b',
      'aa.example',
    ]);
    await store.close();
  });
});
