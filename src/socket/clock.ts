const BEAT_MS = 100;
const STALL_MS = 1_000;

/**
 * Tells when the bytes that are read now may have arrived. That is now, unless this process stood still (stopped,
 * swapped out, a disk that hung): then they may have waited as long as it did, and their client may be gone or, as
 * Sendmail after its read timeout, wait for the answer to another question on the same connection.
 */
export interface Clock {
  /** Milliseconds of performance.now(): no byte that is read now arrived before. */
  arrived(): number;
  close(): void;
}

export function startClock(stalled: (forMs: number) => void): Clock {
  let lastBeat = performance.now();
  let suspectSince = 0;
  let suspectUntil = 0;
  const beat = (): number => {
    const now = performance.now();
    if (now - lastBeat > STALL_MS) {
      stalled(now - lastBeat);
      suspectSince = lastBeat;
      suspectUntil = now + STALL_MS; // what waited is read within that time
    }
    lastBeat = now;
    return now;
  };
  const timer = setInterval(beat, BEAT_MS).unref();
  return {
    arrived() {
      const now = beat();
      return now < suspectUntil ? suspectSince : now;
    },
    close: () => clearInterval(timer),
  };
}
