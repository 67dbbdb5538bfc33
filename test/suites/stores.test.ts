// Dovecot and Cyrus of today's Debian suites, asked by smmap as the pages of its stores say. What it says of them is a table
// of docs/mta.md.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describePart } from '../real/part.ts';
import { checkRow, shortly } from './codes.ts';
import { ASKED } from './stores.ts';
import { SUITES, type Suite, type System, findSystem, lacksOf } from './systems.ts';

const WHO = ['fred@example.org', 'nosuchuser@example.org'] as const;
const FULL = 'full@example.org';
const TABLE = {
  name: 'suite-stores',
  keys: 3,
  columns: ['', 'system', 'driver', 'mailbox, unknown', 'over quota', 'down: mailbox, unknown', 'back: the same'],
};

for (const suite of Object.keys(SUITES) as Suite[]) {
  const found = await findSystem(suite);
  for (const { title, packages, package: named, service, setUp, hasFull, ways } of ASKED) {
    const lacks = lacksOf(suite).includes(packages) ? `${SUITES[suite]} has no ${packages}` : null;
    const part = lacks === null ? found : { name: title, missing: lacks };
    describePart(`${title} of ${SUITES[suite]}`, part, ({ start }) => {
      let system: System;
      let server: string;

      beforeAll(async () => {
        system = await start();
        await system.done(`apt install ${packages}\n${setUp(suite)}`);
        server = `${title} ${await system.versionOf(named)}`;
        process.stderr.write(`${SUITES[suite]}: ${server}\n`);
      });
      afterAll(() => system?.stop());

      describe.each(ways)('asked by the driver $driver', ({ driver, allow, store, down }) => {
        const cells: string[] = [];

        beforeAll(async () => {
          await system.done(`${allow(suite)}
cat > /etc/smmap/smmap.toml <<'END'\n${store}END
smmap check --stores && systemctl reload smmap`);
        });

        /** Until smmap says so about these. */
        const says = async (about: readonly string[], ...replies: readonly string[]): Promise<void> => {
          await vi.waitFor(
            async () => {
              const { stdout, stderr } = await system.type(`smmap probe ${about.join(' ')}`);
              const said = stdout.trimEnd().split('\n');
              expect(
                said.map((each) => each.replace(/^\S+\t(TEMP mailbox is over quota|[A-Z]+).*/, '$1')),
                stdout + stderr,
              ).toEqual(replies);
            },
            { timeout: 20_000, interval: 500 },
          );
          cells.push(shortly(replies));
        };

        test('knows who exists and who does not', () => says(WHO, 'OK', 'NOTFOUND'));

        test('knows who is over quota', async () => {
          if (hasFull) await says([FULL], 'TEMP mailbox is over quota');
          else cells.push('-');
        });

        test('is not certain while it is down', async () => {
          await system.done(`systemctl kill --signal=KILL ${service}; systemctl stop ${service}`);
          await says(WHO, ...(down ?? ['TEMP', 'TEMP']));
        });

        test('is right again when it is back', async () => {
          // It was started more often than systemd lets a service in ten seconds.
          await system.done(`systemctl reset-failed ${service}; systemctl start ${service}`);
          await says(WHO, 'OK', 'NOTFOUND');
        });

        test('docs/mta.md has this', async ({ skip }) => {
          if (cells.length < TABLE.columns.length - TABLE.keys) skip('a test before has failed');
          await checkRow(TABLE, [server, SUITES[suite], driver, ...cells]);
        });
      });
    });
  }
}
