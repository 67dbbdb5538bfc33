// Which faults were under way when.

import { latestAnswerMs } from '../src/socket/patience.ts';
import { type Answer, type Ends, OLD_MS, type Question } from './judge.ts';
import type { Planned } from './schedule.ts';

export interface Weather extends Ends {
  began(fault: Planned, nowMs: number): () => void;
  /** A process of the daemon gets SIGKILL, until it is gone. */
  kill(): () => void;
  /** The daemon is told to stop. */
  stop(): void;
  /** Somebody stood still for so long until now, though no fault had stopped it: the machine is slow. */
  stoodStill(who: string, forMs: number): void;
  /**
   * Whether a late answer may be one whose write a fault interrupted. No program can exclude that: a stop may come between
   * its last look at the clock and write(2), when the question was not too old, and the write is done when it goes on. But
   * a process has one write under way, to one connection; what it sends to another one it has looked at again.
   */
  interrupted(question: Question, answer: Answer): boolean;
  /** The faults of a target, and of the daemon, that were under way in that time. */
  tell(targets: readonly string[], fromMs: number, toMs: number): string;
  /** How many there were of each kind. */
  counts(): ReadonlyMap<string, number>;
}

const STANDING_STILL = new Set(['slow', 'stall', 'slow-worker']);
const WAKING_MS = 300; // from SIGCONT until a process on a busy machine has looked at its sockets

/** `processes`: how many of them serve the clients of a daemon. */
export function createWeather(clock: () => number, processes: number): Weather {
  const faults: { readonly fault: Planned; readonly fromMs: number; toMs: number }[] = [];
  const writes = new Map<object, Set<object>>(); // of each fault, the connections whose write it may have interrupted
  const kills: { readonly fromMs: number; toMs: number }[] = [];
  const stops: number[] = [];
  const stalls: { readonly who: string; readonly fromMs: number; readonly toMs: number }[] = [];
  const asOldAs = (sentMs: number, turns = 2): number => {
    const stood = faults.filter(({ fault }) => STANDING_STILL.has(fault.kind));
    const still = [...stood, ...stalls].find((each) => each.fromMs <= sentMs && each.toMs + WAKING_MS >= sentMs);
    if (still === undefined || turns === 0) return sentMs;
    return asOldAs(still.fromMs - 1, turns - 1); // a date goes back to the turn before the last one
  };
  return {
    began(fault, fromMs) {
      const entry = { fault, fromMs, toMs: Infinity };
      faults.push(entry);
      return () => void (entry.toMs = clock());
    },
    kill() {
      const entry = { fromMs: clock(), toMs: Infinity };
      kills.push(entry);
      return () => void (entry.toMs = clock());
    },
    stop: () => void stops.push(clock()),
    stoodStill: (who, forMs) => void stalls.push({ who, fromMs: clock() - forMs, toMs: clock() }),
    killed: (fromMs, toMs) => kills.some((each) => each.toMs >= fromMs && each.fromMs <= toMs),
    stopped: (beforeMs) => stops.findLast((atMs) => atMs <= beforeMs) ?? -Infinity,
    asOldAs: (sentMs) => asOldAs(sentMs),
    interrupted({ sentMs }, { connection, nowMs }) {
      const stop = faults.find(
        ({ fault, fromMs, toMs }) =>
          STANDING_STILL.has(fault.kind) &&
          fromMs >= sentMs &&
          fromMs - sentMs <= latestAnswerMs(OLD_MS) &&
          nowMs >= toMs &&
          nowMs - toMs <= WAKING_MS,
      );
      if (stop === undefined) return false;
      const its = writes.get(stop) ?? new Set();
      writes.set(stop, its);
      if (its.size < processes) its.add(connection);
      return its.has(connection);
    },
    tell(targets, fromMs, toMs) {
      const under = faults.filter(
        (each) => targets.includes(each.fault.target) && each.fromMs <= toMs && each.toMs >= fromMs,
      );
      const texts = under.map(
        ({ fault: { number, target, kind }, fromMs: from, toMs: to }) =>
          `#${number} ${kind} of ${target} (${Math.round(from)}..${to === Infinity ? '' : Math.round(to)} ms)`,
      );
      for (const stall of stalls.filter((each) => each.fromMs <= toMs && each.toMs >= fromMs))
        texts.push(`${stall.who} stood still (${Math.round(stall.fromMs)}..${Math.round(stall.toMs)} ms)`);
      return texts.length === 0 ? 'none' : texts.join(', ');
    },
    counts() {
      const counts = new Map<string, number>();
      for (const { fault } of faults) counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1);
      return counts;
    },
  };
}
