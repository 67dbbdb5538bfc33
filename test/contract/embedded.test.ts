import { renameSync, rmSync } from 'node:fs';
import { vi } from 'vitest';
import { openEmbeddedStore } from '../../src/store/driver/embedded/driver.ts';
import { makeStore, temporaryFolders } from '../support/folder.ts';
import { describeStore } from './suite.ts';

const folder = temporaryFolders();
let last = '';

describeStore('the embedded store', {
  async open(records) {
    last = folder();
    await makeStore(last, records);
    return openEmbeddedStore(last);
  },
  breaks() {
    renameSync(`${last}/smmap.mdb`, `${last}/gone.mdb`);
    rmSync(`${last}/smmap.mdb-lock`);
    const later = performance.now() + 2_000; // the file is looked at once a second
    vi.spyOn(performance, 'now').mockReturnValue(later);
  },
  hangs: { cannot: 'its file is mapped into this process, so a disk that hangs would stop the test too' },
});
