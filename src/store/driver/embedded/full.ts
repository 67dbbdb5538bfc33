import { constants } from 'node:os';

/** In words, that a file cannot grow. Null if an error means something else. The number is that of Node or of lmdb. */
export function reasonFull(error: unknown): string | null {
  const { errno, code } = Object(error) as { readonly errno?: unknown; readonly code?: unknown };
  switch (Math.abs(Number(errno ?? code))) {
    case constants.errno.ENOSPC:
      return 'no space left on device; nothing was changed';
    case constants.errno.EDQUOT:
      return 'the disk quota is used up; nothing was changed';
    case constants.errno.EFBIG:
      return 'the file has its largest size (ulimit -f); nothing was changed';
    default:
      return null;
  }
}
