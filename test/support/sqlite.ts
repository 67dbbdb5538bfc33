import { createRequire, isBuiltin } from 'node:module';

/** A file of SQLite that a test fills, by the library that the driver reads it with on this Node. */
export interface Writer {
  exec(text: string): void;
  run(text: string, ...values: readonly (string | number)[]): void;
  rows(text: string, ...values: readonly (string | number)[]): readonly unknown[];
  close(): void;
}

interface Database extends Pick<Writer, 'exec' | 'close'> {
  prepare(text: string): {
    run(...values: readonly (string | number)[]): unknown;
    all(...values: readonly (string | number)[]): readonly unknown[];
  };
}

const require = createRequire(import.meta.url);
const own = isBuiltin('node:sqlite');
const Library = (
  own ? (require('node:sqlite') as Record<string, unknown>)['DatabaseSync'] : require('better-sqlite3')
) as {
  new (path: string): Database;
};

export function openToWrite(path: string): Writer {
  const database = new Library(path);
  return {
    exec: (text) => database.exec(text),
    run: (text, ...values) => void database.prepare(text).run(...values),
    rows: (text, ...values) => database.prepare(text).all(...values),
    close: () => database.close(),
  };
}
