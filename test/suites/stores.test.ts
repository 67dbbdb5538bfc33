// Dovecot of today's Debian suites, asked by smmap as the pages of its stores say. What it says is a table of docs/mta.md.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describePart } from '../real/part.ts';
import { checkRow, shortly } from './codes.ts';
import { ASKED } from './stores.ts';
import { SUITES, type Suite, type System, findSystem, lacksOf } from './systems.ts';

const WHO = ['fred@example.org', 'nosuchuser@example.org'] as const;
const TABLE = {
  name: 'suite-stores',
  keys: 3,
  columns: ['', 'system', 'driver', 'mailbox, unknown', 'Dovecot down: the same', 'back: the same'],
};

for (const suite of Object.keys(SUITES) as Suite[]) {
  const found = await findSystem(suite);
  for (const { title, driver, packages, package: named, setUp, store, service } of ASKED) {
    const lacks = lacksOf(suite).includes(packages) ? `${SUITES[suite]} has no ${packages}` : null;
    const part = lacks === null ? found : { name: title, missing: lacks };
    describePart(`${title} of ${SUITES[suite]}, asked by the driver ${driver}`, part, ({ start }) => {
      let system: System;
      const line = [title, SUITES[suite], driver];

      beforeAll(async () => {
        system = await start();
        await system.done(`apt install ${packages}\n${setUp(suite)}`);
        line[0] = `${title} ${await system.versionOf(named)}`;
        process.stderr.write(`${line.join(', ')}\n`);
        await system.done(`cat > /etc/smmap/smmap.toml <<'END'\n${store}END
smmap check --stores && systemctl reload smmap`);
      });
      afterAll(() => system?.stop());

      /** Until smmap says so about the two of them. */
      const says = async (...words: readonly string[]): Promise<void> => {
        await vi.waitFor(
          async () => {
            const { stdout, stderr } = await system.type(`smmap probe ${WHO.join(' ')}`);
            const said = stdout.trimEnd().split('\n');
            expect(
              said.map((each) => each.split(/[\t ]/)[1]),
              stdout + stderr,
            ).toEqual(words);
          },
          { timeout: 20_000, interval: 500 },
        );
        line.push(shortly(words));
      };

      test('knows who exists and who does not', () => says('OK', 'NOTFOUND'));

      test('is not certain while it is down', async () => {
        await system.done(`systemctl stop ${service}`);
        await says('TEMP', 'TEMP');
      });

      test('is right again when it is back', async () => {
        await system.done(`systemctl start ${service}`);
        await says('OK', 'NOTFOUND');
      });

      test('docs/mta.md has this', async ({ skip }) => {
        if (line.length < TABLE.columns.length) skip('a test before has failed');
        await checkRow(TABLE, line);
      });
    });
  }
}
