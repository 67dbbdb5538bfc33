import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Mailbox } from '../../src/record/mailbox.ts';
import { checkDataFile } from '../../src/store/driver/embedded/datafile.ts';
import { openEmbeddedStore } from '../../src/store/driver/embedded/driver.ts';
import { openRecords } from '../../src/store/driver/embedded/records.ts';
import { createEmpty, replaceWhole } from '../../src/store/driver/embedded/whole.ts';
import { makeStore, openNew, temporaryFolders } from '../support/folder.ts';

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

/** What everybody says who would open a store where there is none. */
const missingIn = (dir: string): string =>
  `there is no store in ${dir}; bring it back (is its disk mounted?), or make a new one: smmap store create --store ${dir}`;

/** Does something when all has been looked at, and lmdb is about to open the file. */
function beforeLmdbOpens(act: () => void): void {
  const lmdb = createRequire(import.meta.url)('lmdb') as typeof import('lmdb');
  const { open } = lmdb;
  vi.spyOn(lmdb, 'open').mockImplementationOnce((options) => {
    act();
    return open(options);
  });
  onTestFinished(() => void vi.restoreAllMocks());
}

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
      const store = await openNew(dir);
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

  it('is absent is made by nobody who opens it, but by createEmpty', async () => {
    const dir = join(folder(), 'new', 'deep');
    const missing = missingIn(dir);
    expect(() => openEmbeddedStore(dir)).toThrow(missing);
    expect(() => openRecords(dir, 'read')).toThrow(missing);
    expect(() => openRecords(dir, 'write')).toThrow(missing);
    expect(existsSync(dirname(dir))).toBe(false);
    expect([await createEmpty(dir), await createEmpty(dir)]).toEqual([true, false]);
    expect(statSync(dir).mode & 0o777).toBe(0o750);
    expect(readdirSync(dir)).toEqual(['smmap.mdb', 'smmap.mdb-lock']);
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o640);
    await openRecords(dir, 'write').close();
  });

  it('is moved away in the moment in which lmdb opens it is not made anew', async () => {
    const dir = folder();
    await makeStore(dir, mailboxes(1));
    const file = join(dir, 'smmap.mdb');
    const { ino } = statSync(file);
    beforeLmdbOpens(() => {
      rmSync(file);
      // A file system may give the inode to the next file, which would then look like the one of before.
      for (let at = 0; at < 100; at++) {
        writeFileSync(join(dir, String(at)), '');
        expect(statSync(join(dir, String(at))).ino).not.toBe(ino);
      }
    });
    expect(() => openRecords(dir, 'write')).toThrow('was removed or replaced meanwhile; nothing was written');
    vi.restoreAllMocks();
    // What lmdb has made is no store for anybody.
    expect(() => openRecords(dir, 'write')).toThrow('it is no store: what made it was stopped; remove it');
    expect(() => openRecords(dir, 'read')).toThrow(`smmap store create --store ${dir}`);
  });

  it('cannot be made gives an error with its path', async () => {
    await expect(createEmpty('/proc/nowhere/store')).rejects.toThrow('/proc/nowhere cannot be made: ENOENT');
  });

  it('is made by somebody else meanwhile is left alone', async () => {
    const dir = folder();
    const [file, entry] = [join(dir, 'smmap.mdb'), { key: '!written', text: 'yes' }];
    beforeLmdbOpens(() => writeFileSync(file, 'of somebody else'));
    await expect(replaceWhole(dir, [entry], () => true)).rejects.toThrow(`${file} cannot be made: EEXIST`);
    expect([statSync(file).size, readdirSync(dir)]).toEqual([16, ['smmap.mdb', 'smmap.mdb-lock']]);
  });

  it('is made by a restore that fails is not made', async () => {
    const dir = folder();
    function* cutOff() {
      yield { key: '!written', text: 'yes' };
      throw new Error('cut off');
    }
    await expect(replaceWhole(dir, cutOff(), () => true)).rejects.toThrow('cut off');
    expect(readdirSync(dir)).toEqual([]);
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
    await createEmpty(dir);
    expect(() => ask(dir, 'fred')).toThrow('no mailbox was ever written to');
  });

  it('is still uncertain after an import without mailboxes, an aborted import, and a failed import', async () => {
    const dir = folder();
    const store = await openNew(dir);
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
    const store = await openNew(dir);
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
