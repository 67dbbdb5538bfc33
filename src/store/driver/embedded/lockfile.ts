import { randomUUID } from 'node:crypto';
import { closeSync, fchmodSync, fchownSync, fstatSync, linkSync, openSync, rmSync, statSync, writeSync } from 'node:fs';

const BYTES = 65_536; // what lmdb maps: 64 bytes for each of maxReaders, and two lines for mutexes
const WAIT_MS = 1_200; // a daemon checks once a second whether its lock file still exists

/** The lock file of a data file. In it, the processes that have the data file open see each other. */
export function lockOf(file: string): string {
  return `${file}-lock`;
}

/**
 * Makes the lock file if there is none, with every byte on the disk. lmdb would make a sparse file and map it; on a
 * full disk, that ends the process with SIGBUS. The lock file gets the owner and the mode of the data file, so the
 * daemon can open one that root made. Throws the error of the system, such as ENOSPC.
 */
export function makeLockFile(file: string): void {
  const lock = lockOf(file);
  if (statSync(lock, { throwIfNoEntry: false }) !== undefined) return;
  const data = statSync(file, { throwIfNoEntry: false });
  const beside = `${lock}.${randomUUID()}`;
  const fd = openSync(beside, 'wx', 0o640);
  try {
    try {
      for (let rest = BYTES; rest > 0;) rest -= writeSync(fd, Buffer.alloc(rest));
      fchmodSync(fd, data === undefined ? 0o640 : data.mode & 0o777);
      if (data !== undefined && data.uid !== fstatSync(fd).uid) fchownSync(fd, data.uid, data.gid);
    } finally {
      closeSync(fd);
    }
    linkSync(beside, lock);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // EEXIST: another process was faster
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Which files are the data file and its lock file now. The text changes if one of them is removed or replaced. */
export function inodesAt(file: string): string {
  return `${inodeOf(file)} ${inodeOf(lockOf(file))}`;
}

/**
 * Waits if the lock file is newer than the data file and about a second old at most. Then the old lock file was
 * removed, and a daemon that still has it open would not see what is written now. The daemon checks once a second.
 */
export function awaitReaders(file: string): void {
  const [data, lock] = [birthOf(file), birthOf(lockOf(file))];
  if (data === 0 || lock - data < WAIT_MS) return; // 0: the file system does not record it
  const waitMs = lock + WAIT_MS - Date.now();
  if (waitMs > 0 && waitMs <= WAIT_MS) pause(waitMs);
}

/** Blocks this process for so long. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function inodeOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 'none' : `${stats.dev}:${stats.ino}`;
}

function birthOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.birthtimeMs ?? 0;
}
