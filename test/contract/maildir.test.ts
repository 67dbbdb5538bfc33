import { renameSync } from 'node:fs';
import { afterEach } from 'vitest';
import { createMaildir } from '../../src/store/driver/maildir/driver.ts';
import { type Layout, parseLayout } from '../../src/store/driver/maildir/layout.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import { temporaryFolders } from '../support/folder.ts';
import { cannotHang, hang } from '../support/hung.ts';
import { makeMaildirs } from '../support/maildirs.ts';
import { describeStore } from './suite.ts';

const folder = temporaryFolders();
let last = '';
let mend: (() => void) | null = null;
afterEach(() => {
  mend?.();
  mend = null;
});

const where = { local: 'canary', domain: 'canary.example', exact: false, folder: null, anyCase: false } as const;
const OTHER = 'a folder cannot have this name, and a mail server may write it in another way';

describeStore('mailboxes that are folders', {
  open(records) {
    last = folder();
    makeMaildirs(last, records);
    const layout = parseLayout(`${last}/{domain}/{local}`) as Layout;
    const bulk = createMaildir({ layout, canaries: [{ about: 'mailbox', ...where }], quota: true });
    return createDeadline(createBatch(bulk, { most: 100, inFlight: 2 }), 1_500);
  },
  breaks() {
    renameSync(last, `${last}.gone`);
    renameSync(`${last}.gone`, `${folder()}/gone`);
  },
  hangs:
    cannotHang === null
      ? () => {
          mend = hang(last);
        }
      : { cannot: cannotHang },
  lacks: {
    exactCase: 'a folder has one spelling',
    aliases: 'folders have no aliases',
    domains: 'the folder of a domain has no class',
    tables: 'folders are no tables',
    unwrittenTables: 'folders are no tables',
    values: 'a folder has no value',
    disabled: 'a folder is there or not',
    names: { '../../etc/passwd': OTHER },
  },
});
