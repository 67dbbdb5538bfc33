import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Question } from '../../../vocabulary.ts';
import { type Brake, largeIn, type Loss } from '../../brake.ts';
import type { DriverEvents } from '../../driver.ts';
import type { Availability } from '../../guard/breaker.ts';
import { checkTable, type Held } from '../../held.ts';
import { ClosedError, type Store, StoreError, toStoreError } from '../../store.ts';
import { type FileList, loadLists, type Version, versionOf, WrittenError } from './load.ts';
import { createLook } from './look.ts';
import { findGone, flawOfLoss, lossesOf } from './loss.ts';

/** Times, which tests shorten. */
export interface Times {
  /** So long must files stay unchanged before they are read: a program may be writing them. */
  readonly stillMs: number;
  /** So often are they looked at. */
  readonly everyMs: number;
  /** For so long a record that is gone counts as a doubt: the rest of the list may come. */
  readonly lostMs: number;
}

const TIMES: Times = { stillMs: 2_000, everyMs: 250, lostMs: 30_000 };
const OLD_MS = 60_000; // at the start, files that are older are still; the clock of a file server may be wrong by less
const AGAIN_MS = 20;
const START_MS = 10_000;
const TOLD_MS = 10_000; // files that are written for longer are worth a line in the log

/** The store, and how the list that it holds back is taken. */
export type FileStore = Store & { readonly brake: Brake };

/**
 * Records in files, in memory. What is absent counts only after a look at the files that began after the question: they
 * must be those that were read. All files are exchanged at once. While they are written, or are not whole, the last
 * whole ones are asked, and nothing is absent. Resolves when the files were read, or cannot be read now.
 */
export async function openFileStore(
  lists: readonly FileList[],
  events: Availability & Pick<DriverEvents, 'shrank'>,
  times: Times = TIMES,
): Promise<FileStore> {
  let good: { readonly held: Held; readonly version: string } | null = null;
  /** Why nothing is absent now; null if it is. */
  let doubt: StoreError | null = null;
  let seen: { readonly version: string; readonly since: number } | null = null;
  let refused: { readonly version: string; readonly why: StoreError; readonly losses: readonly Loss[] } | null = null;
  let lost: { readonly held: Held; readonly until: number } | null = null;
  let unsettledSince: number | null = null;
  let reported: string | null = '';
  let loading = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const settle = (why: StoreError | null): void => {
    doubt = why;
    unsettledSince = null;
    const message = why?.message ?? null;
    if (closed || message === reported) return;
    reported = message;
    if (why === null) events.opened();
    else events.unavailable(why);
  };
  /** For a doubt that passes by itself. */
  const wait = (why: StoreError): void => {
    unsettledSince ??= performance.now();
    if (performance.now() - unsettledSince < TOLD_MS) doubt = why;
    else settle(new StoreError('the lists are written again and again; rename a new file over the old one instead'));
  };

  /** Compares the files with those that were read. Reads them again if they are others, and nobody writes them. */
  const notice = ({ text: version, changedMs }: Version): void => {
    if (version === good?.version) return settle(null);
    if (seen?.version !== version) {
      const isOld = seen === null && Date.now() - changedMs > OLD_MS;
      seen = { version, since: isOld ? -Infinity : performance.now() };
    }
    if (version === refused?.version) return settle(refused.why);
    wait(new StoreError('a list was just written, and is read when nobody writes it any more'));
    if (!loading && performance.now() - seen.since >= times.stillMs) void load(version);
  };
  /** Takes the files, if they are whole and have not lost much. `isReleased`: also if they have. */
  const load = async (version: string, isReleased = false): Promise<void> => {
    loading = true;
    try {
      const { held, flaw, version: read } = await loadLists(lists);
      if (read.text !== version) throw new WrittenError();
      const gone = good === null ? null : await findGone(good.held, held);
      const losses = gone === null || good === null ? [] : lossesOf(good.held, held, gone);
      const why = flaw ?? (isReleased ? null : flawOfLoss(losses));
      if (why !== null) {
        refused = { version, why, losses: flaw === null ? losses : [] };
        const large = largeIn(refused.losses);
        if (large !== undefined) events.shrank(large.kind, large.before, large.after, true);
        return settle(why);
      }
      const doubted = isReleased ? null : gone;
      const earlier = lost !== null && performance.now() < lost.until ? lost.held : null;
      const all = earlier === null ? doubted : await findGone(earlier, held, doubted);
      lost = all === null ? null : { held: all, until: performance.now() + times.lostMs };
      good = { held, version };
      settle(null);
    } catch (cause) {
      if (cause instanceof WrittenError) wait(cause);
      else settle(toStoreError(cause));
    } finally {
      loading = false;
    }
  };

  const look = createLook(async () => {
    const version = await versionOf(lists);
    notice(version);
    return version.text;
  });
  const lookNow = async (): Promise<string> => {
    try {
      return await look();
    } catch (cause) {
      settle(toStoreError(cause));
      throw cause;
    }
  };
  const schedule = (): void => {
    if (!closed) timer = setTimeout(() => void lookNow().then(schedule, schedule), times.everyMs).unref();
  };

  const find = (question: Question): Answer => {
    if (closed) throw new ClosedError();
    if (good === null) throw doubt ?? new StoreError('the lists were not read yet');
    checkTable(good.held, question);
    return good.held.find(question);
  };
  const wasLost = (question: Question): boolean => {
    if (lost !== null && performance.now() > lost.until) lost = null;
    return lost !== null && lost.held.find(question) !== null;
  };
  const confirm = async (questions: readonly Question[]): Promise<readonly Answer[]> => {
    const version = await lookNow();
    const answers = questions.map(find); // of one moment: what was read is what the look saw
    const absent = questions.filter((_, at) => answers[at] === null);
    if (absent.length > 0 && version !== good?.version) throw doubt ?? new StoreError('a list was just read again');
    if (absent.some(wasLost)) throw new StoreError('it was in a list until a moment ago: was the list cut off?');
    return answers;
  };

  const brake: Brake = {
    held: () => (refused !== null && doubt === refused.why ? refused.losses : []),
    async release() {
      await lookNow(); // a list that has changed meanwhile is another one
      if (loading) throw new StoreError('a list is being read');
      const losses = brake.held();
      if (refused === null || losses.length === 0) {
        if (doubt !== null) throw doubt;
        return [];
      }
      await load(refused.version, true);
      if (doubt !== null) throw doubt;
      return losses;
    },
  };

  const isSettled = (): boolean => unsettledSince === null && !loading;
  const begin = async (): Promise<void> => {
    do {
      await lookNow().catch(() => {}); // it was reported
      if (!isSettled()) await sleep(AGAIN_MS);
    } while (!isSettled());
  };
  await Promise.race([begin(), sleep(START_MS, undefined, { ref: false })]);
  schedule();
  return {
    lookup: (question) => find(question) ?? confirm([question]).then(([answer]) => answer as Answer),
    lookupAtOnce(questions) {
      const answers = questions.map(find);
      return answers.every((answer) => answer !== null) ? answers : confirm(questions);
    },
    atomic: true,
    brake,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
