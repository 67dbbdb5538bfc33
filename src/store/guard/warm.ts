import { messageOf } from '../../message.ts';
import type { Maybe, Question } from '../../vocabulary.ts';
import type { Selection } from './cache-key.ts';
import { type Name, createWarmNames } from './warm-names.ts';

/** Lists the mailboxes of a store that take mail and have no value: those whose lookup would say so. */
export interface Lister {
  /** The portion behind this place; null: the first one. Rejects if the store cannot tell. */
  read(after: string | null): Promise<Listed>;
  close(): Maybe<void>;
}

/** A portion of a list. */
export interface Listed {
  readonly names: readonly Name[];
  /** Where the next portion begins. Null: this was the last one. */
  readonly next: string | null;
}

export interface WarmOptions {
  /** How many mailboxes are kept at most. */
  readonly entries: number;
  /** How long after the begin of a list the next one begins. */
  readonly warmEveryMs: number;
}

/** What happens to the lists of a store, for the log. Each is told once, until it changes. */
export interface WarmEvents {
  /** There is a list. `isLonger`: it has more mailboxes than the cache keeps. */
  warmed(entries: number, isLonger: boolean): void;
  /** There is no newer list. */
  notWarmed(cause: unknown): void;
}

/** Numbers of the lists, for people. */
export interface WarmStats {
  readonly entries: number;
  readonly isLonger: boolean;
  /** How long ago the newest complete list began. Null: there was none. */
  readonly ageMs: number | null;
  /** Questions that were answered from the lists. */
  readonly hits: number;
  /** Why the newest list failed. Null: it did not. */
  readonly failure: string | null;
}

/** The mailboxes that a store listed. */
export interface Warm {
  /** When the store was asked for the list that has this mailbox. Undefined: no list that counts has it. */
  dateOf(question: Question): number | undefined;
  forget(selection: Selection): number;
  /** Drops the mailbox of a question, because the store gave a newer answer. */
  drop(question: Question): void;
  each(selection: Selection, visit: (name: Name, at: number) => void): void;
  stats(): Omit<WarmStats, 'hits'>;
  close(): Promise<void>;
}

const AGAIN_MS = 5_000; // after a failure
const SOON_MS = 1_000; // between two lists, however often somebody forgets everything

/**
 * Has a store list its mailboxes: now, every `warmEveryMs`, and soon after a domain or everything was forgotten. It asks
 * for one portion at a time, and pauses after each as long as that took, so that questions go first. A failure changes
 * nothing: the names of the lists before stay, and grow old.
 */
export function createWarm(lister: Lister, options: WarmOptions, events: WarmEvents, clock: () => number): Warm {
  const { entries, warmEveryMs } = options;
  const names = createWarmNames(entries);
  const closing = new AbortController();
  const isClosed = (): boolean => closing.signal.aborted;
  let isDue = false; // more was forgotten than one address
  let isResting = false; // until the next list is due
  let isLonger = false;
  let listedAt: number | null = null;
  let failure: string | null = null;
  let told: string | null = null;
  let wake = (): void => {};

  const pause = (ms: number): Maybe<void> => {
    if (isClosed()) return;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };
  const tell = (what: string, now: () => void): void => {
    if (told !== what) now();
    told = what;
  };
  const list = async (startedAt: number): Promise<void> => {
    let hasMore = false;
    names.begin();
    for (let after: string | null = null, at = startedAt; ; at = clock()) {
      names.ask(at);
      const listed: Listed = await lister.read(after).catch((cause: unknown) => {
        names.add([]);
        throw cause;
      });
      const left = names.add(listed.names);
      hasMore ||= left > 0;
      after = left > 0 && left === listed.names.length ? null : listed.next; // if none has room, the rest has none
      if (after === null) break;
      await pause(clock() - at);
      if (isClosed()) return;
    }
    names.end();
    isLonger = hasMore;
    listedAt = startedAt;
    failure = null;
    for (const _ of names.sweep()) await pause(0);
    tell(hasMore ? 'longer' : 'whole', () => events.warmed(names.size(), hasMore));
  };
  const run = async (): Promise<void> => {
    while (!isClosed()) {
      const startedAt = clock();
      isDue = false;
      try {
        await list(startedAt);
      } catch (cause) {
        if (isClosed()) return;
        failure = messageOf(cause);
        tell('failed', () => events.notWarmed(cause));
      }
      await pause(SOON_MS);
      const waitMs = failure === null ? startedAt + warmEveryMs - clock() : AGAIN_MS - SOON_MS;
      isResting = true;
      if (!isDue) await pause(Math.max(0, waitMs));
      isResting = false;
    }
  };
  const running = run();

  return {
    dateOf(question) {
      if (question.about !== 'mailbox' || question.folder !== null) return undefined;
      return names.dateOf(question.local, question.domain);
    },
    forget(selection) {
      if (selection === 'all' || 'domain' in selection) {
        isDue = true;
        if (isResting) wake();
      }
      return names.forget(selection);
    },
    drop(question) {
      if (question.about === 'mailbox' && question.folder === null) names.drop(question);
    },
    each: (selection, visit) => names.each(selection, visit),
    stats() {
      const ageMs = listedAt === null ? null : clock() - listedAt;
      return { entries: names.size(), isLonger, ageMs, failure };
    },
    async close() {
      closing.abort();
      wake();
      await lister.close();
      await running;
    },
  };
}
