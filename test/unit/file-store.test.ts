import { renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FileStore, openFileStore } from '../../src/store/driver/file/driver.ts';
import type { FileList } from '../../src/store/driver/file/load.ts';
import type { Answer, Question } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';

const newFolder = temporaryFolders();
const WAIT = { timeout: 5_000, interval: 20 };

describe('a file store that holds back a list', () => {
  let path: string;
  let store: FileStore;
  let shrank: string[];
  beforeEach(async () => {
    path = `${newFolder()}/list`;
    write(0, 100);
    const list: FileList = { about: 'mailbox', table: '', path, format: 'list', domain: null };
    shrank = [];
    const events = {
      opened() {},
      unavailable() {},
      shrank: (...what: readonly unknown[]) => void shrank.push(what.join(' ')),
    };
    store = await openFileStore([list], events, { stillMs: 100, everyMs: 20, lostMs: 30_000 });
  });
  afterEach(() => store.close());

  const write = (from: number, to: number, more = ''): void => {
    const lines = Array.from({ length: to - from }, (_, at) => `user${from + at}@example.org\n`);
    writeFileSync(`${path}.new`, lines.join('') + more);
    renameSync(`${path}.new`, path);
  };
  const ask = async (local: string): Promise<Answer> => {
    const question: Question = {
      about: 'mailbox',
      local,
      domain: 'example.org',
      exact: false,
      folder: null,
      anyCase: false,
    };
    return await store.lookup(question);
  };
  const isHeld = async (): Promise<void> => await expect.poll(() => store.brake.held().length, WAIT).toBe(1);

  it('tells so, refuses nobody, and takes it when it is released, with all absences', async () => {
    write(0, 50, 'new@example.org\n');
    await isHeld();
    expect(shrank).toEqual(['mailbox 100 51 true']);
    expect(await ask('user99')).not.toBeNull();
    await expect(ask('nobody')).rejects.toThrow('50 of 100 records (mailbox) are gone');
    const examples = ['user50', 'user51', 'user52', 'user53', 'user54'].map((user) => `${user}@example.org`);
    expect(await store.brake.release()).toEqual([{ kind: 'mailbox', before: 100, after: 51, gone: 50, examples }]);
    expect(await ask('new')).not.toBeNull();
    expect(await ask('user99')).toBeNull();
    expect([store.brake.held(), await store.brake.release()]).toEqual([[], []]);
  });

  it('does not take another one than was held back, nor one that is not whole', async () => {
    write(0, 50);
    await isHeld();
    write(0, 20);
    await expect(store.brake.release()).rejects.toThrow('a list was just written');
    expect(await ask('user99')).not.toBeNull();
    write(0, 50, 'user');
    await expect.poll(() => ask('nobody').catch(String), WAIT).toContain('was it cut off?; if it is complete');
    await expect(store.brake.release()).rejects.toThrow('was it cut off?; if it is complete');
    expect(await ask('user99')).not.toBeNull();
  });

  it('holds back nothing any more when the list is whole again', async () => {
    write(0, 50);
    await isHeld();
    write(0, 100);
    await expect.poll(() => ask('nobody').catch(String), WAIT).toBeNull();
    expect([store.brake.held(), await store.brake.release()]).toEqual([[], []]);
    expect(await ask('user99')).not.toBeNull();
  });

  it('doubts again what is lost after it was released', async () => {
    write(0, 50);
    await isHeld();
    await store.brake.release();
    write(0, 45);
    await expect.poll(() => ask('user49').catch(String), WAIT).toContain('it was in a list until a moment ago');
    expect(await ask('user99')).toBeNull();
  });
});

describe('a list of a file store in which a record comes twice', () => {
  const openWith = async (about: FileList['about'], format: string, texts: Readonly<Record<string, string>>) => {
    const at = newFolder();
    const lists = Object.entries(texts).map(([name, text]): FileList => {
      writeFileSync(`${at}/${name}`, text);
      const path = `${at}/${name}`;
      if (name === 'virtual') return { about: 'alias', format: name, table: '', path, domain: null };
      return { about, format, table: '', path, domain: null };
    });
    const told: string[] = [];
    const events = { opened() {}, unavailable: (why: unknown) => void told.push(String(why)), shrank() {} };
    const opened = await openFileStore(lists, events, { stillMs: 0, everyMs: 1_000, lostMs: 0 });
    onTestFinished(() => void opened.close());
    return told.join('').replaceAll(at, '');
  };

  it.each([
    ['a folder', 'mailbox', 'list', 'a@x.test folder=news\nb@x.test\nA@x.test folder=lists\n'],
    ['a state', 'mailbox', 'list', 'a@x.test\nb@x.test\na@x.test state=disabled\n'],
    ['a class', 'domain', 'list', 'a.test\nb.test\na.test relay\n'],
    ['targets', 'alias', 'virtual', 'a@x.test b\nb@x.test c\na@x.test c\n'],
  ] as const)('with %s that the other does not have is not believed', async (_, about, format, text) => {
    expect(await openWith(about, format, { list: text })).toMatch(
      /\/list:3 is not a line of this list: .*in the list twice/,
    );
  });

  it.each([
    ['mailbox', 'list', 'a@x.test folder=news\nb@x.test\nA@x.test folder=news\n'],
    ['mailbox', 'list', 'a@x.test\nA@x.test\n'],
    ['domain', 'list', 'a.test relay\nA.test relay\n'],
    ['alias', 'virtual', 'a@x.test b\nA@x.test b\n'],
  ] as const)('is believed if both say the same: %s', async (about, format, text) => {
    expect(await openWith(about, format, { list: text })).toBe('');
  });

  it('is believed if it is in two lists, of which one has a class of the domain', async () => {
    expect(await openWith('domain', 'list', { virtual: 'a.test any\n', list: 'a.test relay\n' })).toBe('');
  });
});
