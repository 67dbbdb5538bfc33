import { createMemoryStore } from '../../src/store/driver/memory.ts';
import { createDispatch } from '../../src/store/dispatch.ts';
import { createFailover } from '../../src/store/failover.ts';
import { createReopening } from '../../src/store/reopen.ts';
import type { Store } from '../../src/store/store.ts';
import { createFakeStore } from '../support/store.ts';
import { type Subject, describeStore } from './suite.ts';

/** A wrapper is a store: whatever is wrapped, the contract is the same. */
function wrapped(wrap: (store: Store) => Store): Subject {
  let fake = createFakeStore(createMemoryStore([]));
  return {
    open(records) {
      fake = createFakeStore(createMemoryStore(records));
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

describeStore(
  'failover over one store',
  wrapped((store) => createFailover([store])),
);
describeStore(
  'failover over two stores, of which the second holds all',
  wrapped((store) => createFailover([createOther(), store])),
);
describeStore(
  'the reopening store',
  wrapped((store) => createReopening(() => store, events)),
);
describeStore(
  'failover over a reopening store',
  wrapped((store) => createFailover([createReopening(() => store, events)])),
);
describeStore(
  'dispatch, which asks one store for all',
  wrapped((store) =>
    createDispatch(new Map((['mailbox', 'alias', 'domain', 'key'] as const).map((about) => [about, store]))),
  ),
);
