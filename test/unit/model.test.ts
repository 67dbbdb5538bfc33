import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMailboxMap } from '../../src/map/mailbox.ts';
import { createAnswer } from '../../src/map/map.ts';
import { atOneMoment } from '../../src/map/moment.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import { createFailover } from '../../src/store/guard/failover.ts';
import { createMeter } from '../../src/store/guard/meter.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { type Bulk, type Store, StoreError } from '../../src/store/store.ts';
import type { Answer, Question, Reply } from '../../src/vocabulary.ts';
import { MAILBOX } from '../support/options.ts';

const PEOPLE = ['ann', 'bob'] as const;
type Person = (typeof PEOPLE)[number];
const STORES = ['a', 'b'] as const;
type Place = (typeof STORES)[number];

/** What an address is, and in which store. Null: absent. The target of an alias is on another server. */
type Being = { readonly place: Place; readonly as: 'mailbox' | 'alias' | 'disabled' } | null;

type Command =
  | { readonly kind: 'ask'; readonly person: Person; readonly map: 'mailbox' | 'folder'; readonly key: string }
  | { readonly kind: 'change'; readonly person: Person; readonly to: Being }
  | { readonly kind: 'kill' | 'revive'; readonly store: Place }
  | { readonly kind: 'wait'; readonly turns: number };

/** An open request, and the changes of its address since it began. */
interface Pending {
  readonly person: Person;
  readonly beings: Being[];
  reply: Reply | null;
}

const exists = (being: Being): boolean => being !== null && being.as !== 'disabled';

/**
 * The promise of smmap: an address that exists during a whole request is not refused, even if it changes in its store
 * at any moment, or moves once to the other store. Two changes during one request are too many if one of them is a
 * move.
 */
function mayBeRefused({ beings }: Pending): boolean {
  if (!beings.every(exists)) return true;
  return beings.length > 2 && new Set(beings.map((being) => being?.place)).size > 1;
}

const PROBE: Question = { about: 'domain', domain: 'probe.test' };
const KINDS = new Set(['mailbox', 'alias', 'domain'] as const);

/** Two servers with their guards, and the maps over them. */
function createWorld(delays: readonly number[]) {
  const beings = new Map<Person, Being>(PEOPLE.map((person) => [person, null]));
  const dead = new Set<Place>();
  const pending: Pending[] = [];
  let asked = 0;
  const delay = (): Promise<void> => turns(delays[asked++ % delays.length] as number);

  const answerOf = (place: Place, question: Question): Answer => {
    if (question.about === 'domain') {
      return question.domain === 'house.test' ? { value: 'mailbox', state: 'active' } : null;
    }
    if (question.about === 'key' || question.domain !== 'house.test') return null;
    const being = beings.get(question.local as Person) ?? null;
    if (being === null || being.place !== place) return null;
    if (question.about === 'alias') return being.as === 'alias' ? { value: 'x@away.test', state: 'active' } : null;
    if (being.as === 'alias') return null;
    return { value: '', state: being.as === 'disabled' ? 'disabled' : 'active' };
  };
  const serverOf = (place: Place): Bulk => {
    const check = (): void => {
      if (dead.has(place)) throw new StoreError(`${place} is down`);
    };
    return {
      async lookupAll(questions) {
        await delay();
        check();
        const answers = questions.map((question) => answerOf(place, question));
        await delay();
        check();
        return answers;
      },
      atomic: true,
      close: () => {},
    };
  };
  const guarded = (place: Place): Store => {
    const batched = createBatch(serverOf(place), { most: 4, inFlight: 2 });
    const events = { opened: () => {}, unavailable: () => {} };
    const options = { failures: 3, probeMs: 1, probe: PROBE };
    return createMeter(createReplicas([createBreaker(createDeadline(batched, 5_000), options, events)]));
  };
  const stores = STORES.map(guarded);
  const store = createFailover(stores.map((each) => ({ store: each, answers: KINDS })));
  const answer = createAnswer(
    new Map([
      [
        'mailbox',
        atOneMoment(createMailboxMap(MAILBOX, true), {
          ...store,
          lookupAtOnce: async (q) => Promise.all(q.map(async (x) => store.lookup(x))),
        }),
      ],
      ['folder', atOneMoment(createMailboxMap({ ...MAILBOX, policy: 'folder-or-inbox' }, true), store)],
    ]),
    () => {},
  );

  const ask = async (map: string, person: Person, key: string): Promise<void> => {
    const request: Pending = { person, beings: [beings.get(person) ?? null], reply: null };
    pending.push(request);
    request.reply = await answer({ map, key });
  };
  return {
    pending,
    beings,
    ask,
    run(command: Command): unknown {
      switch (command.kind) {
        case 'ask':
          return void ask(command.map, command.person, command.key.replace('who', command.person));
        case 'change':
          beings.set(command.person, command.to);
          for (const each of pending) {
            if (each.reply === null && each.person === command.person) each.beings.push(command.to);
          }
          return undefined;
        case 'kill':
          return dead.add(command.store);
        case 'revive':
          return dead.delete(command.store);
        case 'wait':
          return turns(command.turns);
      }
    },
    reviveAll: () => dead.clear(),
    close: () => store.close(),
  };
}

async function turns(number: number): Promise<void> {
  for (let turn = 0; turn < number; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const person = fc.constantFrom(...PEOPLE);
const place = fc.constantFrom(...STORES);
const being: fc.Arbitrary<Being> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ place, as: fc.constantFrom('mailbox', 'alias') }) },
  { weight: 1, arbitrary: fc.record({ place, as: fc.constant('disabled') }) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask'),
      person,
      map: fc.constantFrom('mailbox', 'folder'),
      key: fc.constantFrom('who@house.test', 'who+x@house.test'),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('change'), person, to: being }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill', 'revive'), store: place }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait'), turns: fc.nat({ max: 4 }) }) },
);

describe('maps over stores in which addresses appear, change, move and disappear, while servers fail and recover', () => {
  it('refuse no address that exists, accept none that is absent, and find all in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 5, maxLength: 60 }),
        fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 20 }),
        async (commands, delays) => {
          const world = createWorld(delays);
          await turns(8); // the first probes
          for (const each of commands) await world.run(each);
          world.reviveAll();
          while (world.pending.some(({ reply }) => reply === null)) await turns(1);
          for (const each of world.pending) {
            if (!mayBeRefused(each)) expect(each.reply?.kind).not.toBe('NOTFOUND');
            if (!each.beings.some(exists)) expect(each.reply?.kind).not.toBe('OK');
          }
          for (const who of PEOPLE) {
            const wanted = exists(world.beings.get(who) ?? null) ? 'OK' : 'NOTFOUND';
            let kind: string | undefined = 'TEMP';
            for (let tries = 0; kind === 'TEMP' && tries < 200; tries++) {
              await new Promise((resolve) => setTimeout(resolve, 1)); // until a probe has found the server
              await world.ask('mailbox', who, `${who}@house.test`);
              kind = world.pending.at(-1)?.reply?.kind;
            }
            expect(kind).toBe(wanted);
          }
          await world.close();
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);
});
