// Which fault comes when: a seed decides it, before anything has started.

import { randomOf } from '../test/support/chaos.ts';

/** A fault that some target can have, and how long it lasts at least and at most. */
export interface Possible {
  readonly target: string;
  readonly kind: string;
  readonly holdMs: readonly [least: number, most: number];
}

export interface Planned {
  readonly number: number;
  readonly atMs: number;
  readonly target: string;
  readonly kind: string;
  readonly holdMs: number;
  /** From 0 to 1: what else the fault has to choose. */
  readonly luck: number;
}

/** The mean time from the beginning of one fault to that of the next. */
export const PAUSE_MS = 750;
const QUIET_MS = 1_000; // at the start, and between two faults of a target

/**
 * The faults of a run, in their order. A target has one at a time; different targets have theirs at once. Each kind is as
 * frequent as each other, however many targets can have it.
 */
export function planFaults(
  seed: number,
  lengthMs: number,
  possible: readonly Possible[],
  pauseMs = PAUSE_MS,
): readonly Planned[] {
  const random = randomOf(seed);
  const between = ([least, most]: readonly [number, number]): number => Math.round(least + random() * (most - least));
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const busyUntilMs = new Map<string, number>();
  const planned: Planned[] = [];
  for (let atMs = QUIET_MS; ; atMs += between([0.2 * pauseMs, 1.8 * pauseMs])) {
    const free = possible.filter(({ target }) => (busyUntilMs.get(target) ?? 0) <= atMs);
    const kind = oneOf([...new Set(possible.map((each) => each.kind))]);
    const suitable = free.filter((each) => each.kind === kind);
    if (suitable.length === 0) {
      if (atMs > lengthMs) return planned;
      continue;
    }
    const chosen = oneOf(suitable);
    const holdMs = between(chosen.holdMs);
    const luck = random();
    if (atMs + holdMs + QUIET_MS > lengthMs) return planned;
    planned.push({ number: planned.length + 1, atMs, target: chosen.target, kind, holdMs, luck });
    busyUntilMs.set(chosen.target, atMs + holdMs + QUIET_MS);
  }
}
