import { type Durations, type Histogram, createHistogram } from '../histogram.ts';
import type { Reply } from '../vocabulary.ts';

/** Why a reply is not OK. A fixed set: a client cannot make it grow. */
export const REASONS = [
  'absent',
  'no_address',
  'disabled',
  'overquota',
  'loop',
  'uncertain',
  'canary_failed',
  'never_filled',
  'question_failed',
  'store_failed',
  'deadline',
  'unknown_map',
  'reply_too_long',
  'overload',
  'malformed',
  'framing',
  'successor',
  'bug',
] as const;
export type Reason = (typeof REASONS)[number];

/** The results of a reply, as the protocol spells them. */
export const RESULTS = ['OK', 'NOTFOUND', 'TEMP', 'PERM'] as const;
export type Result = (typeof RESULTS)[number];

/** What was replied to the requests for one map. */
export interface MapCounts {
  /** By the name of the listener. */
  readonly replies: ReadonlyMap<string, Readonly<Record<Result, number>>>;
  /** NOTFOUND and PERM that refuse mail. */
  readonly refusals: Readonly<Record<Reason, number>>;
  /** TEMP. */
  readonly deferrals: Readonly<Record<Reason, number>>;
  /** From the arrival of a request to its reply. */
  readonly took: Durations;
}

/** What happened since the start of this process. Plain numbers: those of several processes can be added. */
export interface Counts {
  readonly maps: ReadonlyMap<string, MapCounts>;
  /** Counts one reply. `reason` is null for an OK, and for a NOTFOUND that refuses no mail. */
  replied(map: string, listener: string, reply: Reply['kind'], reason: Reason | null, ms: number): void;
  /** What the maps in shadow say. */
  readonly shadows: ReadonlyMap<string, Readonly<Record<Result, number>>>;
  shadowed(map: string, would: Reply['kind']): void;
  /** How often each event of a family happened, by the value of its label. */
  readonly events: Readonly<Record<EventFamily, ReadonlyMap<string, number>>>;
  happened(family: EventFamily, label: string): void;
  /** When the configuration in use was read, as Date.now() counts, and whether the last reload was accepted. */
  configuration: { readAt: number; accepted: boolean };
}

/** The numbers alone, which another process can read too. */
export type Totals = Omit<Counts, 'replied' | 'shadowed' | 'happened'>;

/** The events that are counted, each by one label of few values. */
export type EventFamily = 'reloads' | 'ended' | 'turnedAway' | 'acceptFailures' | 'socketsLost' | 'stalls' | 'shrinks';

/** Why smmap ends a connection, as labels. */
const ENDS = ['framing_error', 'unfinished_request', 'replies_not_read', 'idle', 'late_answer'] as const;

/** Starts at zero. */
export function createCounts(): Counts {
  const maps = new Map<string, OwnCounts>();
  const events: Readonly<Record<EventFamily, Map<string, number>>> = {
    reloads: new Map([
      ['accepted', 0],
      ['refused', 0],
      ['failed', 0],
    ]),
    ended: new Map(ENDS.map((why) => [why, 0])),
    turnedAway: new Map([
      ['hard_connections', 0],
      ['allow', 0],
    ]),
    acceptFailures: new Map(),
    socketsLost: new Map(),
    stalls: new Map([['', 0]]),
    shrinks: new Map(),
  };
  const shadows = new Map<string, Record<Result, number>>();
  const open = (name: string): OwnCounts => {
    const made = { replies: new Map(), refusals: zeros(REASONS), deferrals: zeros(REASONS), took: createHistogram() };
    maps.set(name, made);
    return made;
  };
  return {
    maps,
    replied(name, listener, kind, reason, ms) {
      const map = maps.get(name) ?? open(name);
      let replies = map.replies.get(listener);
      if (replies === undefined) map.replies.set(listener, (replies = zeros(RESULTS)));
      replies[resultOf(kind)]++;
      if (reason !== null) (kind === 'NOTFOUND' || kind === 'PERM' ? map.refusals : map.deferrals)[reason]++;
      map.took.add(ms);
    },
    shadows,
    shadowed(name, would) {
      let results = shadows.get(name);
      if (results === undefined) shadows.set(name, (results = zeros(RESULTS)));
      results[resultOf(would)]++;
    },
    events,
    happened(family, label) {
      events[family].set(label, (events[family].get(label) ?? 0) + 1);
    },
    configuration: { readAt: Date.now(), accepted: true },
  };
}

interface OwnCounts extends MapCounts {
  readonly replies: Map<string, Record<Result, number>>;
  readonly refusals: Record<Reason, number>;
  readonly deferrals: Record<Reason, number>;
  readonly took: Histogram;
}

/** A reply as the metrics count it. */
export function resultOf(kind: Reply['kind']): Result {
  return kind === 'TIMEOUT' ? 'TEMP' : kind;
}

function zeros<T extends string>(names: readonly T[]): Record<T, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>;
}
