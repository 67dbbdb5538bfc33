import { hrtime } from 'node:process';

const CLOSE_MS = 0.1; // between two looks at the same clock, so that the other one was read at about the same time

/**
 * When performance.now() of this process was 0, on the clock of the machine, which all its processes share. A time of another
 * process is dated by it to a tenth of a millisecond.
 */
function originMs(): number {
  for (;;) {
    const before = clockMs();
    const own = performance.now();
    if (clockMs() - before < CLOSE_MS) return before - own; // else this process was interrupted between the looks
  }
}

function clockMs(): number {
  return Number(hrtime.bigint()) / 1e6;
}

const ORIGIN_MS = originMs();

/** A time of performance.now(), as all processes of this machine count. */
export function toClock(ms: number): number {
  return ms + ORIGIN_MS;
}

/** A time of another process, as performance.now() counts here. It may be negative: before the start of this process. */
export function fromClock(ms: number): number {
  return ms - ORIGIN_MS;
}
