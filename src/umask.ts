/**
 * Runs `act` with another umask, until it returns. So a file has its mode from the moment it is made. To change the mode by
 * name afterwards could change another file that the owner of the folder put there.
 */
export function withUmask<T>(umask: number, act: () => T): T {
  const before = process.umask(umask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}
