import { appendFileSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendLines, compact, readLedger } from '../../src/observe/shadow/file.ts';
import { createLedger } from '../../src/observe/shadow/ledger.ts';
import { type ShadowRecord, formatLine, parseLine } from '../../src/observe/shadow/record.ts';
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
async function recordsOf(file: string): Promise<readonly ShadowRecord[]> {
  return [...(await readLedger(file)).records];
}

describe('a line of the file', () => {
  it('is read as it was written', () => {
    expect(parseLine(formatLine(RECORD))).toEqual(RECORD);
    const hour = { map: 'mailbox', hour: 3_600_000, asked: 7, unkept: 0 };
    expect(parseLine(formatLine(hour))).toEqual(hour);
  });

  it.each([
    ['half of a line', formatLine(RECORD).slice(0, 60)],
    ['an empty line', ''],
    ['a number', '12'],
    ['a list', '[]'],
    ['a record with an unknown reply', formatLine({ ...RECORD, would: 'YES' as 'OK' })],
    ['a record with an unknown reason', formatLine({ ...RECORD, reason: 'moon' as 'absent' })],
    ['a record with a count that is none', formatLine({ ...RECORD, count: -1 })],
    ['a record with a key that is none', formatLine({ ...RECORD, key: 7 as unknown as string })],
  ])('is left out if it is %s', (_, line) => {
    expect(parseLine(line)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseLine(text)));
  });
});

describe('a ledger', () => {
  it('adds up what is about the same key and reply', () => {
    const ledger = createLedger(10);
    ledger.add(RECORD);
    ledger.add({ ...RECORD, first: 5_000, last: 5_000, known: true });
    ledger.add({ ...RECORD, would: 'TEMP', reason: 'deadline' });
    expect([...ledger.records]).toEqual([
      { ...RECORD, count: 2, last: 5_000, known: true },
      { ...RECORD, would: 'TEMP', reason: 'deadline' },
    ]);
  });

  it('is bounded: the record that nobody added to for the longest time goes', () => {
    const ledger = createLedger(2);
    for (const key of ['a', 'b', 'a', 'c']) ledger.add({ ...RECORD, key });
    expect(Array.from(ledger.records, ({ key }) => key)).toEqual(['a', 'c']);
    expect(ledger.unkept).toBe(1);
  });
});

describe('a ledger that is full', () => {
  it('keeps the newest records, as a list would', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 200 }), (keys) => {
        const ledger = createLedger(5);
        let list: string[] = [];
        for (const key of keys.map(String)) {
          ledger.add({ ...RECORD, key });
          list = [...list.filter((each) => each !== key), key].slice(-5);
        }
        expect(Array.from(ledger.records, ({ key }) => key)).toEqual(list);
      }),
    );
  });
});

describe('the file', () => {
  it('loses only the line in which a process was killed', async () => {
    const file = join(folders(), 'shadow.jsonl');
    await appendLines(file, [formatLine(RECORD)]);
    appendFileSync(file, formatLine({ ...RECORD, key: 'torn' }).slice(0, 50));
    await appendLines(file, [formatLine({ ...RECORD, key: 'next' })]);
    expect((await recordsOf(file)).map(({ key }) => key)).toEqual(['fred@example.org', 'next']);
  });

  it('is read whatever is in it', async () => {
    const file = join(folders(), 'shadow.jsonl');
    writeFileSync(file, Buffer.concat([Buffer.alloc(300_000, 0xff), Buffer.from(`\n${formatLine(RECORD)}`)]));
    expect(await recordsOf(file)).toEqual([RECORD]);
  });

  it('takes the lines of two daemons at the same time', async () => {
    const file = join(folders(), 'shadow.jsonl');
    const line = (daemon: number, at: number): string => formatLine({ ...RECORD, key: `${daemon}.${at}` });
    const write = async (daemon: number): Promise<void> => {
      for (let at = 0; at < 50; at++) await appendLines(file, [line(daemon, at), line(daemon, at)]);
    };
    await Promise.all([write(1), write(2)]);
    const records = await recordsOf(file);
    expect(records).toHaveLength(100);
    expect(records.every(({ count }) => count === 2)).toBe(true);
  });

  it('is compacted to a line for each record, the newest ones, and keeps its mode', async () => {
    const file = join(folders(), 'shadow.jsonl');
    await appendLines(
      file,
      ['a', 'b', 'a', 'c', 'a'].map((key) => formatLine({ ...RECORD, key })),
    );
    const size = await compact(file, 7, 2);
    expect(size).toBe(statSync(file).size);
    expect((await recordsOf(file)).map(({ key, count }) => [key, count])).toEqual([
      ['c', 1],
      ['a', 3],
    ]);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    expect(statSync(file).mode & 0o027).toBe(0);
  });

  it('has no drafts of killed processes beside it, but may have that of a living one', async () => {
    const folder = folders();
    const file = join(folder, 'shadow.jsonl');
    await appendLines(file, [formatLine(RECORD)]);
    writeFileSync(`${file}.8.part`, 'old');
    writeFileSync(`${file}.9.part`, 'new');
    utimesSync(`${file}.8.part`, 1, 1);
    await compact(file, 7);
    expect(readdirSync(folder).toSorted()).toEqual(['shadow.jsonl', 'shadow.jsonl.9.part']);
  });
});
