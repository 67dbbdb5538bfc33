import type { Writable } from 'node:stream';
import { StoreError } from '../../store.ts';
import { toBegin, toPrepare, toRun } from './messages.ts';
import type { Texts } from './received.ts';

/** What a statement returned: its columns, and the values of each row. */
export interface Result {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** A statement that one connection has prepared, or prepares when it runs for the first time. */
export interface Prepared {
  /** Runs it with texts for $1, $2 and so on. A connection runs one statement at a time. */
  run(values: readonly string[]): Promise<Result>;
}

/** What a client of pg calls while it runs a statement. */
export interface Submitted {
  submit(connection: { readonly stream: Writable }): Error | null;
  handleRowDescription(message: {
    readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  }): void;
  handleDataRow(message: { readonly fields: Texts }): void;
  handleCommandComplete(): void;
  handleReadyForQuery(): void;
  handleError(cause: Error): void;
}

/** The connection on which a statement is prepared. */
export interface Place {
  /** Gives a statement to the client of pg. */
  readonly submit: (submitted: Submitted) => void;
  /** Takes the rows of the statement that is sent next, where pg need not read them (wire.ts). */
  readonly expect: (take: (rows: Texts[]) => void) => void;
  /** Reads the values of a type. */
  readonly readerOf: (type: number) => Reader;
}

type Reader = (text: string) => unknown;

/** The number of the type boolean in pg_type. */
export const BOOLEAN = 16;

/** Reads a boolean. pg takes anything odd for false, and smmap would take that for an absence. */
export function readBoolean(text: string): boolean {
  if (text === 't' || text === 'f') return text === 't';
  throw new StoreError(ODD_ROW);
}

const ODD_ROW = 'PostgreSQL returned a row that its statement cannot have';

/**
 * Prepares a statement, which must return rows. The server describes its columns once: if they change later, it fails
 * the statement. (pg itself asks for them each time.)
 */
export function createPrepared(name: string, text: string, { submit, expect, readerOf }: Place): Prepared {
  const begin = toBegin(name);
  let columns: readonly string[] | null = null;
  let readers: readonly Reader[] = [];
  let values: readonly string[] = [];
  let rows: Texts[] = [];
  let resolve: (result: Result) => void;
  let reject: (cause: Error) => void;

  const read = (value: string | null, at: number): unknown => (value === null ? null : (readers[at] as Reader)(value));
  const readRow = (row: Texts): readonly unknown[] => {
    if (row.length !== readers.length) throw new StoreError(ODD_ROW);
    return row.map(read);
  };
  const take = (found: Texts[]): void => {
    rows = found;
  };
  const submitted: Submitted = {
    submit({ stream }) {
      if (!stream.writable) return new Error('the connection ended');
      const run = toRun(begin, values);
      if (columns === null) {
        stream.write(Buffer.concat([toPrepare(name, text), run]));
      } else {
        expect(take);
        stream.write(run);
      }
      return null;
    },
    handleRowDescription({ fields }) {
      columns = fields.map((field) => field.name);
      readers = fields.map((field) => readerOf(field.dataTypeID));
    },
    handleDataRow: ({ fields }) => void rows.push(fields),
    handleCommandComplete() {},
    handleReadyForQuery() {
      try {
        resolve({ columns: columns ?? [], rows: rows.map(readRow) });
      } catch (cause) {
        reject(cause as Error); // a value that cannot be read
      }
    },
    handleError: (cause) => reject(cause),
  };
  return {
    run: (given) =>
      new Promise((resolved, rejected) => {
        values = given;
        rows = [];
        resolve = resolved;
        reject = rejected;
        submit(submitted);
      }),
  };
}
