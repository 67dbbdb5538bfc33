import { parsedBy, type Read, section } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { Driver, StoreConfig } from '../../driver.ts';
import { storeKeys } from '../../guard/keys.ts';
import { fileOf, lackOf } from './datafile.ts';
import { lockOf } from './lockfile.ts';

const keys = section({ ...storeKeys, path: parsedBy('the absolute path of a folder', value.absolutePath) });

/** The configuration of an embedded store. */
export type EmbeddedConfig = Read<typeof keys>;

/** The driver for the store that smmap keeps itself, in a file. */
export const embedded: Driver<EmbeddedConfig> = {
  package: 'lmdb',
  keys,
  answers: () => true,
  canary: () => 'not needed', // the store itself knows whether it was ever filled
  records: {
    missing: ({ path }) => lackOf(path),
    async *all({ path }, about, table) {
      const { openRecords } = await import('./records.ts');
      const records = openRecords(path, 'read');
      try {
        yield* records.all(about, about === 'key' ? table : null);
      } finally {
        await records.close();
      }
    },
  },
  files: ({ path }) => [
    { key: 'path', path, kind: 'folder', right: 'write' },
    { key: 'path', path: fileOf(path), kind: 'record file', right: 'read' },
    { key: 'path', path: lockOf(fileOf(path)), kind: 'record file', right: 'write' },
  ],
  load: () => import('./driver.ts'),
  async open({ path }, events) {
    const { openEmbeddedStore } = await import('./driver.ts');
    const { createShrinkWatch } = await import('./shrink.ts');
    // One watch for all files, so it also sees that a smaller file replaces another.
    const watch = createShrinkWatch((...what) => events.shrank(...what, false));
    return {
      reopen: () =>
        openEmbeddedStore(path, (counts) => {
          watch(counts);
          events.counted(counts);
        }),
    };
  },
};

/** The folder of an embedded store; null for any other store. */
export function pathOf(store: StoreConfig): string | null {
  return store.driver === 'embedded' ? (store as EmbeddedConfig).path : null;
}
