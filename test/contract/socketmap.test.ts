import { afterAll } from 'vitest';
import { createSocketmap } from '../../src/store/driver/socketmap/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type Smmap, startSmmap } from '../support/smmap.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

const folder = temporaryFolders();
let starting: Promise<Smmap> | null = null;
afterAll(async () => await (await starting)?.kill());

describeStore('another smmap, asked as a socket map', {
  async open(records) {
    const smmap = await (starting ??= startSmmap(folder()));
    await smmap.fill(records);
    await smmap.mend();
    const bulk = createSocketmap(
      { kind: 'unix', path: smmap.socket },
      {
        maps: { mailbox: 'mailbox', folder: 'mailbox', alias: 'alias', domain: 'domain', key: ':table' },
        disabled: ['mailbox is disabled'],
        canaries: new Map(),
        timeoutMs: PATIENT_MS,
      },
    );
    return createBatch(bulk, { most: 10, inFlight: 4 });
  },
  async breaks() {
    await (await starting)?.kill();
  },
  async hangs() {
    (await starting)?.hang();
  },
  lacks: {
    exactCase: 'the server compares, and nobody can tell it how',
    anyCase: 'the server compares the case of a folder: an absence is a doubt',
    values: 'only OK has one, and not the reply for a mailbox that is disabled',
    longNames: 'a request of over 1,000 bytes is not sent: a doubt',
  },
});
