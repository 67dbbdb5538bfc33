import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Arrivals } from '../../src/socket/arrivals.ts';
import { type Turns, startTurns } from '../../src/socket/turn.ts';
import { type FakeTurns, fakeTurns } from '../support/turns.ts';

let fake: FakeTurns;
let turns: Turns;
beforeEach(() => {
  fake = fakeTurns();
  turns = startTurns(() => {});
  turn(1);
  turn(1);
});
afterEach(() => {
  turns.close();
  vi.unstubAllGlobals();
});

function turn(ms: number): void {
  fake.pass(ms);
  fake.end();
}

/** Many turns in which nothing is read. */
function pause(ms: number): void {
  for (let at = 0; at < ms; at += 100) turn(100);
}

describe('a connection', () => {
  it('that was just accepted may have sent its first request when it connected', () => {
    const arrivals = new Arrivals(turns, 8_000);
    arrivals.watch();
    turn(1);
    expect(arrivals.read(false, fake.now)).toBe(8_000);
  });

  it('that was watched for a while sent the new request just now, however long ago it connected', () => {
    const arrivals = new Arrivals(turns, 8_000);
    arrivals.watch();
    pause(6_000);
    expect(arrivals.read(false, fake.now)).toBe(fake.now);
  });

  it('that is not watched at once keeps its age in the turn after it is watched', () => {
    const arrivals = new Arrivals(turns, 8_000);
    pause(400);
    arrivals.watch();
    turn(1);
    expect(arrivals.read(false, fake.now)).toBe(8_000);
  });
});

describe('a request after a pause', () => {
  const watched = (): Arrivals => {
    const arrivals = new Arrivals(turns, fake.now);
    arrivals.watch();
    pause(1_000);
    return arrivals;
  };

  it('may have arrived when the pause began', () => {
    const arrivals = watched();
    arrivals.read(false, fake.now);
    const began = fake.now;
    arrivals.leave();
    pause(3_000);
    arrivals.watch();
    expect(arrivals.read(false, fake.now)).toBe(began);
    arrivals.watch();
    pause(300);
    expect(arrivals.read(false, fake.now)).toBe(fake.now); // and a later request arrived later
  });

  it('did not arrive before the pause began, even if the last read was long ago', () => {
    const arrivals = watched();
    pause(5_000);
    const began = fake.now;
    arrivals.leave();
    pause(1_000);
    arrivals.watch();
    turn(1);
    expect(arrivals.read(false, fake.now)).toBe(began);
  });

  it('did not arrive before the client read its last reply', () => {
    const arrivals = watched();
    arrivals.read(false, fake.now);
    arrivals.leave();
    pause(3_000);
    expect(arrivals.drained()).toBe(fake.now);
    const drained = fake.now;
    arrivals.watch();
    turn(1);
    expect(arrivals.read(false, fake.now)).toBe(drained);
  });
});

describe('a request after a read that filled the buffer', () => {
  it('is as old as that read, until a read leaves nothing, or a turn reads nothing', () => {
    const arrivals = new Arrivals(turns, 8_000);
    arrivals.watch();
    expect(arrivals.read(true, fake.now)).toBe(8_000);
    turn(500);
    expect(arrivals.read(true, fake.now)).toBe(8_000);
    turn(500);
    expect(arrivals.read(false, fake.now)).toBe(8_000);
    turn(1);
    expect(arrivals.read(true, fake.now)).toBeGreaterThan(8_000);
    pause(300);
    expect(arrivals.read(false, fake.now)).toBe(fake.now);
  });
});
