// Disks that are full.

import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { makeFolder } from './daemon.ts';

/** A folder that holds so much; null where this may not be mounted. */
export async function smallDisk(kilobytes: number): Promise<string | null> {
  const disk = await makeFolder();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', disk]);
  if (status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', ['-l', disk]));
  return disk;
}

/** How many bytes can be written to it. */
export function freeOf(disk: string): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}
