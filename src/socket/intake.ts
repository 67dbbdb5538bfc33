import { type Turns, nowIfNear } from './turn.ts';

const HOLD_MS = 500;
const EMPTIED_MS = 2_000; // where clients connect all the time, a queue is never empty

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
  /** Resolves when all who have connected up to now are accepted: a whole turn has accepted nobody. After two seconds at most. */
  emptied(): Promise<void>;
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
  const leaving = new Set<{ readonly since: number; polled: boolean; readonly done: () => void }>();

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
    for (const each of leaving) {
      const isOver = (none && each.polled) || performance.now() - each.since >= EMPTIED_MS;
      each.polled = true; // the poll of the turn in which it began may have come before it
      if (!isOver) continue;
      leaving.delete(each);
      each.done();
    }
    const hurries = leaving.size > 0;
    if (!flooded) return hurries;
    if (!none && performance.now() - floodedSince < HOLD_MS) return true;
    flooded = false;
    const works = held;
    held = [];
    for (const work of works) work();
    return hurries;
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
    emptied: () =>
      new Promise((done) => {
        leaving.add({ since: performance.now(), polled: false, done });
      }),
  };
}
