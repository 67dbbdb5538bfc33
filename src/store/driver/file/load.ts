import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Format, FORMATS } from '../../../format/formats.ts';
import { linesOf, ListError } from '../../../format/lines.ts';
import { foreign, plain, saying } from '../../../message.ts';
import { nameOf } from '../../../record/record.ts';
import type { About } from '../../../vocabulary.ts';
import { createHeld, type Held } from '../../held.ts';
import { StoreError } from '../../store.ts';
import { createSlices } from './slices.ts';

/** A list of records in a file. */
export interface FileList {
  readonly about: About;
  /** "" for a list that is not a table. */
  readonly table: string;
  readonly path: string;
  readonly format: string;
  /** The domain of names that have none in the list. */
  readonly domain: string | null;
}

/** What distinguishes the content of files from any other content that they had or will have. */
export interface Version {
  readonly text: string;
  /** When the youngest of them changed, by the clock of the machine that has them. */
  readonly changedMs: number;
}

/** Records that were read from files. */
export interface Loaded {
  readonly held: Held;
  readonly version: Version;
  /** Why the lists are not whole, or null. */
  readonly flaw: StoreError | null;
}

const LINE_FEED = 0x0a;
const OPTION = 'give --default-domain'; // what a command would take

/** The version of these files now. Each is opened, because NFS looks at its server then. Rejects if one cannot be read. */
export async function versionOf(lists: readonly FileList[]): Promise<Version> {
  const versions: Version[] = [];
  for (const { path } of lists) versions.push(await withFile(path, (file) => versionIn(file, path)));
  return joined(versions);
}

/** Reads the lists. Rejects if a file cannot be read, or was written meanwhile. */
export async function loadLists(lists: readonly FileList[]): Promise<Loaded> {
  const held = createHeld();
  const versions: Version[] = [];
  let flaw: StoreError | null = null;
  for (const list of lists) {
    const { version, content } = await withFile(list.path, async (file) => {
      const before = await versionIn(file, list.path);
      return { version: before, content: await file.readFile() };
    });
    versions.push(version);
    const found = await fill(held, list, content);
    flaw ??= found;
  }
  const version = joined(versions);
  if ((await versionOf(lists)).text !== version.text) throw new WrittenError();
  return { held, version, flaw };
}

/** A file was written while it was read. */
export class WrittenError extends StoreError {
  override name = 'WrittenError';

  constructor() {
    super('a list was written while it was read');
  }
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a FIFO would block
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError(saying`${plain(path)} cannot be read: ${plain((cause as Error).message)}`, { cause });
  }
}

async function versionIn(file: FileHandle, path: string): Promise<Version> {
  const stat = await file.stat({ bigint: true });
  if (!stat.isFile()) throw new StoreError(saying`${plain(path)} is not a regular file`);
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = stat;
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(' '), changedMs: Number(ctimeMs) };
}

function joined(versions: readonly Version[]): Version {
  return {
    text: versions.map(({ text }) => text).join(', '),
    changedMs: Math.max(...versions.map(({ changedMs }) => changedMs)),
  };
}

/** Adds the records of a list. Resolves to why the list is not whole, or null. */
async function fill(held: Held, list: FileList, content: Buffer): Promise<StoreError | null> {
  const { about, path, format, domain, table } = list;
  const read = (FORMATS[about] as Readonly<Record<string, Format>>)[format] as Format;
  const flawAt = (at: string, flaw: string): StoreError =>
    new StoreError(
      saying`${plain(path + at)} is not a line of this list: ${foreign(flaw.replace(OPTION, 'give the list its domain'))}`,
    );
  if (content.length > 0 && content.at(-1) !== LINE_FEED) {
    const text = saying`${plain(path)}: its last line has no line feed: was it cut off?; if it is complete, end that line`;
    return new StoreError(text);
  }
  let flaw: StoreError | null = null;
  let records = 0;
  const listed = about === 'domain' ? createHeld() : held; // a list of aliases may have the domain in another class
  const slices = createSlices();
  try {
    for (const { at, found } of read.reader(domain, table)(linesOf([content]), path)) {
      if ('flaw' in found) {
        flaw ??= flawAt(at, found.flaw);
      } else if (!('leftOut' in found)) {
        records++;
        // A mail server takes the first of two such lines, and here the last one counts.
        if (!listed.add(found)) flaw ??= flawAt(at, `${JSON.stringify(nameOf(found))} is in the list twice`);
        if (listed !== held) held.add(found);
      }
      if (slices.isOver()) await slices.next();
    }
  } catch (cause) {
    if (!(cause instanceof ListError)) throw cause;
    const message = cause.message.startsWith(path) ? cause.message.slice(path.length + 1) : cause.message;
    flaw = new StoreError(saying`${plain(path)} is not a list: ${foreign(message)}`, { cause });
  }
  if (flaw !== null || records > 0) return flaw;
  return new StoreError(saying`${plain(path)} has no record; fill it, or remove its key`);
}
