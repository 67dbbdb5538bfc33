import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOMAINS, type Keys, PLAIN } from '../../src/observe/keys.ts';
import { type Shadowed, createCollection } from '../../src/observe/shadow/collect.ts';
import { readLedger } from '../../src/observe/shadow/file.ts';
import { type ShadowRecord, formatLine } from '../../src/observe/shadow/record.ts';
import { createRecords } from '../../src/observe/shadow/records.ts';
import { temporaryFolders } from '../support/folder.ts';

const folders = temporaryFolders();

const RECORD: ShadowRecord = {
  map: 'mailbox',
  key: 'fred@example.org',
  would: 'NOTFOUND',
  reason: 'absent',
  reply: 'OK',
  count: 1,
  first: 1_000,
  last: 1_000,
  known: false,
  role: false,
};
const absent = (key: string | null): Shadowed => ({
  map: 'mailbox',
  key,
  isDomain: false,
  would: 'NOTFOUND',
  reason: 'absent',
  reply: 'OK',
  isSame: false,
});
const found = (key: string): Shadowed => ({ ...absent(key), would: 'OK', reason: null, isSame: true });

function openRecords(file: string, keys: Keys = PLAIN) {
  const failures: string[] = [];
  const records = createRecords({ file, pid: 1, keys: () => keys, failed: (_, cause) => failures.push(String(cause)) });
  return { records, failures };
}

async function recordsOf(file: string): Promise<readonly ShadowRecord[]> {
  return [...(await readLedger(file)).records];
}

describe('the records', () => {
  it('are in the file, with what was asked, and nobody else may read it', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file);
    records.watch(['mailbox']);
    records.add(found('wilma@example.org'));
    records.add(absent('fred@example.org'));
    records.add(absent('fred@example.org'));
    records.add(absent(null));
    await records.close();
    const ledger = await readLedger(file);
    expect(Array.from(ledger.records, ({ key, count }) => [key, count])).toEqual([
      ['fred@example.org', 2],
      [null, 1],
    ]);
    expect(Array.from(ledger.hours, ({ asked }) => asked)).toEqual([4]);
    expect(statSync(file).mode & 0o027).toBe(0);
  });

  it('have what another process collected, and what had no room there', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file);
    const other = createCollection(() => PLAIN);
    for (const key of ['fred@example.org', 'wilma@example.org']) other.add(absent(key));
    const { hours, records: collected } = other.take(3);
    expect(other.isEmpty).toBe(true);
    records.add(absent('fred@example.org'));
    records.join([...hours, ...collected]);
    await records.close();
    const ledger = await readLedger(file);
    expect(Array.from(ledger.records, ({ key, count }) => [key, count])).toEqual([
      ['fred@example.org', 2],
      ['wilma@example.org', 1],
    ]);
    expect(Array.from(ledger.hours, ({ asked, unkept }) => [asked, unkept])).toEqual([[3, 3]]);
  });

  it('say that a map is in shadow, though nobody asked it yet', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file);
    records.watch(['mailbox']);
    await records.close();
    expect(Array.from((await readLedger(file)).hours, ({ map, asked }) => [map, asked])).toEqual([['mailbox', 0]]);
  });

  it('make no file if no map is in shadow', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file);
    records.watch([]);
    await records.close();
    expect(existsSync(file)).toBe(false);
  });

  it('say which keys the map accepted before, and which are for a role', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file);
    records.add(found('Fred@example.org'));
    for (const key of ['fred@example.org', 'Postmaster@example.org', 'nobody@example.org']) records.add(absent(key));
    await records.close();
    expect((await recordsOf(file)).map(({ known, role }) => [known, role])).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
  });

  it('hide what the log hides, and cut what is longer than an address', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file, DOMAINS);
    records.add(absent('fred@example.org'));
    records.add(absent('x'.repeat(10_000)));
    await records.close();
    const plain = openRecords(file);
    plain.records.add(absent('y'.repeat(10_000)));
    await plain.records.close();
    expect((await recordsOf(file)).map(({ key }) => key)).toEqual(['*@example.org', '*', `${'y'.repeat(254)}...`]);
  });

  it('count what had no room between two writes', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const { records } = openRecords(file);
    for (let at = 0; at < 5_010; at++) records.add(absent(`u${at}@example.org`));
    await records.close();
    const ledger = await readLedger(file);
    expect([...ledger.records]).toHaveLength(5_000);
    expect(Array.from(ledger.hours, ({ asked, unkept }) => [asked, unkept])).toEqual([[5_010, 10]]);
  });

  it.each<[string, (folder: string) => string]>([
    ['the disk is full', (folder) => (symlinkSync('/dev/full', join(folder, 'full')), join(folder, 'full'))],
    ['the path is a folder', (folder) => (mkdirSync(join(folder, 'dir')), join(folder, 'dir'))],
    [
      'the state directory is a file',
      (folder) => (writeFileSync(join(folder, 'f'), ''), join(folder, 'f', 'shadow.jsonl')),
    ],
  ])('are told as unwritable once if %s, and nothing else happens', async (_, make) => {
    const { records, failures } = openRecords(make(folders()));
    for (const key of ['a@b', 'c@d']) {
      records.add(absent(key));
      await records.close();
    }
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(/ENOSPC|EISDIR|ENOTDIR|EEXIST/);
  });

  it('are written again as soon as that is possible, with the number of those that are lost', async () => {
    const folder = join(folders(), 'later');
    writeFileSync(folder, '');
    const { records, failures } = openRecords(join(folder, 'shadow.jsonl'));
    records.add(absent('lost@example.org'));
    await records.close();
    rmSync(folder);
    records.add(absent('lost@example.org'));
    await records.close();
    expect(existsSync(folder)).toBe(false); // an embedded store may be in it, and away
    mkdirSync(folder);
    records.add(absent('kept@example.org'));
    await records.close();
    const ledger = await readLedger(join(folder, 'shadow.jsonl'));
    expect(Array.from(ledger.records, ({ key }) => key)).toEqual(['kept@example.org']);
    expect(Array.from(ledger.hours, ({ unkept }) => unkept)).toEqual([2]);
    expect(failures).toHaveLength(1);
  });

  it('stay small, though the same addresses are asked for all day', async () => {
    const file = join(folders(), 'shadow.jsonl');
    writeFileSync(file, `${formatLine(RECORD)}\n`.repeat(40_000));
    const { records } = openRecords(file);
    records.add(absent('fred@example.org'));
    await records.close();
    expect(statSync(file).size).toBeLessThan(1_000);
    expect((await recordsOf(file)).map(({ count }) => count)).toEqual([40_001]);
  });
});
