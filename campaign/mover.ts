// Writers: mailboxes are added, removed and moved at every moment, and the history knows when.

import { setTimeout as sleep } from 'node:timers/promises';
import type { History } from './history.ts';
import type { StoreTarget } from './target.ts';

/** A store whose writers and exclusive faults come one after the other. */
export interface Writable {
  readonly target: StoreTarget;
  readonly history: History;
  /** Mailboxes that come and go. */
  readonly moving: readonly string[];
  turn<T>(work: () => Promise<T>): Promise<T>;
}

export interface Mover {
  readonly written: number;
  stop(): Promise<void>;
}

const RETRY_MS = 200;
const PATIENCE_MS = 30_000;

export function createWritable(target: StoreTarget, history: History, moving: readonly string[]): Writable {
  let last: Promise<unknown> = Promise.resolve();
  return {
    target,
    history,
    moving,
    turn(work) {
      const mine = last.then(work);
      last = mine.catch(() => {});
      return mine;
    },
  };
}

/** Writes until it is surely done, and says so in the history. Rejects after half a minute of failures. */
export async function write(
  { target, history, ...its }: Writable,
  clock: () => number,
  added: readonly string[],
  removed: readonly string[],
  end: AbortSignal,
): Promise<boolean> {
  for (const lateMs = clock() + PATIENCE_MS; !end.aborted; await sleep(RETRY_MS)) {
    const failure = await its.turn(async () => {
      const begun = [...added, ...removed].map((key, at) => history.begin(key, at < added.length, clock()));
      try {
        await target.put(added, removed);
      } catch (error) {
        return error;
      }
      for (const each of begun) each.done(clock());
      return null;
    });
    if (failure === null) return true;
    if (clock() > lateMs) throw new Error(`${target.name}: nobody can write to it`, { cause: failure });
  }
  return false;
}

/** Adds, removes and moves mailboxes of a store: one becomes another at one moment. */
export function startMover(writable: Writable, random: () => number, clock: () => number): Mover {
  const { target, moving } = writable;
  const [least, most] = target.restMs;
  const isThere = new Map(moving.map((key, at) => [key, at % 2 === 0]));
  const oneOf = (exists: boolean): string | undefined => {
    const all = moving.filter((key) => isThere.get(key) === exists);
    return all[Math.floor(random() * all.length)];
  };
  return startWriting(async (end, wrote) => {
    while (!end.aborted) {
      await sleep(least + random() * (most - least));
      const kind = random();
      const added = kind < 0.66 ? [oneOf(false)].filter((key) => key !== undefined) : [];
      const removed = kind > 0.33 ? [oneOf(true)].filter((key) => key !== undefined) : [];
      if (added.length + removed.length === 0) continue;
      if (!(await write(writable, clock, added, removed, end))) return;
      for (const key of added) isThere.set(key, true);
      for (const key of removed) isThere.set(key, false);
      wrote(added.length + removed.length);
    }
  });
}

const ROAM_MS = 800; // between two mailboxes; the same one moves no sooner than a request can last

/** Moves mailboxes from one store to another and back: they are added here before they are removed there. */
export function startRoamer(from: Writable, to: Writable, keys: readonly string[], clock: () => number): Mover {
  return startWriting(async (end, wrote) => {
    for (let [here, there] = [from, to]; !end.aborted; [here, there] = [there, here]) {
      for (const key of keys) {
        await sleep(ROAM_MS);
        if (!(await write(there, clock, [key], [], end))) return;
        if (!(await write(here, clock, [], [key], end))) return;
        wrote(1);
      }
    }
  });
}

/** Lets it write until it is stopped. `stop` rejects if it failed. */
function startWriting(run: (end: AbortSignal, wrote: (mailboxes: number) => void) => Promise<void>): Mover {
  const end = new AbortController();
  let written = 0;
  const running = run(end.signal, (mailboxes) => (written += mailboxes));
  running.catch(() => {}); // stop() rejects
  return {
    get written() {
      return written;
    },
    async stop() {
      end.abort();
      await running;
    },
  };
}
