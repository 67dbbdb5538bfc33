import { decode } from '../../layout.ts';
import { StoreError } from '../../store.ts';
import { createAppend } from './append.ts';
import { type Counts, aboutOf, readCounts, tally } from './count.ts';
import { checkPages, fileOf, hasStore } from './datafile.ts';
import { type Entry, derive, derivedFrom, isDerived, isEntry } from './derived.ts';
import { FORMAT, FORMAT_KEY } from './format.ts';
import { PATIENT } from './holder.ts';
import { type Db, makeFile, openToRead, openToWrite, transact } from './lmdb.ts';

/** A whole store, for backups. */
export interface Whole {
  readonly format: string;
  /** Roughly how many entries there are, to show the progress. */
  readonly size: number;
  /** All entries in order, as they were when the reading began, however long it takes. */
  entries(): Iterable<Entry>;
  close(): Promise<void>;
}

/** Opens a store that exists. Throws StoreError. */
export function openWhole(dir: string): Whole {
  const { db } = openToRead(dir);
  return {
    format: db.get(FORMAT_KEY) as string,
    size: (db.getStats() as { entryCount: number }).entryCount,
    *entries() {
      for (const { key, value } of db.getRange({})) if (isEntry(key)) yield { key, text: value };
    },
    close: () => db.close(),
  };
}

/** Makes an empty store. Returns false if there is one. Throws StoreError. */
export async function createEmpty(dir: string): Promise<boolean> {
  if (hasStore(dir)) return false;
  await makeFile(dir, (db) => {
    db.putSync(FORMAT_KEY, FORMAT);
  });
  return true;
}

/**
 * Makes a store of exactly these entries, or nothing at all. An existing store is replaced, unless `mayReplace` says
 * no to its counts, or `entries` throws. Returns how many records there are now, or null if `mayReplace` said no.
 */
export async function replaceWhole(
  dir: string,
  entries: Iterable<Entry>,
  mayReplace: (counts: Counts) => boolean,
  patience = PATIENT,
): Promise<Counts | null> {
  let counts: Counts | null = null;
  const putAll = (db: Db): void => {
    const append = createAppend(db);
    for (const { key, text } of entries) append(key, text);
    db.putSync(FORMAT_KEY, FORMAT);
    derive(db);
    counts = readCounts(db);
  };
  if (!hasStore(dir)) {
    await makeFile(dir, putAll);
    return counts;
  }
  const opened = openToWrite(dir, patience, 'upgrade');
  const { db } = opened;
  try {
    transact(opened, () => {
      if (holdsEntry(db) && !mayReplace(tally(db.getKeys({})))) return false;
      db.clearSync();
      putAll(db);
      return true;
    });
    return counts;
  } finally {
    await db.close();
  }
}

function holdsEntry(db: Db): boolean {
  for (const key of db.getKeys({})) if (isEntry(key)) return true;
  return false;
}

/**
 * Converts a store that exists to the format of this smmap, and corrects what follows from its records. Returns the
 * format that it had. Throws StoreError.
 */
export async function upgradeWhole(dir: string, patience = PATIENT): Promise<string> {
  const opened = openToWrite(dir, patience, 'upgrade');
  const { db } = opened;
  try {
    const format = db.get(FORMAT_KEY) as string;
    transact(opened, () => {
      db.putSync(FORMAT_KEY, FORMAT);
      derive(db);
      return true;
    });
    return format;
  } finally {
    await db.close();
  }
}

/** What is wrong with an entry, or null. */
export function flawOfEntry({ key, text }: Entry): string | null {
  const about = aboutOf(key);
  if (about === null) return isEntry(key) ? null : `${JSON.stringify(key)}: is not a key that this smmap knows`;
  try {
    decode(about, key, text);
    return null;
  } catch (error) {
    return `${JSON.stringify(key)}: ${(error as Error).message}`;
  }
}

/** Reads a whole store. Returns each flaw with its remedy, and how many records there are. Throws StoreError. */
export async function verifyWhole(
  dir: string,
): Promise<{ readonly flaws: readonly string[]; readonly counts: Counts }> {
  const { db } = openToRead(dir);
  try {
    readPages(fileOf(dir));
    const flaws: string[] = [];
    const texts = new Map<string, string>(); // of everything that is not a record
    const keys: string[] = [];
    for (const { key, value } of db.getRange({})) {
      keys.push(key);
      if (aboutOf(key) === null) texts.set(key, value);
      const flaw = isEntry(key) ? flawOfEntry({ key, text: value }) : null;
      if (flaw !== null) flaws.push(`${flaw}; restore a backup`);
    }
    const derived = derivedFrom(keys);
    const hasCounts = texts.get(FORMAT_KEY) === FORMAT;
    for (const [key, text] of derived) {
      if (key.startsWith('!count ') && !hasCounts) continue;
      if (texts.get(key) !== text)
        flaws.push(`${JSON.stringify(key)}: does not match the records; run smmap store upgrade`);
    }
    for (const [key, text] of texts) {
      if (!isDerived(key) || derived.has(key) || text === '0') continue;
      flaws.push(`${JSON.stringify(key)}: has no record; run smmap store upgrade`);
    }
    return { flaws, counts: tally(keys) };
  } finally {
    await db.close();
  }
}

function readPages(file: string): void {
  try {
    checkPages(file);
  } catch (error) {
    throw new StoreError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
