import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HarvestAlarm } from '../../src/observe/harvest/alarm.ts';
import { createHarvest, type Harvest } from '../../src/observe/harvest/harvest.ts';
import { type HarvestSettings, MOST_ALARMS, MOST_DOMAINS } from '../../src/observe/harvest/place.ts';

const MAILBOX = { name: 'mailbox', stores: 'local', refuses: true, isDomain: false };
const WINDOW_MS = 60_000;
const SETTINGS = { names: 100, windowS: WINDOW_MS / 1_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Watch {
  readonly harvest: Harvest;
  readonly told: (readonly ['started' | 'ended', HarvestAlarm])[];
  /** So many different names of a domain are absent. */
  readonly guess: (names: number, domain?: string, listener?: string) => void;
  readonly find: (requests: number) => void;
  readonly nextWindow: (windows?: number) => void;
}

function watch(settings: HarvestSettings = SETTINGS): Watch {
  const told: (readonly ['started' | 'ended', HarvestAlarm])[] = [];
  let found = 0;
  let guessed = 0;
  const harvest = createHarvest(settings, () => found, {
    started: (alarm) => told.push(['started', alarm]),
    ended: (alarm) => told.push(['ended', alarm]),
  });
  return {
    harvest,
    told,
    guess(names, domain = 'example.org', listener = 'mta') {
      for (let at = 0; at < names; at++) harvest.missed(MAILBOX, listener, `name${guessed++}@${domain}`);
    },
    find(requests) {
      found += requests;
    },
    nextWindow: (windows = 1) => vi.advanceTimersByTime(windows * WINDOW_MS),
  };
}

/** What was told, without numbers. */
const eventsOf = ({ told }: Watch): string[] => told.map(([what, { domain }]) => `${what} ${domain}`);

describe('an alarm', () => {
  it('starts once with the window that has enough different names, and ends once, with totals', () => {
    const here = watch();
    here.guess(1_000);
    expect(here.told).toEqual([]);
    here.nextWindow();
    here.guess(1_000);
    here.nextWindow();
    expect(eventsOf(here)).toEqual(['started example.org']);
    here.nextWindow();
    here.nextWindow(10);
    expect(eventsOf(here)).toEqual(['started example.org', 'ended example.org']);
    const [[, start], [, end]] = here.told as [(typeof here.told)[0], (typeof here.told)[0]];
    expect(start).toMatchObject({ map: 'mailbox', listener: 'mta', misses: 1_000, forMs: WINDOW_MS });
    expect(end).toMatchObject({ misses: 2_000, forMs: 3 * WINDOW_MS });
    expect(Math.abs(start.names / 1_000 - 1)).toBeLessThan(4 * 0.0325);
    expect(Math.abs(end.names / 2_000 - 1)).toBeLessThan(4 * 0.0325);
  });

  it('needs different names: one that a sender tries again and again is none', () => {
    const here = watch();
    for (let times = 0; times < 10_000; times++) here.harvest.missed(MAILBOX, 'mta', `Old${times % 20}@example.org`);
    for (let times = 0; times < 10_000; times++) here.harvest.missed(MAILBOX, 'mta', `oLD${times % 20}@Example.ORG.`);
    here.nextWindow();
    expect(here.told).toEqual([]);
    expect(here.harvest.counts()).toMatchObject([{ alarms: 0, misses: 0 }]);
    expect(here.harvest.counts()[0]?.names).toBeLessThan(45);
  });

  it('does not start and end with every window at the threshold: it ends below half of it', () => {
    const here = watch();
    for (const names of [150, 90, 110, 70, 130]) {
      here.guess(names);
      here.nextWindow();
    }
    expect(eventsOf(here)).toEqual(['started example.org']);
    here.guess(30);
    here.nextWindow();
    expect(eventsOf(here)).toEqual(['started example.org', 'ended example.org']);
  });

  it('is of one domain, one listener and one map', () => {
    const here = watch();
    for (const domain of ['a.example', 'b.example']) here.guess(80, domain);
    here.guess(80, 'c.example', 'tcp');
    here.guess(80, 'c.example', 'mta');
    here.guess(300, 'd.example', 'tcp');
    here.nextWindow();
    expect(eventsOf(here)).toEqual(['started d.example']);
    expect(here.harvest.active()).toMatchObject([{ listener: 'tcp', domain: 'd.example', misses: 300 }]);
  });

  it('is of the default domain for keys without one, and of no domain without both', () => {
    const here = watch();
    for (let at = 0; at < 200; at++) {
      here.harvest.missed({ ...MAILBOX, defaultDomain: 'example.org' }, 'mta', `name${at}`);
      here.harvest.missed({ ...MAILBOX, name: 'any' }, 'mta', `name${at}`);
      here.harvest.missed(MAILBOX, 'mta', null);
    }
    here.nextWindow();
    expect(here.told.map(([, { map, domain }]) => [map, domain])).toEqual([
      ['mailbox', 'example.org'],
      ['any', null],
    ]);
  });

  it('comes and goes by the time that passes: a clock that is set back or forward changes nothing', () => {
    const here = watch();
    here.guess(200);
    vi.setSystemTime(Date.now() - 86_400_000);
    here.nextWindow();
    const [alarm] = here.harvest.active();
    expect(alarm).toMatchObject({ forMs: WINDOW_MS, sinceMs: Date.now() - WINDOW_MS });
    vi.setSystemTime(Date.now() + 2 * 86_400_000);
    expect(here.harvest.active()).toMatchObject([{ forMs: WINDOW_MS, sinceMs: Date.now() - WINDOW_MS }]);
    here.nextWindow();
    expect(eventsOf(here)).toEqual(['started example.org', 'ended example.org']);
  });
});

describe('addresses that are gone from the store', () => {
  it('are no harvest: far fewer requests than usual are found, and the missing ones are enough for an alarm', () => {
    const here = watch();
    here.guess(1);
    for (let minute = 0; minute < 10; minute++) {
      here.find(400 + 20 * (minute % 3));
      here.nextWindow();
    }
    for (let minute = 0; minute < 600; minute++) {
      here.guess(400);
      here.nextWindow();
    }
    expect(here.told).toEqual([]);
  });

  it.each([900, 600, 400, 100])(
    'are no harvest in the window in which they go: after %i of 1,000 requests',
    (found) => {
      const here = watch();
      here.guess(1);
      for (let minute = 0; minute < 10; minute++) {
        here.find(1_000);
        here.nextWindow();
      }
      here.find(found);
      here.guess(1_000 - found);
      here.nextWindow();
      here.guess(1_000);
      here.nextWindow();
      expect(here.told).toEqual([]);
    },
  );

  it.each([
    ['as many requests as usual are found', 400, 400],
    ['fewer requests than usual are found, but too few are missing', 400, 210],
    ['so few were found before that their addresses could not be as many', 40, 0],
    ['none were found before', 0, 0],
  ])('are not the reason if %s', (_, before, now) => {
    const here = watch();
    here.guess(1);
    for (let minute = 0; minute < 10; minute++) {
      here.find(before);
      here.nextWindow();
    }
    for (let minute = 0; minute < 2; minute++) {
      here.find(now);
      here.guess(400);
      here.nextWindow();
    }
    expect(eventsOf(here)).toEqual(['started example.org']);
  });

  it('are not the reason after one window with very many hits, such as a newsletter', () => {
    const here = watch();
    here.guess(1);
    for (const hits of [150, 150, 50_000, 50_000, 150, 150]) {
      here.find(hits);
      here.nextWindow();
    }
    for (let minute = 0; minute < 2; minute++) {
      here.find(150);
      here.guess(300);
      here.nextWindow();
    }
    expect(eventsOf(here)).toEqual(['started example.org']);
  });

  it('may be the reason of one window, so the alarm waits for the hits of the next one', () => {
    const here = watch();
    const minute = (found: number, guessed: number): void => {
      here.find(found);
      here.guess(guessed);
      here.nextWindow();
    };
    for (let times = 0; times < 10; times++) minute(1_000, 1);
    minute(1_000, 300); // the addresses go in its last seconds, or somebody guesses
    expect(here.told).toEqual([]);
    minute(0, 1_300);
    minute(0, 1_300);
    expect(here.told).toEqual([]);
    minute(1_000, 1); // they are back
    minute(1_000, 300);
    expect(here.told).toEqual([]);
    minute(1_000, 0);
    expect(eventsOf(here)).toEqual(['started example.org', 'ended example.org']);
    expect(here.told[0]?.[1]).toMatchObject({ misses: 300, forMs: 2 * WINDOW_MS });
  });
});

describe('the usual number of hits', () => {
  it('follows traffic that becomes less and stays so, while nobody guesses', () => {
    const here = watch();
    here.guess(1);
    for (let minute = 0; minute < 80; minute++) {
      here.find(minute < 40 ? 1_000 : 10);
      here.nextWindow();
    }
    here.find(10);
    here.guess(200);
    here.nextWindow();
    expect(eventsOf(here)).toEqual(['started example.org']);
  });

  it('is known after the first whole window', () => {
    const here = watch();
    here.guess(1);
    here.nextWindow();
    for (let minute = 0; minute < 2; minute++) {
      here.find(1_000);
      here.nextWindow();
    }
    here.guess(900);
    here.nextWindow();
    expect(here.told).toEqual([]);
  });
});

describe('whatever clients send', () => {
  it(`of a million random domains ${MOST_DOMAINS} are watched one by one, and all others together: one line, below 1 MB`, () => {
    const here = watch();
    const bytes = (): number => {
      globalThis.gc?.();
      return process.memoryUsage().arrayBuffers;
    };
    const before = bytes();
    for (let at = 0; at < 1_000_000; at++) here.harvest.missed(MAILBOX, 'mta', `x@d${at}.example`);
    expect(bytes() - before).toBeLessThan(1_000_000);
    here.nextWindow();
    expect(here.told).toMatchObject([['started', { domain: null, misses: 1_000_000 - MOST_DOMAINS }]]);
    here.nextWindow();
    expect(eventsOf(here)).toEqual(['started null', 'ended null']);
  });

  it(`at most ${MOST_ALARMS} domains are alarms of their own at a time, the worst ones, and the others one together`, () => {
    const here = watch();
    for (let at = 0; at < 100; at++) here.guess(at < 50 ? 500 : 150, `d${at}.example`);
    here.nextWindow();
    expect(here.told.length).toBe(MOST_ALARMS + 1);
    expect(here.told.filter(([, { misses }]) => misses === 500).length).toBe(MOST_ALARMS);
    expect(here.told.find(([, { domain }]) => domain === null)?.[1].misses).toBe(40 * 500 + 50 * 150);
    expect(here.harvest.counts()).toMatchObject([{ alarms: MOST_ALARMS + 1, misses: 50 * 500 + 50 * 150 }]);
  });

  it('a domain with an alarm keeps its place, also if many others come first in a window', () => {
    const here = watch();
    here.guess(1_000);
    here.nextWindow();
    for (let at = 0; at < 1_000; at++) here.harvest.missed(MAILBOX, 'mta', `x@d${at}.example`);
    here.guess(1_000);
    here.nextWindow();
    expect(here.harvest.active()).toMatchObject([{ domain: 'example.org', misses: 2_000 }, { domain: null }]);
  });
});

describe('other settings', () => {
  it('names = 0 counts nothing, and ends the alarms that last', () => {
    const here = watch();
    here.guess(200);
    here.nextWindow();
    here.harvest.set({ ...SETTINGS, names: 0 });
    expect(eventsOf(here)).toEqual(['started example.org', 'ended example.org']);
    here.guess(200);
    here.nextWindow();
    expect(here.told.length).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('count from then on; the same settings, as after a reload, change nothing; the end of the daemon ends alarms', () => {
    const here = watch({ ...SETTINGS, names: 0 });
    here.guess(200);
    here.harvest.set(SETTINGS);
    here.guess(60);
    here.harvest.set({ ...SETTINGS });
    here.guess(60);
    here.nextWindow();
    here.harvest.close();
    expect(here.told).toMatchObject([
      ['started', { misses: 120 }],
      ['ended', { misses: 120 }],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
