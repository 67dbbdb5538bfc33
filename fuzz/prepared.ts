// A statement of PostgreSQL that one connection has prepared, whose answer is the input.

import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import type { Wire } from '../src/store/dial.ts';
import { doubtOf, UNKNOWN } from '../src/store/driver/postgresql/doubt.ts';
import {
  BOOLEAN,
  createPrepared,
  type Place,
  readBoolean,
  type Submitted,
} from '../src/store/driver/postgresql/prepared.ts';
import { createFrames, rowsOf, type Texts } from '../src/store/driver/postgresql/received.ts';
import { verdictOf } from '../src/store/driver/postgresql/statement.ts';
import { type Row, rowFrom } from '../src/store/row.ts';
import { StoreError } from '../src/store/store.ts';
import { FRED } from './fred.ts';

const TEXT = 25; // of pg_type
const COLUMNS = ['smmap_n', 'smmap_standby', 'smmap_found', 'address', 'value'];
const BOOLEANS: ReadonlySet<string> = new Set(['smmap_standby', 'smmap_found']);
const FIELDS = COLUMNS.map((name) => ({ name, dataTypeID: BOOLEANS.has(name) ? BOOLEAN : TEXT }));

/** Asks about Fred. Null is an absence. */
export function askPrepared({ socket }: Wire): () => Promise<unknown> {
  let submitted = null as Submitted | null;
  let taker: (rows: Texts[]) => void = () => {};
  const place: Place = {
    submit(given) {
      submitted = given;
      given.submit({ stream: { writable: true, write: () => true } as unknown as Writable });
    },
    expect: (take) => void (taker = take),
    readerOf: (type) => (type === BOOLEAN ? readBoolean : (text) => text),
  };
  const statement = createPrepared('mailbox', 'select', place);
  void statement.run([]); // the first run tells the columns
  submitted?.handleRowDescription({ fields: FIELDS });
  submitted?.handleReadyForQuery();
  const fail = (): void => submitted?.handleError(new StoreError('it is left to pg'));
  const take = createFrames((bytes, length) => {
    const rows = rowsOf(bytes, length);
    if (rows === null) return fail();
    taker(rows);
    submitted?.handleReadyForQuery();
  });
  socket.on('data', (bytes: Buffer) => void (take(bytes, bytes.length) || fail())).on('close', fail);
  return async () => {
    const { columns, rows: found } = await statement.run([]);
    const rows = found.map((row): Row => Object.assign({ smmap_own: true }, rowFrom(columns, row)));
    for (const row of rows) assert(!Object.values(row).includes(undefined), 'a row lacks a column');
    const isPrimary = rows.every((row) => row['smmap_standby'] === false);
    const doubt = doubtOf({ parts: [] }, UNKNOWN, isPrimary, rows);
    const verdict = verdictOf({}, FRED, rows, doubt, false);
    if (verdict instanceof StoreError) throw verdict;
    return verdict;
  };
}

/** Whether each row has all columns, is of a primary, and says nothing odd of whether somebody was found. */
export function isOfPrimary(bytes: Buffer): boolean {
  for (let at = 5; bytes[at] === 0x44; at += 1 + bytes.readUInt32BE(at + 1)) {
    const values: (string | null)[] = [];
    for (let from = at + 7; values.length < bytes.readUInt16BE(at + 5);) {
      const length = bytes.readInt32BE(from);
      if (length < -1) return false;
      values.push(length === -1 ? null : bytes.toString('latin1', from + 4, from + 4 + length));
      from += 4 + Math.max(0, length);
    }
    const [, standby, found = ''] = values;
    if (values.length !== COLUMNS.length || standby !== 'f' || (found !== null && found !== 't')) return false;
  }
  return true;
}
