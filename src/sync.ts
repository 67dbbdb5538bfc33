import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes a new name in a folder survive a power failure. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
