import { fstatSync, readFileSync } from 'node:fs';

/**
 * The path of a Unix socket that systemd passed in, which Node does not tell: the kernel's list has it, by its inode. null
 * where there is none, such as for a TCP socket, or one that was made in another network namespace.
 */
export function pathOfInherited(fd: number): string | null {
  const inode = String(fstatSync(fd, { bigint: true }).ino);
  for (const line of readFileSync('/proc/self/net/unix', 'utf8').split('\n')) {
    const [, , , , , , its, path = ''] = line.split(/ +/);
    if (its === inode && path.startsWith('/')) return line.slice(line.indexOf(path));
  }
  return null;
}
