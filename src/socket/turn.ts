import { performance } from 'node:perf_hooks';

const BEAT_MS = 100; // the longest sleep of a turn, so that an idle process has short turns
const NEAR_MS = 250; // two idle turns and some noise; latestAnswerMs in patience.ts includes it
const SHARE_MS = 1; // of each turn, for all clients that send many requests at once
const STALL_MS = 1_000;

/**
 * The turns of the event loop. Node does not tell when bytes arrived, only when it read them, and a busy or stopped process
 * reads late. But each turn asks the kernel once for new bytes (its poll), and then runs immediates. One immediate notes the
 * end of each turn, and the bytes that a turn reads cannot be older than the last poll that did not report them.
 */
export interface Turns {
  /** The number of this turn. */
  readonly count: number;
  /**
   * A time: the bytes that are read now did not arrive before it, if their socket was watched in the last turn too. The poll
   * of the last turn did not report them, and it came after the end of the turn before. `now` is performance.now().
   */
  arrived(now: number): number;
  /** A time: this turn looked at its sockets after it, because its poll came after the end of the last turn. */
  seen(now: number): number;
  /**
   * Calls `ended` at the end of each turn, with a time before the poll of that turn. If it returns true, the next turn comes
   * at once: its poll does not sleep, and other work waits.
   */
  atEnd(ended: (beforePoll: number) => boolean): void;
  /** Does this work at the end of a turn, in the given order. All such work shares a millisecond of each turn. */
  readonly later: (work: () => void) => void;
  close(): void;
}

/** Starts to note turns. `stalled` is called for each turn that took over a second. */
export function startTurns(stalled: (forMs: number) => void): Turns {
  let count = 0;
  let last = performance.now(); // the end of the last turn
  let before = last; // the end of the turn before that
  const enders: ((beforePoll: number) => boolean)[] = [];
  const waiting = new Set<() => void>();

  const end = (): void => {
    const now = performance.now();
    if (now - last > STALL_MS) stalled(now - last);
    before = last;
    last = now;
    count++;
    next = setImmediate(end).unref(); // unref: it runs in the next turn, and does not stop the poll from sleeping
    let hurry = false;
    for (const ended of enders) hurry = ended(before) || hurry;
    if (!hurry && waiting.size > 0) share(now + SHARE_MS);
    const old = last - before >= NEAR_MS; // what the next turn reads would count as old too, so its poll must not sleep first
    if (hurry || old || waiting.size > 0) next.ref();
  };
  const share = (until: number): void => {
    for (const work of waiting) {
      waiting.delete(work);
      work(); // it may ask for more work, which is then the last in the set
      if (performance.now() >= until) return;
    }
  };
  let next = setImmediate(end).unref();
  const beat = setInterval(() => {}, BEAT_MS).unref();

  return {
    get count() {
      return count;
    },
    arrived: (now) => nowIfNear(before, now),
    seen: (now) => nowIfNear(last, now),
    atEnd(ended) {
      enders.push(ended);
    },
    later(work) {
      waiting.add(work);
      next.ref();
    },
    close() {
      clearImmediate(next);
      clearInterval(beat);
    },
  };
}

/** A date just before `now` becomes `now`, so that a request in an idle process does not count as old. */
export function nowIfNear(date: number, now: number): number {
  return now - date < NEAR_MS ? now : date;
}

/** How much older than its date a request may be because of that. */
export const DATING_ERROR_MS = NEAR_MS;
