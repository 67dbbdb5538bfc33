import { type Turns, nowIfNear } from './turn.ts';

const HOLD_MS = 500;

/**
 * Dates connections. Node accepts one a turn, so under load a connection waits in the kernel's queue, with its first request.
 * The queue was empty at the poll of each turn that accepted nothing from it; what is accepted later came after that poll.
 *
 * A busy listener would accept in each turn, so that its queue would never be seen empty. So when two turns in a row accepted
 * one, new clients are not served until a turn has accepted none. Such turns take some 30 us each.
 */
export interface Intake {
  /**
   * Watches the queue of a listener that has just begun to listen, until `listening` is false. No connection in the queue
   * is taken to be older than `since`.
   */
  watch(since: number, listening: () => boolean): Queue;
  /** Calls `start` at once, or, while more clients wait to be accepted, after those. Call `taken()` first. */
  whenTaken(start: () => void): void;
}

export interface Queue {
  /** Notes that a connection was taken from the queue. Returns a time; the client did not connect before. */
  taken(): number;
}

interface Watched {
  readonly listening: () => boolean;
  emptyAt: number;
  taken: boolean;
  takenBefore: boolean;
  /** Whether a poll has asked for it. In the turn in which it began to listen, none has. */
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
