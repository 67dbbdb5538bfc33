// The mail servers of today's Debian suites, each with the configuration of its package and with what docs/mta.md says. What
// each of them says at RCPT is a table of docs/mta.md.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LMTP } from '../real/debian-lines.ts';
import { describePart } from '../real/part.ts';
import { repliesOf } from '../support/swaks.ts';
import { checkRow, codesOf, shortly } from './codes.ts';
import { SERVERS, blocksOf } from './servers.ts';
import { SUITES, type Suite, type System, findSystem, lacksOf } from './systems.ts';

const EXISTS = 'fred@example.org';
const DETAIL = 'fred+lists@example.org';
const ALIAS = 'info@example.org';
const ABSENT = 'nosuchuser@example.org';
const FULL = 'full@example.org';
const OFF = 'off@example.org';

const TABLE = {
  name: 'suites',
  keys: 2,
  columns: [
    '',
    'system',
    'mailbox',
    'with a detail',
    'alias',
    'unknown',
    'over quota',
    'disabled',
    'store away: mailbox, unknown',
    'smmap down: the same',
    'back: the same',
  ],
};

for (const suite of Object.keys(SUITES) as Suite[]) {
  const found = await findSystem(suite);
  for (const server of SERVERS) {
    const lacks = lacksOf(suite).includes(server.packages) ? `${SUITES[suite]} has no ${server.packages}` : null;
    const part = lacks === null ? found : { name: server.title, missing: lacks };
    describePart(`${server.title} of ${SUITES[suite]}`, part, ({ start }) => {
      let system: System;
      let version = '';
      const codes: string[] = [];
      const [setUp, asks] = blocksOf(server, suite);

      beforeAll(async () => {
        system = await start();
        await system.done(`${LMTP}\nsystemd-run --quiet --unit=test-lmtp node /root/lmtp.mjs`);
        await server.before?.(system, suite);
        await system.done(setUp);
        await answers();
        version = await system.versionOf(server.package);
        process.stderr.write(`${SUITES[suite]}: ${server.title} ${version}\n`);
      });
      afterAll(() => system?.stop());

      const answers = (): Promise<string> =>
        vi.waitFor(() => system.done('swaks --server localhost --quit-after BANNER'), {
          timeout: 20_000,
          interval: 500,
        });

      const ask = (...recipients: readonly string[]): Promise<string[]> => codesOf(system, recipients);
      /** Asks until that is so; keeps the last codes. */
      const settled = async (is: RegExp, ...recipients: readonly string[]): Promise<string[]> => {
        let said: string[] = [];
        await vi.waitFor(
          async () => {
            said = await ask(...recipients);
            expect(said.join(', ')).toMatch(is);
          },
          { timeout: 20_000, interval: 1_000 },
        );
        return said;
      };

      test.each(testsOf(asks))('%s: %s', async (typed, expected = '') => {
        const { code, stdout, stderr } = await system.type(typed);
        const said = typed.startsWith('swaks') ? repliesOf(stdout).join('\n') : stdout;
        expect(said, `${code} ${stdout}${stderr}`).toContain(expected);
        if (expected === '') expect([code, stdout], stderr).toEqual([0, `${EXISTS}\n`]);
      });

      test('passes the tests that are printed', async () => {
        const { code, stdout, stderr } = await system.type(`smmap mta ${server.name} --test ${EXISTS}`);
        expect(stdout + stderr).not.toMatch(/^FAILED/m);
        expect(code, stdout + stderr).toBe(0);
      });

      test('refuses who is absent, and nobody else', async () => {
        codes.push(...(await ask(EXISTS, DETAIL, ALIAS, ABSENT, FULL, OFF)));
        expect(codes.join(', ')).toMatch(
          server.told?.(suite) ?? /^250, 250, 250, 550( 5\.1\.1)?, 4\S+( 4\S+)?, 550( 5\.1\.1)?$/,
        );
      });

      test('delivers to who exists, with the detail', async () => {
        await system.done(
          `swaks --server localhost --to ${EXISTS},${DETAIL} --body x > /root/said || { cat /root/said; exit 1; }`,
        );
        await vi.waitFor(
          async () => {
            const delivered = await system.done('sed "s/@example.org//; s/RCPT TO:/&/" /root/delivered | sort -u');
            expect(delivered).toMatch(/^RCPT TO:<fred\+lists>.*\nRCPT TO:<fred>.*\n$/i);
          },
          { timeout: 30_000, interval: 500 },
        );
      });

      test('defers everybody while the store is away', async () => {
        await system.done(`cp /etc/smmap/smmap.toml /root/smmap.toml
printf '[store.away]\\ndriver = "embedded"\\npath = "/nowhere"\\n' >> /etc/smmap/smmap.toml
systemctl reload smmap`);
        try {
          codes.push(shortly(await settled(DEFERRED, EXISTS, ABSENT)));
        } finally {
          await system.done('cp /root/smmap.toml /etc/smmap/smmap.toml; systemctl reload smmap');
        }
        await settled(RIGHT, EXISTS, ABSENT);
      });

      test('defers everybody while smmap is down', async () => {
        await system.done('systemctl stop smmap');
        codes.push(shortly(await settled(DEFERRED, EXISTS, ABSENT)));
      });

      test('is right again when smmap is back', async () => {
        await system.done('systemctl start smmap');
        codes.push(shortly(await settled(RIGHT, EXISTS, ABSENT)));
      });

      test('docs/mta.md has these codes', async ({ skip }) => {
        if (codes.length < TABLE.columns.length - TABLE.keys) skip('a test before has failed');
        await checkRow(TABLE, [`${server.title} ${version}`, SUITES[suite], ...codes]);
      });
    });
  }
}

const DEFERRED = /^4[^,]*, 4[^,]*$/;
const RIGHT = /^250, 550/;

/** The commands of a block, and what the comment behind each says of it. */
function testsOf(block: string): [string, string?][] {
  const each = block.trimEnd().split('\n');
  return each.map((line) => line.split(/ +# /) as [string, string?]);
}
