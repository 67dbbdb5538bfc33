import { rename, writeFile } from 'node:fs/promises';
import { afterAll } from 'vitest';
import type { StoredRecord } from '../../src/record/record.ts';
import { createSmtp } from '../../src/store/driver/smtp/driver.ts';
import { createBatch } from '../../src/store/guard/batch.ts';
import { type RunningHop, findEximHop } from '../real/hops.ts';
import { describePart } from '../real/part.ts';
import { describeStore, PATIENT_MS } from './suite.ts';

const CANARY = { local: 'canary', domain: 'example.org' } as const;
const ONLY = 'RCPT TO says only whether a mailbox takes mail';

describePart('SMTP', await findEximHop('*'), (part) => {
  let running: RunningHop | null = null;
  let isGone = false;
  const signal = async (name: string): Promise<void> => void (await running?.type(`kill -${name} -1 || true`));
  afterAll(async () => await running?.remove());

  describeStore('an SMTP server', {
    async open(records) {
      running ??= await part.start([]);
      if (isGone) running = await running.restart();
      else await signal('CONT');
      isGone = false;
      await writeFile(`${running.users}.new`, linesOf(records));
      await rename(`${running.users}.new`, running.users);
      const bulk = createSmtp({
        endpoint: { kind: 'tcp', host: '127.0.0.1', port: running.port },
        domains: [],
        hop: 'exim',
        helo: null,
        acceptsAll: 'doubt',
        timeoutMs: PATIENT_MS,
        tls: null,
        login: null,
        canaries: [CANARY],
      });
      return createBatch(bulk, { most: 10, inFlight: 2 });
    },
    async breaks() {
      isGone = true;
      await running?.stop();
    },
    hangs: () => signal('STOP'),
    lacks: {
      unwrittenTables: ONLY,
      exactCase: 'the server compares the case as it likes',
      longNames: 'RFC 5321 limits the address in a command',
      folders: 'no SMTP server looks whether the folder of a detail exists',
      aliases: ONLY,
      domains: ONLY,
      tables: ONLY,
      values: ONLY,
      disabled: ONLY,
    },
  });
});

/** The list that this Exim reads: an address, and `full` or not. */
function linesOf(records: readonly StoredRecord[]): string {
  const canary = { about: 'mailbox', ...CANARY, state: 'active' } as const;
  return [canary, ...records]
    .flatMap((record) => {
      if (record.about !== 'mailbox') return [];
      const address = `${record.local}@${record.domain}`.replace(/["\\]/g, '\\$&');
      return `"${address}": ${record.state === 'overquota' ? 'full' : 'x'}\n`;
    })
    .join('');
}
