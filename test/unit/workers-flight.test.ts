import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { type Flight, createFlight } from '../../src/daemon/workers/flight.ts';

const give = (flight: Flight): void => {
  flight.give({ socket: new Socket(), since: 0, protocol: 'netstring', listener: 'mta' });
};

/** How many a worker serves at most, how many it said, and whether one is on its way. */
const stateOf = ({ most, served, flying }: Flight): readonly unknown[] => [most, served, flying !== null];

it('a connection counts from when it is given, and after it has landed until the worker speaks', () => {
  const flight = createFlight();
  give(flight);
  expect(stateOf(flight)).toEqual([1, 0, true]);
  flight.landed();
  expect(stateOf(flight)).toEqual([1, 0, false]);
  give(flight);
  flight.landed();
  expect(stateOf(flight)).toEqual([2, 0, false]);
  expect(flight.told({ clients: 1, taken: 2 })).toBe(false); // one has ended
  expect(stateOf(flight)).toEqual([1, 1, false]);
});

it('what a worker said before it got the last one does not land that one', () => {
  const flight = createFlight();
  give(flight);
  flight.landed();
  give(flight);
  expect(flight.told({ clients: 1, taken: 1 })).toBe(false);
  expect(stateOf(flight)).toEqual([2, 1, true]);
});

it('one that Node does not acknowledge lands when the worker says that it has taken all', () => {
  const flight = createFlight();
  give(flight);
  expect(flight.told({ clients: 1, taken: 1 })).toBe(true);
  expect(stateOf(flight)).toEqual([1, 1, false]);
});

it('nothing lands while nothing is on its way', () => {
  const flight = createFlight();
  flight.landed();
  expect(flight.told({ clients: 0, taken: 0 })).toBe(false);
  expect(stateOf(flight)).toEqual([0, 0, false]);
});
