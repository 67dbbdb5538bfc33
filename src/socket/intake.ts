import { type Turns, nowIfNear } from './turn.ts';

const HOLD_MS = 500;

/**
 * Says how old new connections are. Node accepts one a turn, so under load a connection waits in the kernel's queue with its
 * first request. If a turn accepted nothing from a queue, the queue was empty at the poll of that turn, and connections that
 * are accepted later came after that poll.
 *
 * A busy listener would accept a connection in each turn. Its queue would never be seen empty, and a burst of clients would
 * wait for as many turns, which may be long. So when two turns in a row accepted a connection, nobody is served until a turn
 * has accepted none, or half a second has passed. Such turns take some 30 us each.
 */
export interface Intake {
  /**
   * Watches the queue of a listener that has just begun to listen, until `listening` is false. No connection in the queue
   * counts as older than `since`.
   */
  watch(since: number, listening: () => boolean): Queue;
  /** Whether clients wait to be accepted, so that nobody must be served now. */
  readonly flooded: boolean;
  /** Does this work at once, or, while it is flooded, afterwards. */
  readonly whenTaken: (work: () => void) => void;
}

export interface Queue {
  /** Notes that a connection was taken from the queue. Returns a time: the client did not connect before it. */
  taken(): number;
}

interface Watched {
  readonly listening: () => boolean;
  emptyAt: number;
  taken: boolean;
  takenBefore: boolean;
  /** Whether a poll has asked for it. In the turn in which it began to listen, no poll has. */
  polled: boolean;
}

export function createIntake(turns: Turns): Intake {
  const queues = new Set<Watched>();
  let held: (() => void)[] = [];
  let flooded = false; // two turns in a row took from the same queue
  let floodedSince = 0;

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
    if (!flooded) return false;
    if (!none && performance.now() - floodedSince < HOLD_MS) return true;
    flooded = false;
    const works = held;
    held = [];
    for (const work of works) work();
    return false;
  });

  return {
    watch(since, listening) {
      const queue: Watched = { listening, emptyAt: since, taken: false, takenBefore: false, polled: false };
      queues.add(queue);
      return {
        taken() {
          queue.taken = true;
          if (queue.takenBefore && !flooded) {
            flooded = true;
            floodedSince = performance.now();
          }
          return nowIfNear(queue.emptyAt, performance.now());
        },
      };
    },
    get flooded() {
      return flooded;
    },
    whenTaken(work) {
      if (flooded) held.push(work);
      else work();
    },
  };
}
