import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Db, openToRead, openToWrite, resetTxn, transact } from '../../src/store/driver/embedded/lmdb.ts';
import { openReading } from '../../src/store/driver/embedded/reading.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const opened: Db[] = [];
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
});

/** A file with a key in it, which `write` can change, and a reading of it. */
async function open(reset: typeof resetTxn) {
  const dir = folder();
  await createEmpty(dir);
  const writer = openToWrite(dir);
  const write = (text: string): void => {
    transact(writer, () => {
      writer.db.putSync('fred', text);
      return true;
    });
  };
  write('first');
  const { db } = openToRead(dir);
  opened.push(writer.db, db);
  return { db, write, reading: openReading(db, reset) };
}

/** How many transactions read a file now. */
function readersOf(db: Db): number {
  return (db.readerList().match(/^ *\d+ +[0-9a-f]+ +\d+$/gm) ?? []).length;
}

it('lmdb has what our own transaction needs', () => {
  expect(resetTxn).toBeTypeOf('function');
});

describe.each([
  ['by its own transaction', resetTxn],
  ["by lmdb's transaction", undefined],
])('a reading %s', (_, reset) => {
  it('sees what was written after its end', async () => {
    const { reading, write } = await open(reset);
    expect(reading.get('fred')).toBe('first');
    reading.end();
    write('second');
    expect(reading.get('fred')).toBe('second');
    expect(reading.get('george')).toBeUndefined();
    reading.end();
  });

  it('is of one moment until its end', async () => {
    const { reading, write } = await open(reset);
    expect(reading.get('fred')).toBe('first');
    write('second');
    expect(reading.get('fred')).toBe('first');
    reading.end();
    expect(reading.get('fred')).toBe('second');
    reading.end();
  });

  it('holds no transaction from its end to the next read', async () => {
    const { db, reading } = await open(reset);
    reading.end();
    await vi.waitFor(() => expect(readersOf(db)).toBe(0)); // the writer has read, too
    reading.get('fred');
    expect(readersOf(db)).toBe(1);
    reading.end();
    expect(readersOf(db)).toBe(0);
  });
});
