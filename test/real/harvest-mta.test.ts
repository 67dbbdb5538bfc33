// What docs/operations.md says to set in mail servers against somebody who guesses addresses.

import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findExim } from './mta-exim.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import { makeWorld } from './mta-world.ts';
import { makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

const PAGE = readFileSync('docs/operations.md', 'utf8');
const TRIES = 5; // the fourth and the fifth are beyond each limit of the page

/** The settings that the page has for a mail server. */
function settingsFor(mta: string): readonly string[] {
  const table = PAGE.slice(PAGE.indexOf('| mail server | what to set |'));
  const row = new RegExp(`^\\| ${mta} \\|(.*)$`, 'm').exec(table)?.[1] ?? '';
  return Array.from(row.matchAll(/``(.+?)``|`([^`]+)`/g), ([, long, short]) => String(long ?? short));
}

/** Where the settings go, in what `smmap mta` has written, and how. */
const SERVERS = [
  {
    name: 'Postfix',
    part: await findPostfixServer(PARTS),
    file: 'main.cf',
    add: (before: string, settings: readonly string[]) =>
      `${before}\nsmtpd_error_sleep_time = 1s\n${settings.join('\n')}\n`,
  },
  {
    name: 'Exim',
    part: await findExim(PARTS),
    file: 'acl',
    add: (before: string, [warn = '', delay = '']: readonly string[]) => `${warn}\n  ${delay}\n${before}`,
  },
  {
    name: 'Sendmail',
    part: await findSendmailServer(PARTS),
    file: 'smmap.mc',
    add: (before: string, [throttle = '']: readonly string[]) => `${throttle}dnl\n${before}`,
  },
];

for (const { name, part, file, add } of SERVERS) {
  describePart(`the real ${name}`, part, ({ start }) => {
    test('is slow for somebody who guesses, and still takes what exists', async () => {
      const folder = await makeTrustedFolder();
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const world = await makeWorld(name.toLowerCase(), folder);
      onTestFinished(() => world.end());
      const written = join(world.setting.written, file);
      await writeFile(written, add(await readFile(written, 'utf8'), settingsFor(name)));
      const mta = await start(world.setting);
      onTestFinished(() => mta.stop());

      const smtp = await openSmtp(mta.port);
      onTestFinished(() => smtp.close());
      await smtp.say('MAIL FROM:<sender@example.net>');
      const began = performance.now();
      for (let at = 0; at < TRIES; at++) {
        expect(await smtp.say(`RCPT TO:<nobody${at}@example.org>`)).toMatchObject({ code: 550 });
      }
      expect(performance.now() - began).toBeGreaterThan(1_000);
      expect(await smtp.say('RCPT TO:<user1@example.org>')).toMatchObject({ code: 250 });
    });
  });
}
