import { write } from 'node:fs';

/** Where the log is written. */
export interface Output {
  /** Never waits, and never throws. */
  write(text: string): void;
  /** Resolves when all is written, or after a second: a log that nobody reads must not stop the process from ending. */
  flush(): Promise<void>;
}

const MOST_WAITING = 16 * 1024 * 1024; // characters that wait when nobody reads the log; later ones are lost
const AGAIN_MS = 1; // a full pipe is tried again after this time, then after twice the time, and so on
const LATEST_AGAIN_MS = 64; // up to this time
const FLUSH_MS = 1_000;

/**
 * Writes to a descriptor, one write at a time, so that a slow reader delays nobody. A pipe or socket must be non-blocking,
 * as Node makes its own standard output: a thread that hangs in a write would stop the process from ending. `lost` gets the
 * number of texts that had no room, as soon as there is room again.
 */
export function createOutput(fd: number, lost: (texts: number) => void): Output {
  let waiting = '';
  let lostTexts = 0;
  let chunk = Buffer.alloc(0);
  let busy = false;
  let againMs = AGAIN_MS;
  let idle: (() => void)[] = [];

  const next = (): void => {
    if (chunk.length === 0) {
      chunk = Buffer.from(waiting);
      waiting = '';
      tellLost(); // there is room again, so this text is not lost itself
    }
    busy = chunk.length > 0;
    if (busy) {
      write(fd, chunk, written);
      return;
    }
    const told = idle;
    idle = [];
    for (const tell of told) tell();
  };
  const written = (error: NodeJS.ErrnoException | null, bytes: number): void => {
    if (error?.code === 'EAGAIN') {
      setTimeout(next, againMs);
      againMs = Math.min(2 * againMs, LATEST_AGAIN_MS);
      return;
    }
    againMs = AGAIN_MS;
    chunk = error === null ? chunk.subarray(bytes) : Buffer.alloc(0); // the reader is gone, or the disk is full
    next();
  };
  const tellLost = (): void => {
    const texts = lostTexts;
    lostTexts = 0;
    if (texts > 0) lost(texts);
  };

  return {
    write(text) {
      if (waiting.length + text.length > MOST_WAITING) {
        lostTexts++;
        return;
      }
      waiting += text;
      if (!busy) next();
    },
    flush() {
      if (!busy) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, FLUSH_MS);
        idle.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}
