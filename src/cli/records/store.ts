import { existsSync, realpathSync } from 'node:fs';
import { NOUNS } from '../../record/record.ts';
import { type Counts, countNameOf } from '../../store/driver/embedded/count.ts';
import { fileOf } from '../../store/driver/embedded/datafile.ts';
import { FORMAT } from '../../store/driver/embedded/format.ts';
import { lockOf } from '../../store/driver/embedded/lockfile.ts';
import { createEmpty, openWhole, replaceWhole, upgradeWhole, verifyWhole } from '../../store/driver/embedded/whole.ts';
import { StoreError } from '../../store/store.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { asCliError, patienceOf } from './access.ts';
import { backupLines, readBackup } from './backup.ts';
import { writeOutput } from './output.ts';
import { print } from './print.ts';
import { createProgress, type Progress } from './progress.ts';
import { openSource, type Source } from './source.ts';

const PROGRESS_ENTRIES = 10_000;
const BEYOND_USE = /truncated|damaged|is no(?:t a)? store/; // the words of datafile.ts
const BACKUP_MODE = 0o600; // it has the addresses of all users

/** Makes an empty store. Throws CliError, also if there is one: a script that makes it each day would hide that it is away. */
export async function create(dir: string): Promise<void> {
  const isNew = await asCliError(() => createEmpty(dir));
  if (!isNew) throw new CliError(EXIT.CANNOT_CREATE, `${dir}: has a store already; nothing was changed`);
  warn(`made an empty store in ${dir}; until something is added, the daemon answers TEMP`);
}

/** Writes a whole store to a file, or to standard output for `-`. Throws CliError. */
export async function backup(file: string, dir: string): Promise<void> {
  refuseOwnFile(file, dir);
  await asCliError(async () => {
    const store = openWhole(dir);
    const progress = createProgress(store.size, 'entries');
    try {
      const lines = backupLines(store, new Date(), (done) => {
        if (done % PROGRESS_ENTRIES === 0) progress.show(done, done);
      });
      if (file === '-') await print(lines);
      else writeOutput(file, lines, BACKUP_MODE);
    } finally {
      progress.clear();
      await store.close();
    }
  });
}

/** Replaces a store with a backup. If that fails, nothing changes. Throws CliError. */
export async function restore(file: string, force: boolean, dir: string, waitMs: number): Promise<void> {
  const restored = await withBackup(file, 'restored', async (source, progress) => {
    let held: Counts | null = null;
    const entries = readBackup(source.fd, source.name, progress);
    const mayReplace = (old: Counts): boolean => {
      held = old;
      return force;
    };
    const counts = await replaceWhole(dir, entries, mayReplace, patienceOf(waitMs)).catch((error: unknown) => {
      if (!(error instanceof StoreError) || !BEYOND_USE.test(error.message)) throw error;
      throw new CliError(
        EXIT.IO,
        `${error.message}. Move it away, and restore again:\n    mv ${fileOf(dir)} ${fileOf(dir)}.damaged`,
      );
    });
    if (counts === null) {
      throw new CliError(
        EXIT.CANNOT_CREATE,
        `${dir}: has a store already (${listCounts(held ?? new Map())}); to replace all of it, give --force`,
      );
    }
    return counts;
  });
  warn(`restored ${listCounts(restored)}`);
}

/** Checks a backup. Throws CliError if it has errors. */
export async function verifyBackup(file: string): Promise<number> {
  const said = await withBackup(file, 'read', (source, progress) => {
    let entries = 0;
    for (const _ of readBackup(source.fd, source.name, progress)) entries++;
    return `${source.name}: no errors (${entries} entries)\n`;
  });
  process.stdout.write(said);
  return 0;
}

/** Checks a whole store. Resolves to 65 if it has errors. Throws CliError. */
export async function verify(dir: string): Promise<number> {
  return asCliError(async () => {
    const { flaws, counts } = await verifyWhole(dir);
    for (const flaw of flaws) warn(`${dir}: ${flaw}`);
    if (flaws.length === 0) process.stdout.write(`${dir}: no errors (${listCounts(counts)})\n`);
    return flaws.length === 0 ? 0 : EXIT.DATA;
  });
}

/** Converts a store to the format of this smmap. Throws CliError. */
export async function upgrade(dir: string, waitMs: number): Promise<void> {
  const old = await asCliError(() => upgradeWhole(dir, patienceOf(waitMs)));
  warn(old === FORMAT ? `${dir}: has format ${FORMAT} already` : `${dir}: converted from format ${old} to ${FORMAT}`);
}

async function withBackup<T>(
  file: string,
  noun: string,
  work: (source: Source, passed: (bytes: number) => void) => Promise<T> | T,
): Promise<T> {
  const source = openSource(file);
  const progress: Progress = createProgress(source.size, `bytes ${noun}`);
  let shown = 0;
  try {
    return await asCliError(async () =>
      work(source, (bytes) => {
        if (bytes - shown < 1_000_000) return;
        shown = bytes;
        progress.show(bytes, bytes);
      }),
    );
  } finally {
    progress.clear();
    source.close();
  }
}

/** A backup must not replace the files of the store itself. */
function refuseOwnFile(file: string, dir: string): void {
  if (!existsSync(file)) return;
  const data = fileOf(dir);
  const own = [data, lockOf(data)].filter((each) => existsSync(each)).map((each) => realpathSync(each));
  if (own.includes(realpathSync(file)))
    throw new CliError(EXIT.USAGE, `${file}: is the store itself; name another file`);
}

function listCounts(counts: Counts): string {
  const of = (count: number, [one, several]: readonly [string, string]): string =>
    `${count} ${count === 1 ? one : several}`;
  const parts = (['mailbox', 'alias', 'domain'] as const).map((about) =>
    of(counts.get(countNameOf(about, '')) ?? 0, NOUNS[about]),
  );
  const tables = [...counts].filter(([name, count]) => name.startsWith('key ') && count > 0);
  const keys = tables.reduce((sum, [, count]) => sum + count, 0);
  return [...parts, `${of(keys, NOUNS.key)} in ${of(tables.length, ['table', 'tables'])}`].join(', ');
}
