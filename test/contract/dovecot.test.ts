import { afterAll } from 'vitest';
import { createDovecot } from '../../src/store/driver/dovecot/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import type { Question } from '../../src/vocabulary.ts';
import { describePart, PARTS } from '../real/part.ts';
import { startUserServer, type UserServer } from '../support/dovecot-users.ts';
import { findDovecot } from '../support/dovecot.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

const ONLY_MAILBOXES = 'Dovecot can only be asked which mailboxes exist';

describePart('Dovecot', await findDovecot(PARTS), (part) => {
  let starting: Promise<UserServer> | null = null;
  afterAll(async () => await (await starting)?.stop());

  describeStore('the users of Dovecot', {
    async open(records) {
      const server = await (starting ??= startUserServer(part));
      const { dovecot } = server;
      await dovecot.start();
      const names = (full: boolean): readonly string[] =>
        records.flatMap((each) =>
          each.about === 'mailbox' && (each.state === 'overquota') === full ? [`${each.local}@${each.domain}`] : [],
        );
      const withRoom = [...names(false), CANARY];
      server.hold(withRoom, names(true));
      const bulk = createDovecot({
        endpoint: { kind: 'unix', path: dovecot.auth },
        service: 'lmtp',
        canaries: [
          { about: 'mailbox', local: 'canary', domain: 'canary.example', exact: false, folder: null, anyCase: false },
        ] satisfies readonly Question[],
        quota: { kind: 'unix', path: dovecot.quotaStatus },
        timeoutMs: PATIENT_MS,
      });
      return createBatch(bulk, { most: 10, inFlight: 2 }); // an absence takes two answers within a second
    },
    async breaks() {
      await (await starting)?.dovecot.kill();
    },
    async hangs() {
      (await starting)?.dovecot.hang();
    },
    lacks: {
      unwrittenTables: ONLY_MAILBOXES,
      exactCase: 'Dovecot writes every name in lower case (auth_username_format)',
      longNames: 'Dovecot ends the connection when it is asked for one',
      folders: ONLY_MAILBOXES,
      aliases: ONLY_MAILBOXES,
      domains: ONLY_MAILBOXES,
      tables: ONLY_MAILBOXES,
      values: ONLY_MAILBOXES,
      disabled: 'a user that its query leaves out is absent',
    },
  });
});

const CANARY = 'canary@canary.example';
