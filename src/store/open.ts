import type { StoreConfig } from '../config/config.ts';
import { type ReopenEvents, createReopening } from './reopen.ts';
import type { Store } from './store.ts';

/** Opens a store by its driver, whose packages load only here. One that is out of reach answers nothing until it is back. */
export async function openStore(config: StoreConfig, events: ReopenEvents): Promise<Store> {
  switch (config.driver) {
    case 'embedded': {
      const { makeEmbeddedStore, openEmbeddedStore } = await import('./driver/embedded.ts');
      await makeEmbeddedStore(config.path).catch(() => {}); // opening says what is wrong
      return createReopening(() => openEmbeddedStore(config.path), events);
    }
    case 'memory': {
      const { createMemoryStore } = await import('./driver/memory.ts');
      return createMemoryStore(config.records);
    }
  }
}
