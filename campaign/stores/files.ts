import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRecords } from '../../src/store/driver/embedded/records.ts';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { freeOf } from '../../test/real/disk.ts';
import { openToWrite } from '../../test/support/sqlite.ts';
import { type Fault, type Faults, emptyFault } from '../target.ts';
import type { Open } from './open.ts';

const DISK_KILOBYTES = 4_096;
const RETRY_MS = 20;
const PATIENCE_MS = 30_000;

/** The embedded store. Where root runs the campaign, it is on a disk of its own, which can be full. */
export const openEmbedded: Open = async ({ folder, name }) => {
  const disk = join(folder, name);
  await mkdir(disk);
  const size = `size=${DISK_KILOBYTES}k`;
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk]).status === 0;
  const unmount = (): void => void spawnSync('umount', ['-l', disk]);
  if (mounted) process.on('exit', unmount);
  const store = join(disk, 'store');
  await createEmpty(store);
  return {
    name,
    cached: false,
    okMs: 0,
    restMs: [50, 500],
    lines: ['driver = "embedded"', `path = "${store}"`],
    async put(added, removed) {
      const records = openRecords(store, 'write');
      try {
        records.write((writer) => {
          for (const each of added) {
            writer.put({ about: 'mailbox', ...partsOf(each), state: 'active', value: '', folders: [] });
          }
          for (const each of removed) writer.remove({ about: 'mailbox', ...partsOf(each) });
          return true;
        });
      } finally {
        await records.close();
      }
    },
    faults: { ...awayFault(store), ...(mounted ? fullFault(disk) : {}) },
    async stop() {
      if (mounted) unmount();
      process.off('exit', unmount);
    },
  };
};

/** A list in a file, replaced by rename. While it changes, or is not whole, those of the last whole list are found. */
export const openFile: Open = async ({ folder, name }) => {
  const list = join(folder, `${name}.list`);
  const has = new Set<string>();
  const text = (): string => Array.from(has, (each) => `${each}\n`).join('');
  const write = async (): Promise<void> => {
    await writeFile(`${list}.new`, text());
    await rename(`${list}.new`, list);
  };
  const inPlace = (begin: () => void): Fault => ({
    holdMs: [500, 4_000],
    alone: true,
    async begin() {
      begin();
      return write;
    },
  });
  return {
    name,
    cached: false,
    okMs: 30_000, // each list is read within three seconds, if it is whole
    restMs: [4_000, 9_000],
    lines: ['driver = "file"', `mailboxes = "${list}"`],
    put(added, removed) {
      for (const each of added) has.add(each);
      for (const each of removed) has.delete(each);
      return write();
    },
    faults: {
      ...awayFault(list),
      ...emptyFault(() => writeFileSync(list, ''), write),
      half: inPlace(() =>
        writeFileSync(
          list,
          text()
            .slice(0, text().length / 2)
            .trimEnd(),
        ),
      ),
    },
    async stop() {},
  };
};

/** An SQLite file with a rollback journal: a writer locks out the readers. */
export const openSqlite: Open = async ({ folder, name }) => {
  const place = join(folder, name);
  await mkdir(place); // another file beside it would look like a journal
  const path = join(place, 'mail.db');
  let database = openToWrite(path);
  database.exec('create table mailboxes (address text primary key); pragma busy_timeout = 0');
  const transaction = (...statements: readonly string[]): void => {
    database.exec('begin immediate');
    try {
      for (const each of statements) database.exec(each);
      database.exec('commit');
    } catch (error) {
      database.exec('rollback');
      throw error;
    }
  };
  const away = awayFault(path)['away'] as Fault;
  return {
    name,
    cached: false,
    okMs: 0,
    restMs: [50, 500],
    lines: [
      'driver = "sqlite"',
      `path = "${path}"`,
      'mailbox = "select address from mailboxes where address = :address"',
    ],
    async put(added, removed) {
      transaction(
        ...added.map((each) => `insert or ignore into mailboxes values ('${each}')`),
        ...removed.map((each) => `delete from mailboxes where address = '${each}'`),
      );
    },
    faults: {
      away: {
        ...away,
        async begin(luck) {
          database.close();
          const end = await away.begin(luck);
          return async () => {
            await end();
            database = openToWrite(path);
            database.exec('pragma busy_timeout = 0');
          };
        },
      },
      lock: {
        holdMs: [100, 3_000],
        alone: true,
        async begin() {
          await patiently(() => database.exec('begin exclusive'));
          return () => database.exec('commit');
        },
      },
      ...emptyFault(
        () => patiently(() => transaction('create table saved as select * from mailboxes', 'delete from mailboxes')),
        () => patiently(() => transaction('insert into mailboxes select * from saved', 'drop table saved')),
      ),
    },
    async stop() {
      database.close();
    },
  };
};

/** Tries again while smmap reads: it may stand still meanwhile. */
async function patiently(work: () => void): Promise<void> {
  for (const lateMs = performance.now() + PATIENCE_MS; ; await sleep(RETRY_MS)) {
    try {
      return work();
    } catch (error) {
      if (performance.now() > lateMs) throw error;
    }
  }
}

function partsOf(address: string): { local: string; domain: string } {
  const [local = '', domain = ''] = address.split('@');
  return { local, domain };
}

/** The file or folder is gone, or renamed, and comes back. */
function awayFault(path: string): Faults {
  return {
    away: {
      holdMs: [100, 3_000],
      alone: true,
      async begin() {
        await rename(path, `${path}.away`);
        return () => rename(`${path}.away`, path);
      },
    },
  };
}

/** The disk is full: whoever writes fails. */
function fullFault(disk: string): Faults {
  const ballast = join(disk, 'ballast');
  return {
    full: {
      holdMs: [500, 3_000],
      async begin() {
        for (let bytes = freeOf(disk); bytes > 0 && !existsSync(ballast); bytes = Math.floor(bytes * 0.9)) {
          try {
            writeFileSync(ballast, Buffer.alloc(bytes));
          } catch {
            // a writer was faster: what fits is in it
          }
        }
        return () => rm(ballast, { force: true });
      },
    },
  };
}
