import { lchownSync, lstatSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/**
 * Gives files and folders to the owner of the folder that they are in, if we are root: the daemon runs as that owner, and could
 * not open them otherwise. Does nothing for another user. Leaves files with several names: the owner of the folder may have
 * linked them to a file of somebody else. The owner may also put a link in the place of a file; then the link is given away.
 */
export function giveToFolderOwner(files: readonly string[]): void {
  if (userInfo().uid !== 0) return;
  for (const file of files) {
    const folder = lstatSync(dirname(file), { throwIfNoEntry: false });
    const has = lstatSync(file, { throwIfNoEntry: false });
    if (folder === undefined || has === undefined || (has.isFile() && has.nlink > 1)) continue;
    if (has.uid !== folder.uid) lchownSync(file, folder.uid, folder.gid);
  }
}
