// Which faults were under way when.

import type { Ends } from './judge.ts';
import type { Planned } from './schedule.ts';

export interface Weather extends Ends {
  began(fault: Planned, nowMs: number): () => void;
  /** A process of the daemon gets SIGKILL, until it is gone. */
  kill(): () => void;
  /** The daemon is told to stop. */
  stop(): void;
  /** Somebody stood still for so long until now, though no fault had stopped it: the machine is slow. */
  stoodStill(who: string, forMs: number): void;
  /** The faults of a target, and of the daemon, that were under way in that time. */
  tell(targets: readonly string[], fromMs: number, toMs: number): string;
  /** How many there were of each kind. */
  counts(): ReadonlyMap<string, number>;
}

const STANDING_STILL = new Set(['slow', 'stall', 'slow-worker']);
const WAKING_MS = 300; // from SIGCONT until a process on a busy machine has looked at its sockets

export function createWeather(clock: () => number): Weather {
  const faults: { readonly fault: Planned; readonly fromMs: number; toMs: number }[] = [];
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
