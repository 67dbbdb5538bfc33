import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { userInfo } from 'node:os';

/** Why no folder can be made to hang here, or null. */
export const cannotHang: string | null =
  userInfo().uid !== 0
    ? 'only root can mount a file system that hangs'
    : existsSync('/dev/fuse')
      ? null
      : 'there is no /dev/fuse for a file system that hangs';

/**
 * Makes a folder hang as a file server does that is not reached: a FUSE file system that never answers is mounted over
 * it. Returns a function that ends this.
 */
export function hang(folder: string): () => void {
  const fd = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const mount = spawnSync('mount', ['-t', 'fuse', '-o', options, 'none', folder], { stdio: ['ignore', 1, 2, fd] });
  if (mount.status !== 0) throw new Error(`mount ended with ${mount.status}`);
  return () => {
    spawnSync('umount', ['-l', folder]);
    closeSync(fd); // what was asked fails now
  };
}
