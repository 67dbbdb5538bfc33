import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import { type CachedStore, type CacheOptions, createCache } from '../../src/store/guard/cache.ts';
import type { Store } from '../../src/store/store.ts';
import { createFakeStore, storeOf } from '../support/store.ts';
import { type Subject, describeStore } from './suite.ts';

const OPTIONS: CacheOptions = {
  entries: 1_000,
  positiveMs: 300_000,
  negativeMs: 10_000,
  failureMs: 1_000,
  staleMs: 86_400_000,
};

/** A store with a cache. When the store breaks, the cache is cleared: its old answers would hide that. */
function cached(options: Partial<CacheOptions>, prepare: (fake: ReturnType<typeof createFakeStore>) => void): Subject {
  let fake = createFakeStore(createMemoryStore([]));
  return {
    open(records) {
      fake = createFakeStore(createMemoryStore(records));
      prepare(fake);
      return createCache(fake.store, { ...OPTIONS, ...options });
    },
    breaks(store: Store) {
      fake.fail();
      (store as CachedStore).forget(null);
    },
    hangs: () => fake.hang(),
  };
}

describeStore(
  'the cache',
  cached({}, () => {}),
);
describeStore(
  'the cache over a store that answers later',
  cached({}, (fake) => fake.delay(1)),
);
describeStore(
  'a cache that is full',
  cached({ entries: 8 }, () => {}),
);
describeStore(
  'a cache in which everything is too old at once',
  cached({ positiveMs: 0, negativeMs: 0, failureMs: 0, staleMs: 0 }, (fake) => fake.delay(1)),
);

/** Each question twice, so that the second one is answered from memory. */
const twice = (store: Store): Store =>
  storeOf(
    async (question) => {
      await store.lookup(question);
      return store.lookup(question);
    },
    () => store.close(),
  );
const subject = cached({}, () => {});
const { hangs } = subject;
describeStore('the cache, asked everything twice', {
  open: async (records) => twice(await subject.open(records)),
  breaks: { cannot: 'a cache repeats its answers after the store is gone; that is its purpose' },
  hangs,
});
