import { fstatSync, readFileSync } from 'node:fs';

/**
 * The path of a Unix socket that systemd passed to us. Node does not tell it, so we look for its inode in the kernel's list.
 * Null if it has no path there, for example because it is a TCP socket or was made in another network namespace.
 */
export function pathOfInherited(fd: number): string | null {
  const inode = String(fstatSync(fd, { bigint: true }).ino);
  for (const line of readFileSync('/proc/self/net/unix', 'utf8').split('\n')) {
    const [, , , , , , its, path = ''] = line.split(/ +/);
    if (its === inode && path.startsWith('/')) return line.slice(line.indexOf(path));
  }
  return null;
}
