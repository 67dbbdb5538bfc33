import { messageOf } from '../../message.ts';
import type { About, Answer, Maybe, Question } from '../../vocabulary.ts';
import { belongsTo, formatQuestion, parseQuestion, parseSelection } from './cache-key.ts';
import { createElapsed } from './elapsed.ts';
import { createLru } from './lru.ts';
import { ClosedError, EmptyStoreError, type Store, StoreError } from '../store.ts';

export interface CacheOptions {
  /** How many answers are kept at most; a quarter of them may be absences, an eighth failures. */
  readonly entries: number;
  /** For how long it is answered that somebody is there. */
  readonly positiveMs: number;
  /** For how long everything is answered that can refuse mail: absences first of all. */
  readonly negativeMs: number;
  /** For how long a store that failed is not asked the same again. */
  readonly failureMs: number;
  /** How old an answer that somebody is there may be where the store fails. */
  readonly staleMs: number;
}

/** What is kept of one question. */
export interface Kept {
  readonly question: Question;
  readonly answer: Answer | { readonly failed: string };
  readonly ageMs: number;
  /** For how much longer it is answered; 0: the store is asked first. */
  readonly leftMs: number;
  /** For how much longer it is answered where the store fails. */
  readonly staleLeftMs: number;
}

/** Numbers: what is there now, and what has happened since the start. */
export interface CacheStats {
  readonly entries: number;
  readonly found: number;
  readonly absent: number;
  readonly failures: number;
  /** Questions that were answered without the store. */
  readonly hits: number;
  /** Questions that the store was asked. */
  readonly misses: number;
  /** Questions that waited for the answer to another one, which was the same. */
  readonly joined: number;
  readonly staleServed: number;
  readonly failuresServed: number;
  /** Lookups that others may wait for. */
  readonly underWay: number;
}

export interface CachedStore extends Store {
  /**
   * Drops what is known about `fred@example.org` (with its folders, alias and domain), `@example.org` (with all that is in
   * it), the key of a table, or with null all, and gives back how much that was. What is asked after this is asked anew.
   */
  forget(what: string | null): number;
  /** What may still be answered about the same, at most so many, and how many more there are. */
  show(what: string | null, most: number): { readonly kept: Kept[]; readonly leftOut: number };
  stats(): CacheStats;
}

interface Said {
  readonly answer: Answer;
  readonly at: number;
  /** Answers with the same number are as of one moment. */
  readonly moment: number;
}

interface Failure {
  readonly cause: unknown;
  readonly at: number;
}

interface Flight {
  readonly answer: Promise<Answer>;
  readonly at: number;
}

const LONGEST_KEY = 1_024; // characters; nobody has such an address, but anybody can ask for one
const LONGEST_VALUE = 4_096; // characters; so that all entries together have a bound in bytes too
const JOIN_MS = 5_000; // as long as the most patient client waits (Exim): who asks after that is not served by a lookup that hangs
const MOST_FLIGHTS = 20_000; // twice what a batch lets wait; beyond that some hang, and are asked again

/**
 * A store that remembers answers. What accepts mail is kept for `positiveMs`, and where the store fails up to `staleMs`, since it
 * was certain once; what can refuse mail is asked anew behind `negativeMs`, always. An answer is as old as its question:
 * it may have been decided at once, and have come late. Same questions at the same time are asked once. Questions that are asked
 * at once are answered from what is kept only where all of that is as of one moment.
 */
export function createCache(store: Store, options: CacheOptions, clock: () => number = createElapsed()): CachedStore {
  const { entries, positiveMs, negativeMs, failureMs, staleMs } = options;
  // Each has a place of its own, so that who tries out addresses does not push out those that exist.
  const refused = createLru<Said>(entries >> 2, belongsTo);
  const failed = createLru<Failure>(entries >> 3, belongsTo);
  const accepted = createLru<Said>(entries - (entries >> 2) - (entries >> 3), belongsTo);
  const lrus = [accepted, refused, failed] as const;
  const flights = createLru<Flight>(MOST_FLIGHTS, belongsTo);
  const joinMs = Math.min(JOIN_MS, negativeMs); // a null that is waited for is as old as its lookup
  const count = { hits: 0, misses: 0, joined: 0, staleServed: 0, failuresServed: 0 };
  let moments = 0;
  let closed = false;

  const keep = (key: string, about: About, said: Said): void => {
    for (const lru of lrus) lru.remove(key);
    if (said.answer !== null && said.answer.value.length > LONGEST_VALUE) return;
    (accepts(about, said.answer) ? accepted : refused).put(key, said);
  };
  /** What was said of a key, and may still be answered. */
  const freshOf = (key: string, now: number): Said | undefined => {
    const found = accepted.get(key);
    if (found !== undefined && now - found.at < positiveMs) return found;
    const refusal = refused.get(key);
    return refusal !== undefined && now - refusal.at < negativeMs ? refusal : undefined;
  };
  const note = (key: string, cause: unknown): void => {
    // A store that was never filled says so at once, and is to be asked as soon as somebody fills it.
    if (!(cause instanceof EmptyStoreError)) failed.put(key, { cause, at: clock() });
  };
  /** What was found before the store failed. */
  const staleOf = (key: string): Answer => {
    const said = accepted.get(key);
    if (said === undefined || clock() - said.at >= staleMs) return null;
    count.staleServed++;
    return said.answer;
  };

  const ask = (key: string, question: Question, at: number): Maybe<Answer> => {
    count.misses++;
    flights.remove(key);
    let answer: Maybe<Answer>;
    try {
      answer = store.lookup(question);
    } catch (cause) {
      note(key, cause);
      const stale = staleOf(key);
      if (stale === null) throw cause;
      return stale;
    }
    const moment = moments++;
    if (answer instanceof Promise) return wait(key, question.about, answer, at, moment);
    keep(key, question.about, { answer, at, moment });
    return answer;
  };
  /** Only the last lookup of a key may say what is kept: whatever was forgotten or asked again since has taken its place. */
  const wait = (key: string, about: About, answer: Promise<Answer>, at: number, moment: number): Promise<Answer> => {
    const isLast = (): boolean => flights.get(key) === flight && flights.remove(key);
    const flight: Flight = {
      at,
      answer: answer.then(
        (said) => {
          if (isLast()) keep(key, about, { answer: said, at, moment });
          return said;
        },
        (cause: unknown) => {
          if (isLast()) note(key, cause);
          const stale = staleOf(key);
          if (stale === null) throw cause;
          return stale;
        },
      ),
    };
    flights.put(key, flight);
    return flight.answer;
  };

  /** Their answers, where all are kept and as of one moment. */
  const keptAtOnce = (keys: readonly string[], now: number): readonly Answer[] | null => {
    const said = keys.map((key) => freshOf(key, now));
    const [first] = said;
    if (first === undefined || said.some((each) => each?.moment !== first.moment)) return null;
    count.hits += keys.length;
    return said.map((each) => (each as Said).answer);
  };
  const askAtOnce = (keys: readonly string[], questions: readonly Question[], at: number): Maybe<readonly Answer[]> => {
    count.misses += keys.length;
    const moment = moments++;
    const answers = store.lookupAtOnce(questions);
    questions.forEach(({ about }, nth) => {
      const key = keys[nth] as string;
      flights.remove(key);
      if (answers instanceof Promise) {
        const answer = answers.then((all) => all[nth] as Answer);
        wait(key, about, answer, at, moment).catch(() => {}); // who asked is told by `answers`
      } else keep(key, about, { answer: answers[nth] as Answer, at, moment });
    });
    return answers;
  };

  return {
    lookup(question) {
      if (closed) throw new ClosedError();
      const key = formatQuestion(question);
      if (key.length > LONGEST_KEY) return store.lookup(question);
      const now = clock();
      const said = freshOf(key, now);
      if (said !== undefined) {
        count.hits++;
        return said.answer;
      }
      const failure = failed.get(key);
      if (failure !== undefined && now - failure.at < failureMs) {
        const stale = staleOf(key);
        if (stale !== null) return stale;
        count.failuresServed++;
        throw again(failure, now);
      }
      const flight = flights.get(key);
      if (flight === undefined || now - flight.at > joinMs) return ask(key, question, now);
      count.joined++;
      return flight.answer;
    },
    lookupAtOnce(questions, anew = false) {
      if (closed) throw new ClosedError();
      const keys = questions.map(formatQuestion);
      if (keys.some((key) => key.length > LONGEST_KEY)) return store.lookupAtOnce(questions);
      const now = clock();
      return (anew ? null : keptAtOnce(keys, now)) ?? askAtOnce(keys, questions, now);
    },
    atomic: store.atomic,
    close() {
      closed = true;
      for (const lru of [flights, ...lrus]) lru.forget('all');
      return store.close();
    },
    forget(what) {
      const selection = parseSelection(what);
      flights.forget(selection);
      return lrus.reduce((sum, lru) => sum + lru.forget(selection), 0);
    },
    show(what, most) {
      const selection = parseSelection(what);
      const now = clock();
      const kept: Kept[] = [];
      let leftOut = 0;
      const add = (key: string, answer: Kept['answer'], at: number, lifeMs: number, lifeStaleMs: number): void => {
        const ageMs = now - at;
        const [leftMs, staleLeftMs] = [Math.max(0, lifeMs - ageMs), Math.max(0, lifeStaleMs - ageMs)];
        if (leftMs === 0 && staleLeftMs === 0) return;
        if (kept.length < most) kept.push({ question: parseQuestion(key), answer, ageMs, leftMs, staleLeftMs });
        else leftOut++;
      };
      accepted.each(selection, (key, { answer, at }) => add(key, answer, at, positiveMs, staleMs));
      refused.each(selection, (key, { answer, at }) => add(key, answer, at, negativeMs, 0));
      failed.each(selection, (key, { cause, at }) => add(key, { failed: messageOf(cause) }, at, failureMs, 0));
      return { kept, leftOut };
    },
    stats() {
      const [found, absent, failures] = [accepted.size(), refused.size(), failed.size()];
      return { entries: found + absent + failures, found, absent, failures, ...count, underWay: flights.size() };
    },
  };
}

/**
 * Whether what was found can only accept mail. A mailbox that is not active may be refused, the class of a domain may be the
 * wrong one, and what a table says may be REJECT: those are as grave as an absence.
 */
function accepts(about: About, answer: Answer): boolean {
  return answer?.state === 'active' && (about === 'mailbox' || about === 'alias');
}

function again({ cause, at }: Failure, now: number): StoreError {
  const reason = messageOf(cause);
  return new StoreError(`failed ${Math.round(now - at)} ms ago, and is not asked again so soon: ${reason}`, { cause });
}
