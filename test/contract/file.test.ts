import { rmSync } from 'node:fs';
import { afterEach } from 'vitest';
import { openFileStore } from '../../src/store/driver/file/driver.ts';
import { temporaryFolders } from '../support/folder.ts';
import { cannotHang, hang } from '../support/hung.ts';
import { writeLists } from '../support/lists.ts';
import { describeStore } from './suite.ts';

const folder = temporaryFolders();
let last = '';
let mend: (() => void) | null = null;
afterEach(() => {
  mend?.();
  mend = null;
});

describeStore('lists in files', {
  open(records) {
    last = folder();
    const events = { opened() {}, unavailable() {}, shrank() {} };
    return openFileStore(writeLists(last, records), events, { stillMs: 0, everyMs: 20, lostMs: 0 });
  },
  breaks() {
    rmSync(last, { recursive: true });
  },
  hangs:
    cannotHang === null
      ? () => {
          mend = hang(last);
        }
      : { cannot: cannotHang },
  lacks: { forgetting: 'the last whole lists go on finding what they have' },
});
