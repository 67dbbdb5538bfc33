// Sendmail of today's Debian suites in front of their Cyrus, as `smmap mta sendmail` has it: asking Cyrus's smmapd, and asking
// smmap in its place. What the sender is told is a table of docs/mta.md.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { describePart } from '../real/part.ts';
import { checkRow, codesOf, shortly } from './codes.ts';
import { CYRUS, LIST, STORE } from './cyrus.ts';
import { SERVERS, blocksOf } from './servers.ts';
import { SUITES, type Suite, type System, findSystem } from './systems.ts';

const EXISTS = 'fred@example.org';
const DETAIL = 'fred+lists@example.org';
const ABSENT = 'nosuchuser@example.org';
const FULL = 'full@example.org';
/**
 * What is asked, its socket, and what is right for EXISTS, DETAIL, ABSENT and FULL, and for EXISTS and ABSENT while Cyrus is
 * down. smmapd refuses a detail that is no folder, though lmtpd takes its mail.
 */
const ASKED = [
  ['smmapd', '/run/cyrus/socket/smmapd', /^250, 550 5\.1\.1, 550 5\.1\.1, 4/, /^4[^,]*, 4[^,]*$/],
  ['smmap', '/run/smmap/smmap.sock', /^250, 250, 550 5\.1\.1, 4/, /^250, 4[^,]*$/],
] as const;
const RIGHT = /^250, 550/;
const TABLE = {
  name: 'suite-smmapd',
  keys: 3,
  columns: [
    '',
    'system',
    'asks',
    'mailbox',
    'with a detail',
    'unknown',
    'over quota',
    'Cyrus killed: mailbox, unknown',
    'back: the same',
  ],
};
const sendmail = SERVERS.find(({ name }) => name === 'sendmail') as (typeof SERVERS)[number];

for (const suite of Object.keys(SUITES) as Suite[]) {
  describePart(`Sendmail of ${SUITES[suite]} before its Cyrus`, await findSystem(suite), ({ start }) => {
    let system: System;
    let title: string;

    beforeAll(async () => {
      system = await start();
      await system.done(`cat > /etc/smmap/smmap.toml <<'END'\n${STORE}END`);
      await sendmail.before?.(system, suite);
      await system.done(`${blocksOf(sendmail, suite)[0]}echo example.org >> /etc/mail/local-host-names`);
      await system.done(`apt install cyrus-imapd
${CYRUS}${LIST}
smmap check --stores && systemctl reload smmap`);
      title = `Sendmail ${await system.versionOf(sendmail.package)}, Cyrus ${await system.versionOf('cyrus-imapd')}`;
      process.stderr.write(`${SUITES[suite]}: ${title}\n`);
    });
    afterAll(() => system?.stop());

    describe.each(ASKED)('asks %s', (asked, path, up, down) => {
      const cells: string[] = [];
      /** What one session is told about these, as soon as that is so. */
      const told = (is: RegExp, ...recipients: readonly string[]): Promise<readonly string[]> =>
        vi.waitFor(
          async () => {
            const codes = await codesOf(system, recipients);
            expect(codes.join(', ')).toMatch(is);
            return codes;
          },
          { timeout: 30_000, interval: 1_000 },
        );

      beforeAll(() =>
        system.done(`sed -i '/^Kmailbox /s|local:.*|local:${path}|' /etc/mail/sendmail.cf
grep -c '^Kmailbox .*local:${path}$' /etc/mail/sendmail.cf
systemctl restart sendmail`),
      );

      test('while Cyrus is up', async () => {
        cells.push(...(await told(up, EXISTS, DETAIL, ABSENT, FULL)));
      });

      test('while Cyrus is down', async () => {
        await system.done('systemctl kill --signal=KILL cyrus-imapd; systemctl stop cyrus-imapd');
        cells.push(shortly(await told(down, EXISTS, ABSENT)));
      });

      test('is right again when it is back', async () => {
        await system.done('systemctl start cyrus-imapd');
        cells.push(shortly(await told(RIGHT, EXISTS, ABSENT)));
      });

      test('docs/mta.md has this', async ({ skip }) => {
        if (cells.length < TABLE.columns.length - TABLE.keys) skip('a test before has failed');
        await checkRow(TABLE, [title, SUITES[suite], asked, ...cells]);
      });
    });
  });
}
