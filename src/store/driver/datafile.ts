import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreError } from '../store.ts';

/**
 * Looks at an LMDB data file and its lock file before lmdb opens them, since lmdb 3.5 ends the process with SIGSEGV on a
 * file that is none or whose lock file is out of reach, and with SIGBUS where a page lies behind the end of a truncated one.
 * The layout is that of lmdb.h and mdb.c: two meta pages, then the pages of two trees (free pages, and ours).
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
const META_FLAG = 8;
const MAGIC = 0xbe_ef_c0_de;
const VERSION = 2;
const EMPTY_TREE = 0xff_ff_ff_ff_ff_ff_ff_ffn;

/** Throws StoreError where opening the file for reading, or for writing too, would end the process. */
export function checkDataFile(file: string): void {
  const lock = `${file}-lock`;
  const fd = openSync(file, 'r');
  try {
    const meta = readMeta(fd);
    const pageSize = meta.readUInt32LE(META.pageSize);
    const pages = Math.floor(fstatSync(fd).size / pageSize);
    // A sound file may end before its last page number, where that page was freed before it was ever written.
    if (Number(meta.readBigUInt64LE(META.lastPage)) >= pages) checkTrees(fd, meta, pageSize, pages);
  } finally {
    closeSync(fd);
  }
  if (statSync(lock, { throwIfNoEntry: false }) === undefined) {
    accessSync(dirname(file), constants.W_OK);
  } else {
    accessSync(lock, constants.R_OK | constants.W_OK);
  }
}

/** The newer of the two meta pages. */
function readMeta(fd: number): Buffer {
  const first = readAt(fd, 0, META.bytes);
  const valid = (meta: Buffer): boolean =>
    meta.length === META.bytes &&
    (meta.readUInt16LE(META.flags) & META_FLAG) !== 0 &&
    meta.readUInt32LE(META.magic) === MAGIC &&
    (meta.readUInt32LE(META.version) & 0xff_ff) === VERSION;
  if (!valid(first)) throw new StoreError('it is no store, or was damaged');
  const second = readAt(fd, first.readUInt32LE(META.pageSize), META.bytes);
  if (!valid(second)) throw new StoreError('it was truncated or damaged');
  const order = first.readBigUInt64LE(META.transaction) - second.readBigUInt64LE(META.transaction);
  return order > 0n ? first : second;
}

/** Follows the branch pages of both trees; a page that they lead to has to lie within the file. */
function checkTrees(fd: number, meta: Buffer, pageSize: number, pages: number): void {
  const visit = (number: number, levels: number): void => {
    if (number >= pages) throw new StoreError('it was truncated');
    if (levels <= 1) return;
    const page = readAt(fd, number * pageSize, pageSize);
    if ((page.readUInt16LE(PAGE.flags) & BRANCH_FLAG) === 0) throw new StoreError('it was damaged');
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
