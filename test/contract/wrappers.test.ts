import { createMemoryStore } from '../../src/store/driver/memory.ts';
import { createFailover } from '../../src/store/failover.ts';
import { createReopening } from '../../src/store/reopen.ts';
import type { Store } from '../../src/store/store.ts';
import { createFakeStore } from '../support/store.ts';
import { type Subject, describeStore } from './suite.ts';

/** A wrapper is a store: whatever is wrapped, the contract is the same. */
function wrapped(wrap: (store: Store) => Store): Subject {
  let fake = createFakeStore(createMemoryStore([]));
  return {
    open(mailboxes) {
      fake = createFakeStore(createMemoryStore(mailboxes));
      return wrap(fake.store);
    },
    breaks: () => fake.fail(),
    hangs: () => fake.hang(),
  };
}

const events = { opened: () => {}, unavailable: () => {} };

describeStore(
  'failover over one store',
  wrapped((store) => createFailover([store])),
);
describeStore(
  'failover over two stores, of which the second holds all',
  wrapped((store) => createFailover([createMemoryStore([]), store])),
);
describeStore(
  'the reopening store',
  wrapped((store) => createReopening(() => store, events)),
);
describeStore(
  'failover over a reopening store',
  wrapped((store) => createFailover([createReopening(() => store, events)])),
);
