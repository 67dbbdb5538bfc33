import { andThen } from '../../maybe.ts';
import { messageOf } from '../../message.ts';
import type { Trace } from '../../trace.ts';
import type { About, Answer, Maybe, Question } from '../../vocabulary.ts';
import { ClosedError, EmptyStoreError, type Store } from '../store.ts';
import { belongsTo, formatQuestion, parseQuestion, parseSelection } from './cache-key.ts';
import { createElapsed } from './elapsed.ts';
import { createLru } from './lru.ts';
import { createMoments } from './moments.ts';
import { type Failure, type Said, accepts, repeated, secondsOf } from './said.ts';
import { type Shown, createShown } from './shown.ts';
import type { Warm, WarmStats } from './warm.ts';

export interface CacheOptions {
  /** How many answers are kept at most. Up to a quarter of them may be absences, up to an eighth failures. */
  readonly entries: number;
  /** How long an answer that accepts mail is repeated. */
  readonly positiveMs: number;
  /** How long an answer that can refuse mail is repeated: an absence first of all. */
  readonly negativeMs: number;
  /** How long a store that failed is not asked the same question again. */
  readonly failureMs: number;
  /** How old an answer that accepts mail may be, if the store fails. */
  readonly staleMs: number;
}

/** Numbers: what is kept now, and what has happened since the start. */
export interface CacheStats {
  readonly entries: number;
  readonly found: number;
  readonly absent: number;
  readonly failures: number;
  /** Questions that were answered without the store. */
  readonly hits: number;
  /** Questions that went to the store. */
  readonly misses: number;
  /** Questions that waited for the answer to the same question, which was under way. */
  readonly joined: number;
  readonly staleServed: number;
  readonly failuresServed: number;
  /** Lookups whose answer another question may wait for. */
  readonly underWay: number;
  /** What the store listed. Its mailboxes are among `entries` and `found`. Null: it lists nothing. */
  readonly warm: WarmStats | null;
}

/** A store with a cache. */
export interface CachedStore extends Store {
  /**
   * Forgets `fred@example.org` (with its folders, alias and domain), `@example.org` (with everything in it), the key of
   * a table, or with null everything. Returns how many answers that were. A question after this goes to the store.
   */
  forget(what: string | null): number;
  /** Lists what may still be answered of the same: at most `most` answers, and how many more there are. */
  show(what: string | null, most: number): Shown;
  stats(): CacheStats;
}

type Asked = Pick<Question, 'about' | 'trace'>;

/** A lookup that is under way. */
interface Flight {
  readonly answer: Promise<Answer>;
  readonly at: number;
}

/** What a lookup says about a mailbox that the store lists. */
const LISTED: Answer = Object.freeze({ value: '', state: 'active' });

const LONGEST_KEY = 1_024; // characters; no real address is so long, but anybody can ask for one
const LONGEST_VALUE = 4_096; // characters; this limits the memory of all entries together
const JOIN_MS = 5_000; // as long as the most patient client waits (Exim). After that, a lookup counts as hung
const MOST_FLIGHTS = 20_000; // twice what may wait for a batch. If there are more, some hang and are asked again

/**
 * A store that remembers answers. An answer that accepts mail is kept for `positiveMs`. If the store fails, it is kept
 * up to `staleMs`, because it was certain once. An answer that can refuse mail is always asked anew after `negativeMs`.
 * The age of an answer counts from its question, because the store may decide at once and answer late. The same
 * question is asked only once at the same time. lookupAtOnce answers from the cache only if all its answers are as of
 * one moment. A store without moments has to give the same answers twice: a move during the second time may hide from
 * it. A mailbox that `warm` has counts as found at its date there. Who is not in it is asked for.
 */
export function createCache(
  store: Store,
  options: CacheOptions,
  clock: () => number = createElapsed(),
  warm: Warm | null = null,
): CachedStore {
  const { entries, positiveMs, negativeMs, failureMs, staleMs } = options;
  // Each has its own space, so a client that guesses addresses does not push out those that exist.
  const refused = createLru<Said>(entries >> 2, belongsTo);
  const failed = createLru<Failure>(entries >> 3, belongsTo);
  const accepted = createLru<Said>(entries - (entries >> 2) - (entries >> 3), belongsTo);
  const lrus = [accepted, refused, failed] as const;
  const flights = createLru<Flight>(MOST_FLIGHTS, belongsTo);
  const joinMs = Math.min(JOIN_MS, negativeMs); // the age of a null counts from its lookup
  const moments = createMoments(store.atomic);
  const count = { hits: 0, misses: 0, joined: 0, staleServed: 0, failuresServed: 0 };
  let warmHits = 0;
  let closed = false;

  const keep = (key: string, about: About, said: Said): void => {
    for (const lru of lrus) lru.remove(key);
    if (warm !== null && about === 'mailbox') warm.drop(parseQuestion(key)); // this answer may be newer
    if (said.answer !== null && said.answer.value.length > LONGEST_VALUE) return;
    (accepts(about, said.answer) ? accepted : refused).put(key, said);
  };
  /** The answer for a key, if it may still be given. */
  const freshOf = (key: string, now: number): Said | undefined => {
    const found = accepted.get(key);
    if (found !== undefined && now - found.at < positiveMs) return found;
    const refusal = refused.get(key);
    return refusal !== undefined && now - refusal.at < negativeMs ? refusal : undefined;
  };
  const keepFailure = (key: string, cause: unknown): void => {
    // A store that was never filled fails fast, and must be asked again as soon as somebody fills it.
    if (!(cause instanceof EmptyStoreError)) failed.put(key, { cause, at: clock() });
  };
  const keptFor = (about: About, { answer, at }: Said, now: number): string => {
    const [ageMs, lifeMs] = [now - at, accepts(about, answer) ? positiveMs : negativeMs];
    return `from the cache, ${secondsOf(ageMs)} old, for at most ${secondsOf(lifeMs - ageMs)} more`;
  };
  const listedFor = (question: Question): Pick<Said, 'answer' | 'at'> | undefined => {
    const at = warm?.dateOf(question);
    return at === undefined ? undefined : { answer: LISTED, at };
  };
  /** The answer that accepts mail from before the store failed, if it is not too old. */
  const staleOf = (key: string, trace?: Trace): Answer => {
    const said = accepted.get(key) ?? listedFor(parseQuestion(key));
    if (said === undefined || clock() - said.at >= staleMs) return null;
    count.staleServed++;
    trace?.note('cache', `the store fails, so the cache repeats what was found ${secondsOf(clock() - said.at)} ago`);
    return said.answer;
  };

  const ask = (key: string, question: Question, at: number): Maybe<Answer> => {
    count.misses++;
    question.trace?.note('cache', 'not in the cache');
    flights.remove(key);
    let answer: Maybe<Answer>;
    try {
      answer = store.lookup(question);
    } catch (cause) {
      keepFailure(key, cause);
      const stale = staleOf(key, question.trace);
      if (stale === null) throw cause;
      return stale;
    }
    const moment = moments.next();
    if (answer instanceof Promise) return wait(key, question, answer, at, () => moment);
    keep(key, question.about, { answer, at, moment });
    return answer;
  };
  /** Only the newest lookup of a key may change what is kept, and only if the key was not forgotten meanwhile. */
  const wait = (
    key: string,
    { about, trace }: Asked,
    answer: Promise<Answer>,
    at: number,
    momentOf: () => number,
  ): Promise<Answer> => {
    const isLast = (): boolean => flights.get(key) === flight && flights.remove(key);
    const flight: Flight = {
      at,
      answer: answer.then(
        (said) => {
          if (isLast()) keep(key, about, { answer: said, at, moment: momentOf() });
          return said;
        },
        (cause: unknown) => {
          if (isLast()) keepFailure(key, cause);
          const stale = staleOf(key, trace);
          if (stale === null) throw cause;
          return stale;
        },
      ),
    };
    flights.put(key, flight);
    return flight.answer;
  };

  /** The answers, if all are kept and as of one moment. */
  const keptAtOnce = (keys: readonly string[], now: number, asked?: Asked): readonly Answer[] | null => {
    const said = keys.map((key) => freshOf(key, now));
    const [first] = said;
    if (first === undefined || said.some((each) => each?.moment !== first.moment)) return null;
    count.hits += keys.length;
    asked?.trace?.note('cache', `all ${keptFor(asked.about, first, now)}`);
    return said.map((each) => (each as Said).answer);
  };
  const askAtOnce = (keys: readonly string[], questions: readonly Question[], at: number): Maybe<readonly Answer[]> => {
    count.misses += keys.length;
    const together = moments.together(keys.map((key) => freshOf(key, at)?.answer));
    const answers = andThen(store.lookupAtOnce(questions), (all) => together.told(all));
    questions.forEach(({ about }, nth) => {
      const key = keys[nth] as string;
      const momentOf = (): number => together.momentOf(nth);
      flights.remove(key);
      if (answers instanceof Promise) {
        const answer = answers.then((all) => all[nth] as Answer);
        wait(key, { about }, answer, at, momentOf).catch(() => {}); // `answers` carries the failure to the caller
      } else keep(key, about, { answer: answers[nth] as Answer, at, moment: momentOf() });
    });
    return answers;
  };

  return {
    lookup(question) {
      if (closed) throw new ClosedError();
      const now = clock();
      const listedAt = warm?.dateOf(question);
      if (listedAt !== undefined && now - listedAt < positiveMs) {
        count.hits++;
        warmHits++;
        question.trace?.note('cache', `the store listed it ${secondsOf(now - listedAt)} ago`);
        return LISTED;
      }
      const key = formatQuestion(question);
      if (key.length > LONGEST_KEY) return store.lookup(question);
      const said = freshOf(key, now);
      if (said !== undefined) {
        count.hits++;
        question.trace?.note('cache', keptFor(question.about, said, now));
        return said.answer;
      }
      const failure = failed.get(key);
      if (failure !== undefined && now - failure.at < failureMs) {
        const stale = staleOf(key, question.trace);
        if (stale !== null) return stale;
        count.failuresServed++;
        throw repeated(failure, now);
      }
      const flight = flights.get(key);
      if (flight === undefined || now - flight.at > joinMs) return ask(key, question, now);
      count.joined++;
      question.trace?.note('cache', 'waits for the same question of another client');
      return flight.answer;
    },
    lookupAtOnce(questions, anew = false) {
      if (closed) throw new ClosedError();
      const keys = questions.map(formatQuestion);
      if (keys.some((key) => key.length > LONGEST_KEY)) return store.lookupAtOnce(questions);
      const now = clock();
      return (anew ? null : keptAtOnce(keys, now, questions[0])) ?? askAtOnce(keys, questions, now);
    },
    atomic: store.atomic,
    close() {
      closed = true;
      for (const lru of [flights, ...lrus]) lru.forget('all');
      return warm === null ? store.close() : closeBoth(warm, store);
    },
    forget(what) {
      const selection = parseSelection(what);
      flights.forget(selection);
      return lrus.reduce((sum, lru) => sum + lru.forget(selection), warm?.forget(selection) ?? 0);
    },
    show(what, most) {
      const selection = parseSelection(what);
      const shown = createShown(most, clock());
      const found = { lifeMs: positiveMs, lifeStaleMs: staleMs };
      const refusals = { lifeMs: negativeMs, lifeStaleMs: 0 };
      const failures = { lifeMs: failureMs, lifeStaleMs: 0 };
      warm?.each(selection, (name, at) => shown.add(name, LISTED, at, found));
      accepted.each(selection, (key, { answer, at }) => shown.add(key, answer, at, found));
      refused.each(selection, (key, { answer, at }) => shown.add(key, answer, at, refusals));
      failed.each(selection, (key, { cause, at }) => shown.add(key, { failed: messageOf(cause) }, at, failures));
      return shown.all();
    },
    stats() {
      const lists = warm === null ? null : { ...warm.stats(), hits: warmHits };
      const [absent, failures] = [refused.size(), failed.size()];
      const found = accepted.size() + (lists?.entries ?? 0);
      const all = found + absent + failures;
      return { entries: all, found, absent, failures, ...count, underWay: flights.size(), warm: lists };
    },
  };
}

async function closeBoth(warm: Warm, store: Store): Promise<void> {
  await Promise.all([warm.close(), store.close()]);
}
