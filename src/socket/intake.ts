import { type Turns, nowIfNear } from './turn.ts';

const HOLD_MS = 500;

/**
 * How old a connection is when it is accepted. Node accepts one a turn, so under load a connection may have waited in the
 * kernel for long, with its first request. A queue was empty at the poll of each turn that accepted nothing from it, and all
 * that is accepted later is younger than that.
 *
 * A busy listener would accept in each turn, and its queue would never be seen empty. So where two turns in a row accepted
 * one, nobody who is new is served until a turn has accepted none: such turns take some 30 us each.
 */
export interface Intake {
  /**
   * Watches the queue of a listener, from when it listens until `listening` is false. `since`: nothing in the queue is
   * older, as far as anybody knows.
   */
  watch(since: number, listening: () => boolean): Queue;
  /** Calls `start` at once, or, while more clients wait to be accepted, when they are. To be called behind `taken()`. */
  whenTaken(start: () => void): void;
}

export interface Queue {
  /** One was taken from the queue, whatever becomes of it; returns a time before which it cannot have come. */
  taken(): number;
}

interface Watched {
  readonly listening: () => boolean;
  emptyAt: number;
  taken: boolean;
  takenBefore: boolean;
  /** False until the first poll that asks for it: what says nothing of the queue. */
  polled: boolean;
}

export function createIntake(turns: Turns): Intake {
  const queues = new Set<Watched>();
  let held: (() => void)[] = [];
  let heldSince = 0;
  let flooded = false; // two turns in a row took from the same queue

  turns.atEnd((beforePoll) => {
    let none = true;
    for (const queue of queues) {
      if (queue.taken) none = false;
      else if (queue.polled) queue.emptyAt = beforePoll;
      queue.takenBefore = queue.taken;
      queue.taken = false;
      queue.polled = true;
      if (!queue.listening()) queues.delete(queue);
    }
    flooded = false;
    if (none || performance.now() - heldSince >= HOLD_MS) {
      const starts = held;
      held = [];
      for (const start of starts) start();
    }
    return held.length > 0;
  });

  return {
    watch(since, listening) {
      const queue: Watched = { listening, emptyAt: since, taken: false, takenBefore: false, polled: false };
      queues.add(queue);
      return {
        taken() {
          queue.taken = true;
          if (queue.takenBefore) flooded = true;
          return nowIfNear(queue.emptyAt, performance.now());
        },
      };
    },
    whenTaken(start) {
      if (!flooded) {
        start();
        return;
      }
      if (held.length === 0) heldSince = performance.now();
      held.push(start);
    },
  };
}
