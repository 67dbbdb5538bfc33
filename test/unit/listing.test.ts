import { describe, expect, it } from 'vitest';
import { formatLine, type StoredRecord } from '../../src/record/record.ts';
import type { Listed, StoreConfig } from '../../src/store/driver.ts';
import { driverOf } from '../support/config.ts';
import { makeStore, temporaryFolders } from '../support/folder.ts';
import { writeLists } from '../support/lists.ts';

const folder = temporaryFolders();

const RECORDS: readonly StoredRecord[] = [
  { about: 'mailbox', local: 'Fred', domain: 'a.test', state: 'disabled', value: '', folders: ['news'] },
  { about: 'mailbox', local: 'wilma', domain: 'a.test', state: 'active', value: '/home', folders: [] },
  { about: 'alias', local: 'info', domain: 'a.test', targets: ['fred@a.test', 'wilma@a.test'] },
  { about: 'domain', domain: 'b.test', class: 'relay' },
  { about: 'key', table: 'access', key: 'a.test', value: 'OK' },
  { about: 'key', table: 'other', key: 'b.test', value: 'REJECT' },
];

const STORES: readonly [string, () => Promise<StoreConfig & Readonly<Record<string, unknown>>>][] = [
  ['memory', async () => ({ driver: 'memory', records: RECORDS })],
  [
    'embedded',
    async () => {
      const path = folder();
      await makeStore(path, RECORDS);
      return { driver: 'embedded', path };
    },
  ],
  ['file', async () => ({ driver: 'file', lists: writeLists(folder(), RECORDS) })],
];

describe.each(STORES)('the records of %s', (_, make) => {
  it.each<[Listed, string]>([
    ['mailbox', ''],
    ['alias', ''],
    ['key', 'access'],
    ['key', 'other'],
    ['key', 'none'],
  ])('are all of the kind %s %s, and no others', async (about, table) => {
    const config = await make();
    const listed: string[] = [];
    for await (const record of driverOf(config).records?.all(config, about, table) ?? []) {
      listed.push(formatLine(record));
    }
    const wanted = RECORDS.filter(
      (record) => record.about === about && (record.about !== 'key' || record.table === table),
    );
    expect(listed).toEqual(wanted.map(formatLine));
  });
});
