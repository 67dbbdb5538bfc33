import { describe, expect, it } from 'vitest';
import { parseSelection } from '../../src/store/guard/cache-key.ts';
import { type Name, type WarmNames, createWarmNames } from '../../src/store/guard/warm-names.ts';

const named = (address: string): Name => {
  const at = address.lastIndexOf('@');
  return { local: address.slice(0, at), domain: address.slice(at + 1) };
};

/** Adds a portion that was asked for at this time. */
function add(names: WarmNames, at: number, ...addresses: readonly string[]): number {
  names.ask(at);
  return names.add(addresses.map(named));
}

function list(names: WarmNames, at: number, ...addresses: readonly string[]): void {
  names.begin();
  add(names, at, ...addresses);
  names.end();
  for (const _ of names.sweep());
}

const dateOf = (names: WarmNames, address: string): number | undefined => {
  const { local, domain } = named(address);
  return names.dateOf(local, domain);
};

const FRED = 'fred@example.org';
const JOE = 'joe@example.org';
const SUE = 'sue@example.net';

describe('the names that a store listed', () => {
  it('are dated by the moment before their portion was asked for', () => {
    const names = createWarmNames(10);
    names.begin();
    add(names, 5, FRED);
    add(names, 8, JOE);
    expect([dateOf(names, FRED), dateOf(names, JOE), dateOf(names, SUE)]).toEqual([5, 8, undefined]);
  });

  it('count while the next list is under way, and are gone at its end if it does not have them', () => {
    const names = createWarmNames(10);
    list(names, 1, FRED, JOE, SUE);
    names.begin();
    add(names, 2, FRED);
    expect([FRED, JOE, SUE].map((each) => dateOf(names, each))).toEqual([2, 1, 1]);
    names.end();
    expect([FRED, JOE, SUE].map((each) => dateOf(names, each))).toEqual([2, undefined, undefined]);
    for (const _ of names.sweep());
    expect(names.size()).toBe(1);
  });

  it('still count after a list that failed, and after the one that ended before it', () => {
    const names = createWarmNames(10);
    list(names, 1, FRED, JOE);
    names.begin();
    names.ask(2);
    names.add([]); // the store failed
    list(names, 3, JOE);
    expect([FRED, JOE].map((each) => dateOf(names, each))).toEqual([undefined, 3]);
  });

  it('frees what does not count in steps, so others have their turn', () => {
    const names = createWarmNames(100_000);
    list(names, 1, ...Array.from({ length: 20_000 }, (_, n) => `u${n}@example.org`));
    names.begin();
    names.end();
    const steps = [...names.sweep()].length;
    expect([names.size(), steps]).toEqual([0, 4]);
  });

  it.each([
    ['in capitals', 'Fred@example.org'],
    ['with a domain in capitals', 'fred@Example.ORG'],
    ['with a domain in Unicode', 'fred@bücher.example'],
    ['without a local part', '@example.org'],
    ['without a domain', 'fred@'],
    ['that is not in NFC', 'fe\u0301@example.org'],
  ])('leave out a name %s, which a question would spell differently', (_, address) => {
    const names = createWarmNames(10);
    list(names, 1, address);
    expect([names.size(), dateOf(names, address)]).toEqual([0, undefined]);
  });

  it.each([
    ['the address', FRED, [undefined, 1, 1]],
    ['the address in capitals', 'FRED@Example.org', [undefined, 1, 1]],
    ['the domain with its @', '@example.org', [undefined, undefined, 1]],
    ['everything', null, [undefined, undefined, undefined]],
    ['only the domain', 'example.org', [1, 1, 1]],
    ['another address', 'ann@example.org', [1, 1, 1]],
  ])('forget %s', (_, what, left) => {
    const names = createWarmNames(10);
    list(names, 1, FRED, JOE, SUE);
    const gone = names.forget(parseSelection(what));
    expect([FRED, JOE, SUE].map((each) => dateOf(names, each))).toEqual(left);
    expect([names.size(), gone]).toEqual([left.filter((at) => at === 1).length, left.filter((at) => at !== 1).length]);
  });

  it.each([
    ['the address', FRED, [undefined, 1, 1]],
    ['the domain with its @', '@example.org', [undefined, undefined, 1]],
    ['everything', null, [undefined, undefined, undefined]],
  ])('do not come back with the portion that was asked for before somebody forgot %s', (_, what, left) => {
    const names = createWarmNames(10);
    names.begin();
    names.ask(1);
    names.forget(parseSelection(what));
    names.add([FRED, JOE, SUE].map(named));
    expect([FRED, JOE, SUE].map((each) => dateOf(names, each))).toEqual(left);
    add(names, 2, FRED, JOE, SUE);
    expect([FRED, JOE, SUE].map((each) => dateOf(names, each))).toEqual([2, 2, 2]);
  });

  it('do not come back after one was dropped, because the store gave a newer answer', () => {
    const names = createWarmNames(10);
    list(names, 1, FRED, JOE);
    names.begin();
    names.ask(2);
    names.drop(named(FRED));
    names.add([FRED, JOE].map(named));
    expect([FRED, JOE].map((each) => dateOf(names, each))).toEqual([undefined, 2]);
  });

  it('do not come back after more names were forgotten than anybody counts', () => {
    const names = createWarmNames(10);
    names.begin();
    names.ask(1);
    for (let n = 0; n < 20_000; n++) names.forget(parseSelection(`u${n}@example.net`));
    names.forget(parseSelection(FRED));
    names.add([named(FRED)]);
    expect(dateOf(names, FRED)).toBeUndefined();
  });

  it('have no more room than they were given, but each of them is dated anew', () => {
    const names = createWarmNames(2);
    names.begin();
    expect([add(names, 1, FRED, JOE), add(names, 2, SUE, FRED)]).toEqual([0, 1]);
    expect([FRED, JOE, SUE].map((each) => dateOf(names, each))).toEqual([2, 1, undefined]);
    expect(names.size()).toBe(2);
  });

  it.each([
    ['everything', null, [FRED, JOE, SUE]],
    ['a domain', '@example.org', [FRED, JOE]],
    ['an address', 'JOE@example.org', [JOE]],
    ['somebody unknown', 'ann@example.org', []],
  ])('show %s', (_, what, expected) => {
    const names = createWarmNames(10);
    list(names, 1, FRED, JOE, SUE);
    const seen: string[] = [];
    names.each(parseSelection(what), ({ local, domain }) => seen.push(`${local}@${domain}`));
    expect(seen).toEqual(expected);
  });
});
