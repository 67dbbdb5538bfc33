import { write } from 'node:fs';

/** Where the log is written. */
export interface Output {
  /** Never waits, and never throws. */
  write(text: string): void;
  /** Resolves once all is written, or after a second: a log that nobody reads must not keep the process from ending. */
  flush(): Promise<void>;
}

const MOST_WAITING = 16 * 1024 * 1024; // characters that wait for a log that nobody reads; what comes then is lost
const AGAIN_MS = 1; // when a full pipe is tried again, then twice as late each time,
const LATEST_AGAIN_MS = 64; // and no later than that
const FLUSH_MS = 1_000;

/**
 * Writes to a descriptor, one write at a time, so that a slow reader holds up nobody. A pipe or socket has to be
 * non-blocking, as Node makes those of its own standard output: a thread that is held in a write would hold the end of
 * the process, too. `lost` is told the number of texts that found no room, once there is room again.
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
    }
    busy = chunk.length > 0;
    if (busy) {
      tellLost();
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
    chunk = error === null ? chunk.subarray(bytes) : Buffer.alloc(0); // nobody is there to read it, or the disk is full
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
