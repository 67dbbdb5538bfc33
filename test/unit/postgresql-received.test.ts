import { describe, expect, it } from 'vitest';
import { createFrames, rowsOf } from '../../src/store/driver/postgresql/received.ts';

// https://www.postgresql.org/docs/15/protocol-message-formats.html

const BOUND = message('2');
const DONE = message('C', 'SELECT 1\0');
const READY = message('Z', 'I');
const ROW = row('1', 'jos\u00e9', null, '');
const ERROR = message('E', 'SERROR\0C22P02\0Mno\0\0');
const NOTICE = message('N', 'SNOTICE\0C00000\0Mhi\0\0');
const ABSENT: unknown[] = [];

describe('the answer to a statement', () => {
  it.each<[string, Buffer[], unknown[]]>([
    ['without a row', [BOUND, DONE, READY], ABSENT],
    ['with a row, whose texts are UTF-8', [BOUND, ROW, DONE, READY], [['1', 'jos\u00e9', null, '']]],
    ['with two rows', [BOUND, row('a'), row('b'), DONE, READY], [['a'], ['b']]],
    ['with a row of no columns', [BOUND, row(), DONE, READY], [[]]],
  ])('%s is read', (_, messages, rows) => {
    expect(read(Buffer.concat(messages))).toEqual(rows);
  });

  it.each<[string, Buffer[]]>([
    ['nothing', []],
    ['that it is bound, and no more', [BOUND]],
    ['rows, and no end', [BOUND, ROW]],
    ['that it is complete, but not that the server is ready', [BOUND, ROW, DONE]],
    ['the end alone', [DONE, READY]],
    ['that the server is ready, and nothing else', [READY]],
    ['that it is ready without having been complete', [BOUND, READY]],
    ['rows without having been complete', [BOUND, ROW, READY]],
    ['an error', [ERROR, READY]],
    ['an error after it was bound', [BOUND, ERROR, READY]],
    ['an error after a row', [BOUND, ROW, ERROR, READY]],
    ['a notice first', [NOTICE, BOUND, ROW, DONE, READY]],
    ['a notice in between', [BOUND, ROW, NOTICE, DONE, READY]],
    ['a notice before it is ready', [BOUND, ROW, DONE, NOTICE, READY]],
    ['something after it is ready', [BOUND, ROW, DONE, READY, NOTICE]],
    ['two answers', [BOUND, ROW, DONE, READY, BOUND, ROW, DONE, READY]],
    ['that it is in a transaction', [BOUND, ROW, DONE, message('Z', 'T')]],
    ['a row with a value that goes beyond it', [BOUND, message('D', '\0\x01\0\0\0\x09abc'), DONE, READY]],
    ['a row with a length below -1', [BOUND, message('D', Buffer.from('0001fffffffe', 'hex')), DONE, READY]],
    ['a row that ends in a length', [BOUND, message('D', '\0\x01\0\0'), DONE, READY]],
    ['a row with fewer values than it says', [BOUND, message('D', '\0\x02\0\0\0\x01a'), DONE, READY]],
    ['a row with more values than it says', [BOUND, message('D', '\0\0\0\0\0\x01a'), DONE, READY]],
  ])('that is %s is left to pg', (_, messages) => {
    expect(read(Buffer.concat(messages))).toBeNull();
  });

  it('is not read from what an earlier read has left behind it', () => {
    const left = Buffer.concat([BOUND, ROW, DONE, READY]);
    for (let length = 0; length < left.length; length++) expect(rowsOf(left, length), `${length} bytes`).toBeNull();
  });
});

describe('what a server sends', () => {
  const sent = Buffer.concat([BOUND, ROW, NOTICE, row('x'.repeat(300)), DONE, READY]);

  it('is given in whole messages, wherever it is cut', () => {
    for (let size = 1; size <= sent.length; size++) {
      const given: Buffer[] = [];
      const take = createFrames((bytes, length) => given.push(Buffer.from(bytes.subarray(0, length))));
      for (let at = 0; at < sent.length; at += size) {
        const part = Buffer.from(sent.subarray(at, at + size));
        expect(take(part, part.length)).toBe(true);
        part.fill(0xff); // the next read uses the same memory
      }
      expect(Buffer.concat(given).equals(sent), `${size} bytes at a time`).toBe(true);
      for (const each of given) expect(isWhole(each), `${size} bytes at a time`).toBe(true);
    }
  });

  it('waits for the rest of a message', () => {
    const given: number[] = [];
    const take = createFrames((_, length) => given.push(length));
    take(Buffer.concat([BOUND, ROW.subarray(0, 7)]), BOUND.length + 7);
    expect(given).toEqual([BOUND.length]);
    take(ROW.subarray(7), ROW.length - 7);
    expect(given).toEqual([BOUND.length, ROW.length]);
  });

  it('is refused if a message has no room for its own length', () => {
    const take = createFrames(() => expect.unreachable());
    expect(take(Buffer.from('D\0\0\0\x03abc'), 8)).toBe(false);
  });
});

function read(bytes: Buffer): unknown {
  return rowsOf(bytes, bytes.length);
}

function message(type: string, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body as string);
  const head = Buffer.from(`${type}\0\0\0\0`);
  head.writeInt32BE(4 + bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function row(...values: (string | null)[]): Buffer {
  const numbers = (size: 2 | 4, number: number): Buffer => {
    const bytes = Buffer.alloc(size);
    bytes.writeIntBE(number, 0, size);
    return bytes;
  };
  const fields = values.map((value) =>
    value === null ? numbers(4, -1) : Buffer.concat([numbers(4, Buffer.byteLength(value)), Buffer.from(value)]),
  );
  return message('D', Buffer.concat([numbers(2, values.length), ...fields]));
}

function isWhole(bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length) at += 1 + bytes.readUInt32BE(at + 1);
  return at === bytes.length;
}
