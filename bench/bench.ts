import type { Load } from './driver.ts';
import type { Verdict } from './goal.ts';
import type { Scratch } from './scratch.ts';
import type { Stores } from './store.ts';

/** How long a run takes and how far it goes. */
export interface Extent {
  readonly rounds: number;
  readonly warmMs: number;
  readonly runMs: number;
  /** How often a daemon is started to find how long that takes. */
  readonly starts: number;
  /** The numbers of mailboxes of the scale part; the first is what the others are held against. */
  readonly sizes: readonly number[];
}

export const EXTENTS = {
  quick: { rounds: 3, warmMs: 100, runMs: 200, starts: 2, sizes: [1_000, 1_000_000] },
  default: {
    rounds: 9,
    warmMs: 150,
    runMs: 500,
    starts: 5,
    sizes: [1_000, 100_000, 1_000_000],
  },
  full: {
    rounds: 15,
    warmMs: 150,
    runMs: 1_000,
    starts: 9,
    sizes: [1_000, 100_000, 1_000_000, 10_000_000],
  },
} as const satisfies Record<string, Extent>;

/** What every part is given. */
export interface Bench {
  readonly scratch: Scratch;
  readonly load: Load;
  readonly stores: Stores;
  /** The daemon's main.js. */
  readonly daemon: string;
  /** Another build's main.js, to be measured in the same rounds. */
  readonly other: string | null;
  readonly extent: Extent;
  readonly print: (text: string) => void;
}

/** Measures, prints its tables, and judges its goals. */
export type Part = (bench: Bench) => Promise<readonly Verdict[]>;

/** The numbers of mailboxes that the goals speak of. */
export const MEMORY_MAILBOXES = 1_000;
export const EMBEDDED_MAILBOXES = 1_000_000;
