import { closeSync, openSync, readFileSync } from 'node:fs';

const WATCH_MS = 100;
const SAY_MS = 10_000;

/** How many files and sockets this process may open. Node raises it to the hard limit at start. Null if it is unknown. */
export function descriptorLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null; // not Linux
  }
}

/**
 * Calls `usedUp` when no descriptor is left, and again every ten seconds while that lasts. Node does not tell: libuv keeps a
 * spare descriptor, accepts waiting clients with it, and closes them. So we open a file to notice it.
 */
export function watchDescriptors(usedUp: (cause: Error) => void): { close(): void } {
  let saidAt = -Infinity;
  const timer = setInterval(() => {
    if (canOpen() || performance.now() - saidAt < SAY_MS) return;
    saidAt = performance.now();
    usedUp(
      new Error(
        `all ${descriptorLimit() ?? ''} file descriptors are in use, so new clients are closed without an answer: raise LimitNOFILE (ulimit -n), or lower hard_connections`,
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
