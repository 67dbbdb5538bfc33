import { randomUUID } from 'node:crypto';
import { closeSync, fchmodSync, fchownSync, fstatSync, linkSync, openSync, rmSync, statSync, writeSync } from 'node:fs';

const BYTES = 65_536; // what lmdb maps: 64 for each of maxReaders, and two lines of mutexes
const WAIT_MS = 1_200; // a daemon looks once a second whether its lock file is still there

/** The file in which the processes that have a data file open tell each other of it. */
export function lockOf(file: string): string {
  return `${file}-lock`;
}

/**
 * Makes the lock file where there is none, with every byte on the disk: lmdb makes one of holes and maps it, and where the
 * disk is full, that ends the process with SIGBUS. It gets the owner and mode of the data file, so that the daemon can open
 * one that root made. Throws what the system says, such as ENOSPC.
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
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // else somebody was faster
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Which two files stand at the path of a data file: another text once one of them was removed or replaced. */
export function standingAt(file: string): string {
  return `${inodeOf(file)} ${inodeOf(lockOf(file))}`;
}

/**
 * Waits where the lock file is newer than the data file and younger than a second: it was removed, and a daemon that still
 * has the removed one open would not see what is written now. It looks once a second.
 */
export function awaitReaders(file: string): void {
  const [data, lock] = [birthOf(file), birthOf(lockOf(file))];
  if (data === 0 || lock - data < WAIT_MS) return; // 0: the file system does not say
  const waitMs = lock + WAIT_MS - Date.now();
  if (waitMs > 0 && waitMs <= WAIT_MS) pause(waitMs);
}

/** Stops this process for so long. */
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
