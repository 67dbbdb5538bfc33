import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseEntry } from '../../src/record/entry.ts';
import type { Mailbox } from '../../src/record/mailbox.ts';
import type { StoredRecord } from '../../src/record/record.ts';
import { openRecords, type Records } from '../../src/store/driver/embedded/records.ts';
import type { About, State } from '../../src/vocabulary.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

const mailbox = (local: string, state: State = 'active'): Mailbox => {
  return { about: 'mailbox', local, domain: 'example.org', state, value: '', folders: [] };
};

/** Puts records in the order of their keys. Returns what became of them, such as `mailbox added`, in that order. */
function putInOrder(records: Records, given: Iterable<StoredRecord>): string[] {
  const told: string[] = [];
  records.write((writer) => {
    const ordered = writer.inOrder((about: About, became) => told.push(`${about} ${became}`));
    for (const record of given) expect(ordered.put(record)).toBe(true);
    ordered.finish();
    return true;
  });
  return told;
}

it('writes each kind, tells what became of it, and of a record that comes twice the last one stays', async () => {
  const records = openRecords(folder(), 'write');
  const domain = { about: 'domain', domain: 'example.org', class: 'relay' } as const;
  expect(putInOrder(records, [mailbox('fred'), mailbox('anna'), domain])).toEqual([
    'domain added',
    'mailbox added',
    'mailbox added',
  ]);
  const again = [mailbox('joe'), mailbox('fred', 'disabled'), mailbox('anna'), mailbox('fred', 'overquota')];
  expect(putInOrder(records, again)).toEqual([
    'mailbox same', // anna
    'mailbox changed',
    'mailbox changed',
    'mailbox added', // joe
  ]);
  expect(records.get(mailbox('fred'))).toEqual(mailbox('fred', 'overquota'));
  expect(records.counts()).toEqual(new Map(Object.entries({ domain: 1, mailbox: 3 })));
  await records.close();
});

it('writes more than fits into its memory', async () => {
  const value = 'x'.repeat(1_000_000);
  const numbers = Array.from({ length: 70 }, (_, number) => `${(number * 37) % 70}`);
  const records = openRecords(folder(), 'write');
  const given = numbers.map((number) => parseEntry('access', number, `${number} ${value}`) as StoredRecord);
  expect(putInOrder(records, given)).toHaveLength(70);
  for (const number of numbers) {
    expect(records.get({ about: 'key', table: 'access', key: number })).toMatchObject({ value: `${number} ${value}` });
  }
  await records.close();
});

it('fills the pages of the data file, however the records come', async () => {
  const sizes: number[] = [];
  for (const step of [1, 7_919]) {
    const dir = folder();
    const records = openRecords(dir, 'write');
    putInOrder(
      records,
      Array.from({ length: 20_000 }, (_, number) => mailbox(`user${(number * step) % 20_000}`)),
    );
    await records.close();
    sizes.push(statSync(`${dir}/smmap.mdb`).size);
  }
  const [inOrder = 0, inNone = 0] = sizes;
  expect(inNone).toBe(inOrder);
  expect(inOrder).toBeLessThan(20_000 * 45);
});
