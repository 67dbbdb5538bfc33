import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Intake, type Queue, createIntake } from '../../src/socket/intake.ts';
import { type Turns, startTurns } from '../../src/socket/turn.ts';
import { type FakeTurns, fakeTurns } from '../support/turns.ts';

let fake: FakeTurns;
let turns: Turns;
let intake: Intake;
let queue: Queue;
let listening = true;
beforeEach(() => {
  fake = fakeTurns();
  turns = startTurns(() => {});
  intake = createIntake(turns);
  listening = true;
  queue = intake.watch(fake.now, () => listening);
});
afterEach(() => {
  turns.close();
  vi.unstubAllGlobals();
});

function turn(ms: number): void {
  fake.pass(ms);
  fake.end();
}

describe('a connection', () => {
  it('has just come if the queue was empty a moment ago', () => {
    for (let at = 0; at < 20; at++) turn(100);
    expect(queue.taken()).toBe(fake.now);
  });

  it('may have come since the beginning of the last turn that accepted none', () => {
    turn(1);
    turn(1);
    const empty = fake.now;
    turn(1); // accepts none, so its poll found none, and that was after the end of the turn before
    turn(1_000);
    queue.taken();
    turn(1_000);
    queue.taken();
    turn(1_000);
    expect(queue.taken()).toBe(empty + 1);
    turn(1);
    turn(1);
    turn(1);
    expect(queue.taken()).toBe(fake.now);
  });

  it('of an inherited socket has the greatest possible age, until a turn accepts none', () => {
    const inherited = intake.watch(0, () => true);
    fake.end(); // the kernel was not asked for it in this turn
    expect(inherited.taken()).toBe(0);
    turn(1);
    expect(inherited.taken()).toBe(0);
    turn(1);
    turn(1);
    expect(inherited.taken()).toBe(fake.now);
  });
});

describe('a client', () => {
  const started: string[] = [];
  const take = (name: string, from = queue): void => {
    from.taken();
    intake.whenTaken(() => started.push(name));
  };
  beforeEach(() => void started.splice(0));

  it('is served at once if the turn before accepted none', () => {
    turn(1);
    take('a');
    turn(1);
    turn(1);
    take('b');
    expect(started).toEqual(['a', 'b']);
  });

  it('waits if two turns in a row accepted one, until a turn accepts none, and no poll sleeps before', () => {
    turn(1);
    take('a');
    turn(1);
    take('b');
    expect(started).toEqual(['a']);
    turn(1);
    expect(fake.sleeps).toBe(false);
    take('c');
    turn(1);
    expect(started).toEqual(['a']);
    turn(1);
    expect(started).toEqual(['a', 'b', 'c']);
    expect(fake.sleeps).toBe(true);
  });

  it('that was connected before waits too, from then on', () => {
    turn(1);
    take('a');
    turn(1);
    expect(intake.flooded).toBe(false);
    take('b');
    expect(intake.flooded).toBe(true);
    turn(1);
    expect(intake.flooded).toBe(true); // this turn reads before it knows whether it accepts one
    turn(1);
    expect(intake.flooded).toBe(false);
  });

  it('waits for half a second at most', () => {
    for (let at = 0; at < 100; at++) {
      take(String(at));
      turn(10);
    }
    expect(started.length).toBeGreaterThan(45);
    expect(started.length).toBeLessThan(100);
  });

  it('does not wait for clients of a listener that has closed', () => {
    const other = intake.watch(fake.now, () => true);
    take('a', other);
    turn(1);
    take('b', other);
    listening = false;
    turn(1);
    turn(1);
    expect(started).toEqual(['a', 'b']);
  });
});

describe('the clients that have connected', () => {
  const isEmptied = async (emptied: Promise<void>): Promise<boolean> =>
    Promise.race([emptied.then(() => true), sleep(0, false)]);

  it('are all accepted when a whole turn has accepted nobody', async () => {
    queue.taken();
    const emptied = intake.emptied();
    turn(1);
    queue.taken();
    expect([await isEmptied(emptied), fake.sleeps]).toEqual([false, false]);
    turn(1_000); // however long it takes
    queue.taken();
    turn(1);
    expect(await isEmptied(emptied)).toBe(false);
    turn(1);
    expect([await isEmptied(emptied), fake.sleeps]).toEqual([true, true]);
  });

  it('are not known by a turn whose poll may have come before the question', async () => {
    const emptied = intake.emptied();
    turn(1);
    expect(await isEmptied(emptied)).toBe(false);
    turn(1);
    expect(await isEmptied(emptied)).toBe(true);
  });

  it('are not waited for longer than two seconds', async () => {
    const emptied = intake.emptied();
    for (let at = 0; at < 4; at++) {
      queue.taken();
      turn(500);
    }
    expect(await isEmptied(emptied)).toBe(true);
  });
});
