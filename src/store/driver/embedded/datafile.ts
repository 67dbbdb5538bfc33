import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../../../message.ts';
import { StoreError } from '../../store.ts';
import { lockOf } from './lockfile.ts';

/**
 * Checks an LMDB data file and its lock file before lmdb opens them. lmdb 3.5 ends the process with SIGSEGV if the file
 * is not one of LMDB, or if its lock file cannot be opened; and with SIGBUS if the file was truncated and a page lies
 * behind its end. The layout is that of lmdb.h and mdb.c: two meta pages, then the pages of two trees (free pages, and
 * ours).
 */
const META = {
  bytes: 168,
  flags: 18, // of the page
  magic: 24,
  version: 28,
  pageSize: 48,
  trees: 48, // two, of 48 bytes each
  lastPage: 144,
  transaction: 152,
} as const;
const TREE = { bytes: 48, depth: 6, root: 40 } as const;
const PAGE = { flags: 18, lower: 20, entries: 24 } as const;

const BRANCH_FLAG = 1;
const LEAF_FLAG = 2;
const META_FLAG = 8;
const GROWTH = { bytes: 1_048_576, chunk: 65_536 } as const; // a write that fails needed about as much
const MAGIC = 0xbe_ef_c0_de;
const VERSION = 2;
const EMPTY_TREE = 0xff_ff_ff_ff_ff_ff_ff_ffn;

/** The data file of the store in a folder. */
export function fileOf(dir: string): string {
  return join(dir, 'smmap.mdb');
}

/** Whether there is a store in a folder. Throws StoreError if this user may not look into the folder. */
export function hasStore(dir: string): boolean {
  try {
    return statSync(fileOf(dir), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return false;
    throw new StoreError(`${dir} cannot be read: ${message}; run this as root, or as the user of the store`);
  }
}

/**
 * Throws StoreError if there is no store in a folder. Only an administrator knows whether there was one: its disk may
 * not be mounted, and with a new store in its place everybody else would be absent.
 */
export function requireStore(dir: string): void {
  if (hasStore(dir)) return;
  throw new StoreError(
    `there is no store in ${dir}; bring it back (is its disk mounted?), or make a new one: smmap store create --store ${dir}`,
  );
}

/** Why there is no store in a folder that we can open. Null if there is one. */
export function lackOf(dir: string): string | null {
  try {
    return hasStore(dir) ? null : `there is no store in ${dir}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Throws StoreError if the process would end when lmdb opens the file, to read or to write. */
export function checkDataFile(file: string): void {
  const lock = lockOf(file);
  readFile(file, (fd, meta, pageSize) => {
    const pages = Math.floor(fstatSync(fd).size / pageSize);
    // A sound file may end before its last page, if that page was freed before it was ever written.
    if (lastPageOf(meta) >= pages) checkTrees(fd, meta, pageSize, pages, false);
  });
  if (statSync(lock, { throwIfNoEntry: false }) === undefined) {
    accessSync(dirname(file), constants.W_OK);
  } else {
    accessSync(lock, constants.R_OK | constants.W_OK);
  }
}

/**
 * Checks every page of both trees. Throws StoreError if one is not what it should be. A change by a writer at the same
 * time may look like damage, so it checks three times.
 */
export function checkPages(file: string): void {
  for (let trials = 3; ; trials--) {
    try {
      return readFile(file, (fd, meta, pageSize) =>
        checkTrees(fd, meta, pageSize, Math.floor(fstatSync(fd).size / pageSize), true),
      );
    } catch (error) {
      if (trials === 1) throw error;
    }
  }
}

/**
 * Cuts off what a failed transaction has written behind the last page. Otherwise a full disk would stay full. Only the
 * holder of the writer's lock may call this: then nobody else writes there, and nobody reads there.
 */
export function cutDataFile(file: string): void {
  const used = readFile(file, (_, meta, pageSize) => (lastPageOf(meta) + 1) * pageSize);
  if (statSync(file).size > used) truncateSync(file, used);
}

/**
 * Writes behind the end of the file, and returns the error of the system; null if that works. Only the holder of the
 * writer's lock may call this, and must cut the file afterwards.
 */
export function errorOfGrowth(file: string): unknown {
  const fd = openSync(file, 'r+');
  try {
    const end = fstatSync(fd).size;
    const chunk = Buffer.alloc(GROWTH.chunk);
    for (let bytes = 0; bytes < GROWTH.bytes;) bytes += writeSync(fd, chunk, 0, chunk.length, end + bytes);
    return null;
  } catch (error) {
    return error;
  } finally {
    closeSync(fd);
  }
}

function readFile<T>(file: string, read: (fd: number, meta: Buffer, pageSize: number) => T): T {
  const fd = openSync(file, 'r');
  try {
    const meta = readMeta(fd);
    return read(fd, meta, meta.readUInt32LE(META.pageSize));
  } finally {
    closeSync(fd);
  }
}

function lastPageOf(meta: Buffer): number {
  return Number(meta.readBigUInt64LE(META.lastPage));
}

/** The number of the last transaction that has reached the file, whatever the lock file says. */
export function lastTransactionIn(file: string): number {
  return readFile(file, (_, meta) => Number(meta.readBigUInt64LE(META.transaction)));
}

/** The newer of the two meta pages. */
function readMeta(fd: number): Buffer {
  const first = readAt(fd, 0, META.bytes);
  const valid = (meta: Buffer): boolean =>
    meta.length === META.bytes &&
    (meta.readUInt16LE(META.flags) & META_FLAG) !== 0 &&
    meta.readUInt32LE(META.magic) === MAGIC &&
    (meta.readUInt32LE(META.version) & 0xff_ff) === VERSION;
  if (!valid(first)) throw new StoreError('it is not a store, or it was damaged');
  const second = readAt(fd, first.readUInt32LE(META.pageSize), META.bytes);
  if (!valid(second)) throw new StoreError('it was truncated or damaged');
  const order = first.readBigUInt64LE(META.transaction) - second.readBigUInt64LE(META.transaction);
  return order > 0n ? first : second;
}

/** Follows the branch pages of both trees. Each page must lie within the file; with `leaves`, the last are leaves. */
function checkTrees(fd: number, meta: Buffer, pageSize: number, pages: number, leaves: boolean): void {
  const visit = (number: number, levels: number): void => {
    if (number >= pages) throw new StoreError('it was truncated');
    if (levels <= 1 && !leaves) return;
    const page = readAt(fd, number * pageSize, pageSize);
    const wanted = levels <= 1 ? LEAF_FLAG : BRANCH_FLAG;
    if ((page.readUInt16LE(PAGE.flags) & wanted) === 0) throw new StoreError('it was damaged');
    if (levels <= 1) return;
    const entries = page.readUInt16LE(PAGE.lower) / 2;
    for (let entry = 0; entry < entries; entry++) {
      const at = PAGE.entries + page.readUInt16LE(PAGE.entries + entry * 2);
      visit(page.readUIntLE(at, 6), levels - 1);
    }
  };
  for (const tree of [META.trees, META.trees + TREE.bytes]) {
    const root = meta.readBigUInt64LE(tree + TREE.root);
    if (root !== EMPTY_TREE) visit(Number(root), meta.readUInt16LE(tree + TREE.depth));
  }
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, position));
}
