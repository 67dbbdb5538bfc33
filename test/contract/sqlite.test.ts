import { renameSync } from 'node:fs';
import { describe } from 'vitest';
import { sqliteOpener } from '../../src/store/driver/sqlite/driver.ts';
import { temporaryFolders } from '../support/folder.ts';
import { DEFINITIONS, queriesFor, rowsOf } from '../support/sql.ts';
import { openToWrite } from '../support/sqlite.ts';
import { describeStore } from './suite.ts';

const folder = temporaryFolders();

describe.each(['delete', 'wal'])('with the journal mode %s', (mode) => {
  let last = '';
  describeStore('SQLite', {
    async open(records) {
      last = `${folder()}/mail.db`;
      const db = openToWrite(last);
      db.exec(`pragma journal_mode = ${mode}; pragma synchronous = off`);
      for (const definition of DEFINITIONS) db.exec(definition);
      for (const [table, row] of rowsOf(records)) {
        db.run(`insert into ${table} values (${row.map(() => '?').join(', ')})`, ...row);
      }
      db.close();
      return (await sqliteOpener({ path: last, queries: queriesFor('sqlite') }))();
    },
    breaks() {
      renameSync(last, `${last}.gone`);
    },
    hangs: { cannot: 'its file is read by this process, so a disk that hangs would stop the test too' },
    lacks: { unwrittenTables: 'one SQL table may hold all tables, so an empty one is normal' },
  });
});
