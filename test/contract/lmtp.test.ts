import { afterAll } from 'vitest';
import type { StoredRecord } from '../../src/record/record.ts';
import { createLmtp } from '../../src/store/driver/lmtp/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { describePart, PARTS } from '../real/part.ts';
import { type UserServer, startUserServer } from '../support/dovecot-users.ts';
import { findDovecot } from '../support/dovecot.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

const NOBODY = { about: 'mailbox', local: 'smmap-canary-that-is-not', domain: 'example.org' } as const;
const ONLY = 'RCPT TO says only whether a mailbox takes mail';

describePart('LMTP', await findDovecot(PARTS), (part) => {
  let starting: Promise<UserServer> | null = null;
  afterAll(async () => await (await starting)?.stop());

  describeStore('an LMTP server', {
    async open(records) {
      const server = await (starting ??= startUserServer(part));
      server.dovecot.resume();
      await server.dovecot.start();
      server.hold(namesOf(records, 'active'), namesOf(records, 'overquota'));
      const bulk = createLmtp({
        endpoint: { kind: 'unix', path: server.dovecot.lmtp },
        tls: null,
        login: null,
        canaries: new Map(),
        nobody: { ...NOBODY, exact: false, folder: null, anyCase: false },
        timeoutMs: PATIENT_MS,
      });
      return createBatch(bulk, { most: 50, inFlight: 2 });
    },
    async breaks() {
      await (await starting)?.dovecot.kill();
    },
    async hangs() {
      (await starting)?.dovecot.hang();
    },
    lacks: {
      unwrittenTables: ONLY,
      exactCase: 'the server compares the case as it likes',
      longNames: 'RFC 5321 limits the address in a command',
      folders: 'no LMTP server looks whether the folder of a detail exists',
      aliases: ONLY,
      domains: ONLY,
      tables: ONLY,
      values: ONLY,
      disabled: ONLY,
      names: { josé: 'Dovecot does not offer SMTPUTF8' },
    },
  });
});

function namesOf(records: readonly StoredRecord[], state: string): readonly string[] {
  return records.flatMap((record) =>
    record.about === 'mailbox' && record.state === state ? `${record.local}@${record.domain}` : [],
  );
}
