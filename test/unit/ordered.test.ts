import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseEntry, parseEntryLine } from '../../src/record/entry.ts';
import type { Mailbox } from '../../src/record/mailbox.ts';
import type { StoredRecord } from '../../src/record/record.ts';
import { createList } from '../../src/store/driver/embedded/list.ts';
import { type Range, rangeOf } from '../../src/store/driver/embedded/range.ts';
import type { Records } from '../../src/store/driver/embedded/records.ts';
import type { State } from '../../src/vocabulary.ts';
import { openNew, temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();

const mailbox = (local: string, state: State = 'active'): Mailbox => {
  return { about: 'mailbox', local, domain: 'example.org', state, value: '', folders: [] };
};

const mailboxes = (locals: readonly string[], state: State = 'active'): Mailbox[] =>
  locals.map((local) => mailbox(local, state));

/** Puts records as an import does, a hundred in memory and the others in a file. Returns what became of each, in order. */
function putInOrder(records: Records, given: Iterable<StoredRecord>, whole: Range | null = null): string[] {
  const told: string[] = [];
  const list = createList(folder(), { entries: 100, bytes: 10_000_000 });
  for (const [at, record] of [...given].entries()) expect(list.put(record, `:${at}`)).toBe(true);
  records.write((writer) => {
    writer.putInOrder(list.inOrder(), whole, ({ about, at }, became) => told.push(`${about}${at} ${became}`));
    return true;
  });
  list.close();
  return told;
}

it('writes each kind, and tells what became of it', async () => {
  const records = await openNew(folder());
  const domain = { about: 'domain', domain: 'example.org', class: 'relay' } as const;
  expect(putInOrder(records, [mailbox('fred'), mailbox('anna'), domain])).toEqual([
    'domain:2 added',
    'mailbox added',
    'mailbox added',
  ]);
  const again = [mailbox('joe'), mailbox('fred', 'overquota'), mailbox('anna'), mailbox('fred', 'disabled')];
  expect(putInOrder(records, again)).toEqual([
    'mailbox same', // anna
    'mailbox changed',
    'mailbox twice',
    'mailbox added', // joe
  ]);
  expect(records.get(mailbox('fred'))).toEqual(mailbox('fred', 'overquota'));
  expect(records.counts()).toEqual(new Map(Object.entries({ domain: 1, mailbox: 3 })));
  await records.close();
});

it('writes more than fits into its memory', async () => {
  const value = 'x'.repeat(1_000_000);
  const numbers = Array.from({ length: 70 }, (_, number) => `${(number * 37) % 70}`);
  const records = await openNew(folder());
  const given = numbers.map((number) => parseEntry('access', number, `${number} ${value}`) as StoredRecord);
  expect(putInOrder(records, given)).toHaveLength(70);
  for (const number of numbers) {
    expect(records.get({ about: 'key', table: 'access', key: number })).toMatchObject({ value: `${number} ${value}` });
  }
  await records.close();
});

it('keeps the first one of a record that comes twice, and tells where others are that say something else', async () => {
  const records = await openNew(folder());
  const entry = (line: string): StoredRecord => parseEntryLine('access', line) as StoredRecord;
  const given = ['fred a', 'joe b', 'Fred b', 'fred a'].map(entry);
  expect(putInOrder(records, given)).toEqual(['key:0 added', 'key:2 twice', 'key:3 same', 'key:1 added']);
  expect(records.get(entry('fred x'))).toEqual(entry('fred a'));
  expect(putInOrder(records, [entry('fred c'), entry('fred a')])).toEqual(['key:0 changed', 'key:1 twice']);
  await records.close();
});

/** Names that LMDB has in another order than JavaScript. */
const named = (numbers: readonly number[]): string[] =>
  numbers.map((number) => `${['a', '\u{1f4ee}', '\uff41', 'z'][number % 4]}${number}`);
const every = (step: number, from = 0): number[] =>
  Array.from({ length: Math.ceil((5_000 - from) / step) }, (_, at) => from + at * step);

describe.each([
  ['no record', []],
  ['the same records', every(1)],
  ['the same records, and some of them twice', [...every(1), ...every(50)]],
  ['few of the records', every(70)],
  ['most of the records', every(1, 20)],
  ['other records between them', every(3, 1)],
  ['other records in front of them and behind', [...every(1, 4_900), ...every(1).map((number) => number + 100_000)]],
] as const)('a list of %s', (_, numbers) => {
  it.each([false, true])('is put into the store, and is all there is: %s', async (isWhole) => {
    const there = every(isWhole ? 2 : 1, 10);
    const records = await openNew(folder());
    const alias = { about: 'alias', local: 'x', domain: 'example.org', targets: ['fred'] } as const;
    const other = { ...mailbox('x'), domain: 'example.net' };
    records.write((writer) => [...mailboxes(named(there)), other, alias].every((each) => writer.put(each) !== null));
    const given = mailboxes(named(numbers), 'disabled');
    const told = putInOrder(records, given.toReversed(), isWhole ? rangeOf('mailbox', 'example.org') : null);
    const listed = new Set(numbers);
    const toldOf = (became: string): number => told.filter((each) => each === `mailbox ${became}`).length;
    const changed = there.filter((number) => listed.has(number)).length;
    expect([toldOf('added'), toldOf('changed')]).toEqual([listed.size - changed, changed]);
    expect(told).toHaveLength(numbers.length);

    const wanted = new Map(isWhole ? [] : mailboxes(named(there)).map((each) => [each.local, each]));
    for (const each of given) wanted.set(each.local, each);
    const found = [...records.all('mailbox', 'example.org')].map((each) => [(each as Mailbox).local, each] as const);
    expect(new Map(found)).toEqual(wanted);
    expect(records.counts()).toEqual(new Map(Object.entries({ alias: 1, mailbox: wanted.size + 1 })));
    expect(Array.from(records.domains(), ({ domain }) => domain)).toEqual(
      wanted.size > 0 ? ['example.net', 'example.org'] : ['example.net'],
    );
    await records.close();
  });
});

it('says how many records a whole list removes, and of how many', async () => {
  const records = await openNew(folder());
  putInOrder(records, mailboxes(named(every(2))));
  const list = createList(folder());
  for (const each of mailboxes(named(every(3)))) list.put(each, ':1');
  records.write((writer) => {
    const kept = every(2).filter((number) => number % 3 === 0).length;
    const removal = writer.putInOrder(list.inOrder(), rangeOf('mailbox', null), () => {});
    expect(removal).toEqual({ going: 2_500 - kept, of: 2_500 });
    return false;
  });
  expect([...records.all('mailbox', null)]).toHaveLength(2_500);
  await records.close();
});

it('fills the pages of the data file, however the records come', async () => {
  const sizes: number[] = [];
  for (const step of [1, 7_919]) {
    const dir = folder();
    const records = await openNew(dir);
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
