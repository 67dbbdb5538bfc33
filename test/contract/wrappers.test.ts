import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createBreaker } from '../../src/store/guard/breaker.ts';
import { createCanary } from '../../src/store/guard/canary.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import { createFailover } from '../../src/store/guard/failover.ts';
import { createImpossible } from '../../src/store/guard/impossible.ts';
import { createMeter } from '../../src/store/guard/meter.ts';
import { createReopening } from '../../src/store/guard/reopen.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { type Bulk, type Store, StoreError } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';
import { createFakeStore, storeOf } from '../support/store.ts';
import { type Subject, describeStore } from './suite.ts';

/** The canary. A store contains it in addition to the entries of a test. */
const CANARIES = [
  { about: 'mailbox', local: 'canary', domain: 'canary.example', state: 'active', value: '', folders: [] },
  { about: 'alias', local: 'canary', domain: 'canary.example', targets: ['x'] },
] as const;

function canaryFor(about: 'mailbox' | 'alias') {
  const ask = (local: string): Question => {
    const whose = { local, domain: 'canary.example', exact: false };
    return about === 'alias' ? { about, ...whose } : { about, ...whose, folder: null, anyCase: false };
  };
  return [{ present: ask('canary'), absent: ask('nobody') }];
}

/** A guard is a store too, so the contract is the same. */
function wrapped(wrap: (store: Store) => Store): Subject {
  let fake = createFakeStore(createMemoryStore([]));
  return {
    open(records) {
      fake = createFakeStore(createMemoryStore([...records, ...CANARIES]));
      return wrap(fake.store);
    },
    breaks: () => fake.fail(),
    hangs: () => fake.hang(),
  };
}

/** Holds nothing that the suite asks for. */
const createOther = (): Store =>
  createMemoryStore(['access', 'other'].map((table) => ({ about: 'key', table, key: 'unasked', value: 'x' }) as const));
const events = { opened: () => {}, unavailable: () => {} };

const ALL = ['mailbox', 'alias', 'domain', 'key'] as const;
const failoverOver = (...stores: readonly Store[]): Store =>
  createFailover(stores.map((store) => ({ store, answers: new Set(ALL) })));

describeStore(
  'a store that cannot hold some names',
  wrapped((store) => createImpossible(store, (question) => 'local' in question && question.local === 'impossible')),
);

describeStore(
  'failover over one store',
  wrapped((store) => failoverOver(store)),
);
describeStore(
  'failover over two stores that answer different kinds of question',
  wrapped((store) =>
    createFailover([
      { store, answers: new Set(['mailbox', 'key'] as const) },
      { store, answers: new Set(['alias', 'domain'] as const) },
    ]),
  ),
);
describeStore(
  'failover over two stores; the second holds everything',
  wrapped((store) => failoverOver(createOther(), store)),
);
describeStore(
  'the reopening store',
  wrapped((store) => createReopening(() => store, events)),
);
describeStore(
  'failover over a reopening store',
  wrapped((store) => failoverOver(createReopening(() => store, events))),
);
describeStore(
  'a deadline',
  wrapped((store) => createDeadline(store, 60_000)),
);
describeStore(
  'a breaker',
  wrapped((store) =>
    createBreaker(store, { failures: 3, probeMs: 60_000, probe: { about: 'domain', domain: 'x.example' } }, events),
  ),
);
describeStore(
  'replicas; the first always fails',
  wrapped((store) => createReplicas([createFailing(), store])),
);
describeStore(
  'a canary',
  wrapped((store) =>
    createCanary(store, new Map((['mailbox', 'alias'] as const).map((about) => [about, canaryFor(about)])), {
      recovered: () => {},
      failed: () => {},
    }),
  ),
);
describeStore(
  'a meter',
  wrapped((store) => createMeter(store)),
);
describeStore(
  'a batch',
  wrapped((store) => createBatch(bulkOver(store), { most: 10, inFlight: 2 })),
);
describeStore(
  'all guards around a batch',
  wrapped((store) => {
    const batch = createBatch(bulkOver(store), { most: 10, inFlight: 2 });
    const probe: Question = { about: 'domain', domain: 'x.example' };
    const guarded = createBreaker(createDeadline(batch, 60_000), { failures: 3, probeMs: 60_000, probe }, events);
    const canaries = new Map([['mailbox', canaryFor('mailbox')]]);
    return createMeter(createCanary(createReplicas([guarded]), canaries, { recovered: () => {}, failed: () => {} }));
  }),
);

function createFailing(): Store {
  return storeOf(() => Promise.reject(new StoreError('always')));
}

function bulkOver(store: Store): Bulk {
  return {
    lookupAll: (questions) =>
      Promise.all(
        questions.map(async (question) => {
          try {
            return await store.lookup(question);
          } catch (error) {
            return error as StoreError;
          }
        }),
      ),
    atomic: store.atomic,
    close: () => store.close(),
  };
}
