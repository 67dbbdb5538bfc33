import type { Writable } from 'node:stream';
import { toPrepare, toRun } from './messages.ts';

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
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void;
  handleCommandComplete(): void;
  handleReadyForQuery(): void;
  handleError(cause: Error): void;
}

type Reader = (text: string) => unknown;

/**
 * Prepares a statement, which must return rows. The server describes its columns once: if they change later, it fails
 * the statement. (pg itself asks for them each time.) `submit` gives it to the client, and `readerOf` reads the values
 * of a type.
 */
export function createPrepared(
  name: string,
  text: string,
  submit: (submitted: Submitted) => void,
  readerOf: (type: number) => Reader,
): Prepared {
  let columns: readonly string[] | null = null;
  let readers: readonly Reader[] = [];

  const execute = (values: readonly string[]): Promise<readonly (readonly (string | null)[])[]> =>
    new Promise((resolve, reject) => {
      const rows: (readonly (string | null)[])[] = [];
      submit({
        submit({ stream }) {
          if (!stream.writable) return new Error('the connection ended');
          const run = toRun(name, values);
          stream.write(columns === null ? Buffer.concat([toPrepare(name, text), run]) : run);
          return null;
        },
        handleRowDescription({ fields }) {
          columns = fields.map((field) => field.name);
          readers = fields.map((field) => readerOf(field.dataTypeID));
        },
        handleDataRow: ({ fields }) => void rows.push(fields),
        handleCommandComplete() {},
        handleReadyForQuery: () => resolve(rows),
        handleError: reject,
      });
    });

  return {
    async run(values) {
      const rows = await execute(values);
      const read = (value: string | null, at: number): unknown =>
        value === null ? null : (readers[at] as Reader)(value);
      return { columns: columns ?? [], rows: rows.map((row) => row.map(read)) };
    },
  };
}
