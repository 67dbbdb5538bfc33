import { expect, test } from 'vitest';
import { type Possible, planFaults } from '../../campaign/schedule.ts';

const POSSIBLE: readonly Possible[] = [
  { target: 'postgresql', kind: 'kill', holdMs: [100, 2_000] },
  { target: 'postgresql', kind: 'hang', holdMs: [100, 2_000] },
  { target: 'redis', kind: 'kill', holdMs: [100, 2_000] },
  { target: 'smmap', kind: 'reload', holdMs: [0, 0] },
];

test('the same seed plans the same faults, and another seed others', () => {
  const plan = planFaults(7, 60_000, POSSIBLE);
  expect(planFaults(7, 60_000, POSSIBLE)).toEqual(plan);
  expect(planFaults(8, 60_000, POSSIBLE)).not.toEqual(plan);
});

test('a longer run begins with the faults of a shorter one', () => {
  const short = planFaults(7, 30_000, POSSIBLE);
  expect(planFaults(7, 90_000, POSSIBLE).slice(0, short.length)).toEqual(short);
});

test('faults that pause for longer are fewer', () => {
  const [often, seldom] = [500, 5_000].map((pauseMs) => planFaults(7, 600_000, POSSIBLE, pauseMs).length);
  expect(seldom).toBeLessThan((often as number) / 3);
});

test('a target has one fault at a time, each ends before the run does, and every kind comes', () => {
  const plan = planFaults(7, 120_000, POSSIBLE);
  for (const [at, { target, atMs, holdMs }] of plan.entries()) {
    const next = plan.slice(at + 1).find((each) => each.target === target);
    expect(next === undefined || next.atMs > atMs + holdMs).toBe(true);
    expect(atMs + holdMs).toBeLessThan(120_000);
  }
  expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(['kill', 'hang', 'reload']));
});

test('there are no faults where none is possible', () => {
  expect(planFaults(7, 60_000, [])).toEqual([]);
});
