import { rmSync, writeFileSync } from 'node:fs';
import { formatLocal } from '../../src/address/address.ts';
import { createPasswd } from '../../src/store/driver/passwd/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { createDeadline } from '../../src/store/guard/deadline.ts';
import { describePart } from '../real/part.ts';
import { accountsPart, makeAccounts } from '../support/accounts.ts';
import { temporaryFolders } from '../support/folder.ts';
import { describeStore, HOSTILE, PATIENT_MS } from './suite.ts';

const folder = temporaryFolders();
let last = '';

const OTHER = 'no account can have this name, or getent cannot be asked for it';
const ODD = [...HOSTILE, 'fred ', ' fred'].filter((local) => formatLocal(local) !== local || /^[-#]|[:|]/.test(local));

describePart('accounts', accountsPart, () =>
  describeStore('the accounts of this system', {
    open(records) {
      last = folder();
      const names = records.flatMap((record) => (record.about === 'mailbox' ? [record.local] : []));
      const command = makeAccounts(last, ['canary', ...names], []);
      const more = { domains: ['example.org'], believe: ['smmap'], canaries: ['canary'], timeoutMs: PATIENT_MS };
      const bulk = createPasswd({ ...more, uid: [1_000, 59_999], command, etc: last });
      return createDeadline(createBatch(bulk, { most: 100, inFlight: 2 }), PATIENT_MS);
    },
    breaks() {
      rmSync(`${last}/passwd`);
    },
    hangs() {
      writeFileSync(`${last}/mode`, 'h');
    },
    lacks: {
      exactCase: 'accounts are asked in lower case',
      longNames: 'no account has such a name',
      folders: 'accounts have no folders',
      aliases: 'accounts have no aliases',
      domains: 'the configuration has the domains',
      domainsApart: 'the accounts are the same in each domain',
      tables: 'accounts are no tables',
      unwrittenTables: 'accounts are no tables',
      values: 'an account has no value',
      disabled: 'an account is there or not',
      overquota: 'an account is there or not',
      names: Object.fromEntries(ODD.map((local) => [local, OTHER])),
    },
  }),
);
