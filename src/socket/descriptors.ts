import { closeSync, openSync, readFileSync } from 'node:fs';

const WATCH_MS = 100;
const SAY_MS = 10_000;

/** How many files and sockets this process may have open (`ulimit -n`), which Node has raised to the hard limit; null where nobody tells. */
export function descriptorLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null; // not Linux
  }
}

/**
 * Tells when no descriptor is left, and every ten seconds while that lasts. libuv then accepts all who wait, by a descriptor
 * that it keeps for that, closes them, and tells nobody; so the only way to notice is to open something.
 */
export function watchDescriptors(usedUp: (cause: Error) => void): { close(): void } {
  let saidAt = -Infinity;
  const timer = setInterval(() => {
    if (canOpen() || performance.now() - saidAt < SAY_MS) return;
    saidAt = performance.now();
    usedUp(
      new Error(
        `all ${descriptorLimit() ?? ''} descriptors are in use, so who connects is closed without an answer: raise LimitNOFILE (ulimit -n), or lower hard_connections`,
      ),
    );
  }, WATCH_MS).unref();
  return { close: () => clearInterval(timer) };
}

function canOpen(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE'));
  }
}
