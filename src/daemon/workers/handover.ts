import type { Socket } from 'node:net';
import { FRAMINGS, type Protocol } from '../../protocol/framing.ts';

/** A connection that was accepted, and that no worker has taken yet. Nobody has read from it. */
export interface Accepted {
  readonly socket: Socket;
  /** Its client did not connect before, as performance.now() counts. */
  readonly since: number;
  readonly protocol: Protocol;
  readonly listener: string;
}

/** Who can be given connections. */
export interface Taker {
  /** How many it serves, with the one that is on its way to it. */
  readonly clients: number;
  /** Whether it has taken all that it was given, so that it surely runs. */
  readonly isFree: boolean;
  /** Grows with each connection that any of them is given. */
  readonly givenAt: number;
  give(accepted: Accepted): void;
}

/** Passes accepted connections to those who serve them. */
export interface Handover {
  /** How many wait because nobody is free. */
  readonly waiting: number;
  accept(accepted: Accepted): void;
  /** The same for one that was given to somebody who ended without having taken it. */
  readonly giveBack: (accepted: Accepted) => void;
  /** Somebody is free now. */
  readonly next: () => void;
  /** Resolves when none waits. */
  drained(): Promise<void>;
}

const LOOK_MS = 100;

/**
 * Gives each connection to the one that is free and serves the fewest. One that hangs has not taken its last one, so it gets
 * no other. While nobody is free, connections wait; after `latestMs` they are half-closed, because an answer would be late.
 */
export function createHandover(
  takers: () => Iterable<Taker>,
  latestMs: () => number,
  closedLate: () => void,
): Handover {
  const queue: Accepted[] = [];
  let drained: (() => void)[] = [];
  let timer: NodeJS.Timeout | null = null;

  const next = (): void => {
    while (queue.length > 0) {
      const taker = chooseOf(takers());
      if (taker === null) break;
      taker.give(queue.shift() as Accepted);
    }
    if (queue.length > 0) timer ??= setInterval(look, LOOK_MS);
    else if (drained.length > 0) settle();
  };
  const settle = (): void => {
    const told = drained;
    drained = [];
    for (const tell of told) tell();
  };
  const look = (): void => {
    if (queue.length === 0) stop();
    for (const accepted of queue.filter((each) => isLate(each, latestMs()))) {
      queue.splice(queue.indexOf(accepted), 1);
      closedLate();
      accepted.socket.on('error', () => {}).end(() => accepted.socket.destroySoon());
    }
    next();
  };
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    get waiting() {
      return queue.length;
    },
    accept(accepted) {
      queue.push(accepted);
      next();
    },
    giveBack(accepted) {
      queue.unshift(accepted);
      next();
    },
    next,
    drained: () => (queue.length === 0 ? Promise.resolve() : new Promise((resolve) => drained.push(resolve))),
  };
}

/** Whether the client may have given up. One of a listener for lines never does. */
export function isLate({ since, protocol }: Accepted, latestMs: number): boolean {
  return performance.now() - since > latestMs && !FRAMINGS[protocol].patient;
}

/** The free one that serves the fewest; of several, the one that was given a connection longest ago. Null: none is free. */
export function chooseOf<T extends Omit<Taker, 'give'>>(takers: Iterable<T>): T | null {
  let best: T | null = null;
  for (const taker of takers) {
    if (!taker.isFree) continue;
    const isBetter =
      best === null || taker.clients < best.clients || (taker.clients === best.clients && taker.givenAt < best.givenAt);
    if (isBetter) best = taker;
  }
  return best;
}
