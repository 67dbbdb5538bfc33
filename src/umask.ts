/**
 * Runs `act` under another umask of this process, for as long as it runs before it returns. So a file has its mode from
 * when it is made: to change it by name afterwards could change another file, which the owner of the folder put there.
 */
export function withUmask<T>(umask: number, act: () => T): T {
  const before = process.umask(umask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}
