import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { MailboxOptions } from '../../src/map/mailbox-keys.ts';
import { createMailboxMap } from '../../src/map/mailbox.ts';
import { createAnswer } from '../../src/map/map.ts';
import { atOneMoment } from '../../src/map/moment.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createCache } from '../../src/store/guard/cache.ts';
import { type Canary, createCanary } from '../../src/store/guard/canary.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import { createFailover } from '../../src/store/guard/failover.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { createSpellings } from '../../src/store/guard/spellings.ts';
import { type Bulk, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question, Reply } from '../../src/vocabulary.ts';
import { randomOf } from '../support/chaos.ts';
import { IS_CAMPAIGN } from '../support/long.ts';
import { MAILBOX } from '../support/options.ts';

const WORLDS = IS_CAMPAIGN ? 300 : 30;
const PEOPLE = ['ann', 'bob'] as const;
type Person = (typeof PEOPLE)[number];

/** What a person is. `forwarded`: an alias of a mailbox that is full. */
type Being = 'absent' | 'mailbox' | 'alias' | 'forwarded';
const BEINGS: readonly Being[] = ['absent', 'absent', 'mailbox', 'alias', 'forwarded'];
const CANARY = 'canary';
const FULL = 'full';

/** What a person is from a turn on, and in which store. */
interface Change {
  readonly at: number;
  readonly being: Being;
  readonly place: number;
}

interface Asked {
  readonly person: Person;
  /** A map that follows aliases, or one that asks only for the mailbox. */
  readonly map: 'both' | 'mailbox';
  readonly from: number;
  to: number;
  /** When answers about the person were last forgotten before it was asked. */
  readonly forgottenAt: number;
  reply: Reply | null;
}

const OPTIONS: MailboxOptions = {
  ...MAILBOX,
  states: { ...MAILBOX.states, overquota: { kind: 'PERM', reason: 'full' } },
};
const EVENTS = { opened: () => {}, unavailable: () => {}, recovered: () => {}, failed: () => {} };
const mailboxOf = (local: string): Question => {
  return { about: 'mailbox', local, domain: 'house.test', exact: false, folder: null, anyCase: false };
};
const aliasOf = (local: string): Question => ({ about: 'alias', local, domain: 'house.test', exact: false });

/** Runs one world. Returns what was asked, and what was true when. */
async function run(seed: number) {
  const random = randomOf(seed);
  const dice = (below: number): number => Math.floor(random() * below);
  const atomic = dice(2) === 0;
  const negativeMs = [0, 3, 25][dice(3)] as number;
  const positiveMs = [0, 10, 60][dice(3)] as number;
  const staleMs = 100;
  const [servers, stores] = [1 + dice(2), 1 + dice(2)];
  let now = 1_000;
  const history = new Map<Person, Change[]>(PEOPLE.map((person) => [person, [{ at: 0, being: 'absent', place: 0 }]]));
  const empties: number[] = []; // turns at which it was emptied or filled
  let isEmpty = false;
  let [emptyTo, downTo] = [0, 0];
  let slowest = 3;
  const asked: Asked[] = [];
  const forgotten = new Map<Person, number>(PEOPLE.map((person) => [person, 0]));

  const answerNow = (question: Question, place: number): Answer => {
    if (place === 0 && now < downTo) throw new StoreError('down');
    if (place === 0 && isEmpty) return null;
    if (question.about === 'key' || question.domain !== 'house.test') return null;
    if (question.about === 'domain') return { value: 'mailbox', state: 'active' };
    const found = question.about === 'alias' ? 'x@away.test' : '';
    if (question.local === CANARY) return { value: found, state: 'active' };
    if (question.local === FULL && question.about === 'mailbox') return { value: '', state: 'overquota' };
    const change = history.get(question.local as Person)?.at(-1);
    if (change === undefined || change.place !== place) return null;
    if (change.being === 'forwarded' && question.about === 'alias') {
      return { value: `${FULL}@house.test`, state: 'active' };
    }
    return change.being === question.about ? { value: found, state: 'active' } : null;
  };
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await nextTurn();
  };
  const bulkOf = (place: number): Bulk => ({
    async lookupAll(questions) {
      await turns(dice(slowest));
      const answers = atomic
        ? questions.map((question) => answerNow(question, place))
        : await Promise.all(
            questions.map(async (question) => {
              await turns(dice(slowest));
              return answerNow(question, place);
            }),
          );
      await turns(dice(slowest));
      return answers;
    },
    atomic,
    close: () => {},
  });
  const canaries = new Map<string, readonly Canary[]>([
    ['mailbox', [{ present: mailboxOf(CANARY), absent: mailboxOf('nobody') }]],
    ['alias', [{ present: aliasOf(CANARY), absent: aliasOf('nobody') }]],
  ]);
  const serverAt = (place: number): Store => {
    const limited = createDeadline(createBatch(bulkOf(place), { most: 20, inFlight: 4 }), 4_000);
    const broken = createBreaker(limited, { failures: 3, probeMs: 300, probe: mailboxOf('probe') }, EVENTS);
    return createCanary(createSpellings(broken), canaries, EVENTS);
  };
  const options = { entries: 800, positiveMs, negativeMs, failureMs: 2, staleMs };
  const caches = Array.from({ length: stores }, (_, place) => {
    const replicas = createReplicas(Array.from({ length: servers }, () => serverAt(place)));
    return createCache(replicas, options, () => now);
  });
  const answers = new Set(['mailbox', 'alias', 'domain'] as const);
  const store = createFailover(caches.map((cache) => ({ store: cache, answers })));
  const handlerOf = (aliases: boolean) => atOneMoment(createMailboxMap({ ...OPTIONS, aliases }, true), store);
  const answer = createAnswer(
    new Map([
      ['both', handlerOf(true)],
      ['mailbox', handlerOf(false)],
    ]),
    () => {},
  );

  const pass = (): void => {
    now++;
    vi.advanceTimersByTime(100);
  };
  const forget = (person: Person): void => {
    for (const cache of caches) cache.forget(`${person}@house.test`);
    forgotten.set(person, now);
  };
  const ask = async (person: Person, map: Asked['map']): Promise<void> => {
    const forgottenAt = forgotten.get(person) as number;
    const each: Asked = { person, map, from: now, to: Infinity, forgottenAt, reply: null };
    asked.push(each);
    each.reply = await answer({ map, key: `${person}@house.test` });
    each.to = now;
  };
  for (let turn = 0; turn < 300; turn++) {
    pass();
    const person = PEOPLE[dice(PEOPLE.length)] as Person;
    const what = dice(100);
    if (what < 40) void ask(person, dice(2) === 0 ? 'both' : 'mailbox');
    else if (what < 48) {
      history.get(person)?.push({ at: now, being: BEINGS[dice(BEINGS.length)] as Being, place: dice(stores) });
      if (dice(2) === 0) forget(person); // the store reports its changes
    } else if (what < 50) forget(person);
    else if (what === 50) for (const each of PEOPLE) forget(each);
    else if (what === 51) emptyTo = now + 1 + dice(8);
    else if (what === 52) downTo = now + 1 + dice(8);
    else if (what < 56) slowest = 1 + dice(8);
    if (isEmpty !== now < emptyTo) empties.push(now);
    isEmpty = now < emptyTo;
    await nextTurn();
  }
  isEmpty = false;
  for (let turn = 0; turn < 2_000 && asked.some(({ reply }) => reply === null); turn++) {
    pass();
    await nextTurn();
  }
  await store.close();
  return { asked, history, empties, isOne: atomic && stores === 1, negativeMs, positiveMs, staleMs };
}

/** Why a reply breaks the law. Null: it does not. */
function flawOf(each: Asked, world: Awaited<ReturnType<typeof run>>): string | null {
  const { history, empties, isOne, negativeMs, positiveMs, staleMs } = world;
  const { person, map, from, to, forgottenAt, reply } = each;
  if (reply === null) return 'no reply';
  const changes = history.get(person) as readonly Change[];
  /** What the person was at some time since then. */
  const beingsSince = (since: number): readonly Change[] =>
    changes.filter(({ at }, nth) => at <= to && (changes[nth + 1]?.at ?? Infinity) > since);
  if (reply.kind === 'NOTFOUND') {
    const since = Math.max(from - negativeMs, forgottenAt);
    const beings = beingsSince(since);
    if (beings.some(({ being }) => being === 'absent' || (map === 'mailbox' && being !== 'mailbox'))) return null;
    // Without one moment, two changes can hide somebody; with a canary, a store that is emptied, filled and emptied can.
    const more = beings.length - 1 + empties.filter((at) => at >= since && at <= to).length;
    if (!isOne && more > 1) return null;
    return 'refused, but never absent';
  }
  if (reply.kind === 'OK') {
    const since = Math.max(from - Math.max(positiveMs, staleMs), forgottenAt);
    return beingsSince(since).some(({ being }) => being === 'mailbox' || (map === 'both' && being === 'alias'))
      ? null
      : 'found, but never';
  }
  if (reply.kind === 'PERM') {
    const since = Math.max(from - negativeMs, forgottenAt);
    return beingsSince(since).some(({ being }) => being === 'forwarded') ? null : 'full, but never forwarded';
  }
  return null;
}

describe('a cached store with all its guards', () => {
  it('replies what was true within the allowed age, and since it was forgotten, at any order of events', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const kinds = { OK: 0, NOTFOUND: 0, PERM: 0, TEMP: 0 };
    for (let seed = 1; seed <= WORLDS; seed++) {
      const world = await run(seed);
      for (const each of world.asked) {
        const flaw = flawOf(each, world);
        const changes = world.history.get(each.person);
        expect(flaw, JSON.stringify({ seed, ...each, changes, empties: world.empties })).toBeNull();
        kinds[each.reply?.kind as keyof typeof kinds]++;
      }
    }
    for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(100);
  }, 300_000);
});
