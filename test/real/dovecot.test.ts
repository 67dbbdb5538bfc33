import { mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { dovecot as driver } from '../../src/store/driver/dovecot/keys.ts';
import { type OpenStore, openStore, UNTOLD } from '../../src/store/open.ts';
import type { Question } from '../../src/vocabulary.ts';
import { type Dovecot, findDovecot } from '../support/dovecot.ts';
import { type Trial, expectNoLies, tell } from '../support/faults.ts';
import { describePart, PARTS } from './part.ts';

const USERS = Array.from({ length: 40 }, (_, at) => `user${at}@example.org`);
const CANARY = 'postmaster@example.org'; // the last line of the passwd-file
const ALL = [...USERS, CANARY].map((name) => ({ name }));
const PRESENT = USERS.map(mailbox);
const ABSENT = USERS.map((name) => mailbox(`no${name}`));

describePart('a real Dovecot', await findDovecot(PARTS), (part) => {
  let dovecot: Dovecot;
  const opened: OpenStore[] = [];
  beforeAll(async () => {
    dovecot = await part.start();
    await dovecot.write(ALL);
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await dovecot.start();
  });
  afterAll(() => dovecot.stop());

  const open = async (more: object = {}): Promise<OpenStore> => {
    const config = driver.keys.parse({
      driver: 'dovecot',
      server: `unix:${dovecot.auth}`,
      canary: { mailbox: CANARY },
      ...more,
    });
    const store = await openStore(config, UNTOLD);
    opened.push(store);
    return store;
  };

  describe('with 50 questions under way', { timeout: 60_000 }, () => {
    const faults: readonly (readonly [string, () => Omit<Trial, 'present' | 'absent'>])[] = [
      ['is killed and started', () => ({ fault: () => dovecot.kill(), mend: () => dovecot.start() })],
      ['hangs', () => ({ fault: () => dovecot.hang(), mend: () => dovecot.resume(), brokenMs: 2_000 })],
      ['is restarted', () => ({ fault: () => dovecot.restart(), mend() {}, brokenMs: 200 })],
      [
        'has lost its passwd-file',
        () => ({
          fault: () => rename(dovecot.passwdFile, `${dovecot.passwdFile}.away`),
          mend: () => rename(`${dovecot.passwdFile}.away`, dovecot.passwdFile),
          brokenMs: 5_500,
          fails: false, // what it found before, it finds from memory
        }),
      ],
      [
        'has a folder in place of its passwd-file',
        () => ({
          async fault() {
            await rename(dovecot.passwdFile, `${dovecot.passwdFile}.away`);
            await mkdir(dovecot.passwdFile);
          },
          async mend() {
            await rmdir(dovecot.passwdFile);
            await rename(`${dovecot.passwdFile}.away`, dovecot.passwdFile);
          },
          brokenMs: 3_500,
        }),
      ],
      [
        'has an empty passwd-file',
        () => ({
          fault: () => writeFile(dovecot.passwdFile, ''),
          mend: () => dovecot.write(ALL),
          brokenMs: 3_500,
        }),
      ],
      [
        'has a passwd-file that is half written',
        () => ({
          fault: () =>
            writeFile(
              dovecot.passwdFile,
              USERS.slice(0, 20)
                .map((name) => `${name}::1:1::/tmp::\n`)
                .join(''),
            ),
          mend: () => dovecot.write(ALL),
          brokenMs: 3_500,
        }),
      ],
      [
        'may not read its passwd-file',
        () => ({
          async fault() {
            await rm(dovecot.passwdFile);
            await writeFile(dovecot.passwdFile, 'x', { mode: 0o000 });
          },
          mend: () => dovecot.write(ALL),
          brokenMs: 3_500,
        }),
      ],
      [
        'has lost its passwd-file again and again, for a moment',
        () => ({
          async fault() {
            for (let at = 0; at < 8; at++) {
              await rename(dovecot.passwdFile, `${dovecot.passwdFile}.away`);
              await sleep(130 + 170 * at);
              await rename(`${dovecot.passwdFile}.away`, dovecot.passwdFile);
              await sleep(190);
            }
          },
          mend() {},
          fails: false,
        }),
      ],
    ];
    it.each(faults)('never lies when it %s', async (what, trial) => {
      tell(what, await expectNoLies(await open(), { present: PRESENT, absent: ABSENT, ...trial() }));
    });
  });
});

function mailbox(address: string): Question {
  const [local = '', domain = ''] = address.split('@');
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
}
