import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openCyrus } from '../../src/store/driver/cyrus/driver.ts';
import { cannotExist } from '../../src/store/driver/cyrus/shared.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createImpossible } from '../../src/store/guard/impossible.ts';
import { createReplicas } from '../../src/store/guard/replicas.ts';
import { temporaryFolders } from '../support/folder.ts';
import { type Smmap, startSmmap } from '../support/smmap.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

const newFolder = temporaryFolders();
const folder = newFolder();
let starting: Promise<Smmap> | null = null;
afterAll(async () => await (await starting)?.kill());

const noOthers = 'Cyrus has only mailboxes';

/** A real smmapd cannot have these names, so another smmap speaks for it. The list has only one that nobody asks for. */
describeStore('a Cyrus, as smmapd and a list', {
  async open(records) {
    const smmap = await (starting ??= startSmmap(newFolder()));
    await smmap.fill(records);
    await smmap.mend();
    const snapshot = join(folder, 'mailboxes.json');
    writeFileSync(snapshot, '{\n"user.unasked": {"mbtype": "e", "acl": {}}\n}\n');
    const config = {
      snapshot,
      defaultDomain: 'default.test',
      separator: '/',
      postuser: '',
      timeoutMs: PATIENT_MS,
      canary: new Map(),
    } as const;
    const { servers } = openCyrus(
      { ...config, server: [{ kind: 'unix', path: smmap.socket }] },
      { shrank() {}, counted() {} },
    );
    const stores = servers.map(({ bulk }) => createBatch(bulk, { most: 10, inFlight: 4 }));
    return createImpossible(createReplicas(stores), (question) => cannotExist(question, ''));
  },
  async breaks() {
    await (await starting)?.kill();
  },
  async hangs() {
    (await starting)?.hang();
  },
  lacks: {
    exactCase: 'smmapd compares, and nobody can tell it how',
    anyCase: 'smmapd compares the case of a folder: an absence is a doubt',
    values: 'the value is the server of a murder',
    longNames: 'a request of over 1,000 bytes is not sent: a doubt',
    aliases: noOthers,
    domains: noOthers,
    tables: noOthers,
  },
});
