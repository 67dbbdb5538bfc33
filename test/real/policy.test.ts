// The policy listener in a whole Postfix, as docs/policy.md sets it up, and the filter of fail2ban over its log.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPage } from '../support/page.ts';
import { freePort } from '../support/port.ts';
import { run } from './command.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { type World, makeWorld } from './mta-world.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart, findPrograms, together } from './part.ts';
import { type Smtp, openSmtp } from './smtp.ts';

const page = openPage('docs/policy.md');
const listener = page.take('The listener', 0, 'toml');
const mainCf = page.take('Postfix', 0, 'text');

const parts = together({
  postfix: await findPostfixServer(PARTS),
  fail2ban: findPrograms('fail2ban', PARTS, 'fail2ban', ['usr/bin'], ['fail2ban-regex']),
});

describePart('a policy service of the real Postfix', parts, ({ postfix }) => {
  let folder: string;
  let world: World | undefined;
  let mta: Mta | undefined;
  beforeAll(async () => {
    folder = await makeTrustedFolder();
    const port = await freePort();
    const own = (text: string): string => text.replace('127.0.0.1:2005', `127.0.0.1:${port}`);
    world = await makeWorld('postfix', folder, { sections: own(listener) });
    const file = join(world.setting.written, 'main.cf');
    await writeFile(file, `${await readFile(file, 'utf8')}\n${own(mainCf)}`);
    mta = await postfix.start(world.setting);
  });
  afterAll(async () => {
    await mta?.stop();
    await world?.end();
    await rm(folder, { recursive: true, force: true });
  });

  const session = async (): Promise<Smtp> => {
    const smtp = await openSmtp((mta as Mta).port);
    onTestFinished(() => smtp.close());
    return smtp;
  };

  test('says that a mailbox is full, and leaves the rest to the tables', async () => {
    const smtp = await session();
    const recipients = ['user1@example.org', 'full@example.org', 'nobody@example.org', '"quo ted"@example.org'];
    const replies = await smtp.recipients(recipients);
    expect(replies.map(({ code, text }) => [code, /\d\.\d\.\d/.exec(text)?.[0]])).toEqual([
      [250, '2.1.5'],
      [552, '5.2.2'],
      [550, '5.1.1'],
      [250, '2.1.5'],
    ]);
  });

  test('logs the client of a refusal, so that fail2ban finds it', async () => {
    const smtp = await session();
    await smtp.recipients(['guessed@example.org']);
    const line = await (world as World).logged(
      'refused',
      ({ key, listener: at }) => key === 'guessed@example.org' && at === 'policy',
    );
    expect(line).toMatchObject({ client: '127.0.0.1' });
    const log = join(folder, 'log');
    const other = { ...line, event: 'refused', client: undefined };
    await writeFile(log, `${JSON.stringify(line)}\n<6>${JSON.stringify(line)}\n${JSON.stringify(other)}\n`);
    const { stdout } = await run('fail2ban-regex', [log, 'contrib/fail2ban/smmap.conf']);
    expect(stdout).toContain('3 lines, 0 ignored, 2 matched, 1 missed');
  });

  test('defers while smmap cannot know, and while it is down', async () => {
    for (const trouble of ['store away', 'down'] as const) {
      const end = await (world as World).make(trouble);
      const smtp = await session();
      const replies = await smtp.recipients(['user1@example.org', 'nobody@example.org', 'full@example.org']);
      expect(replies.map(({ code }) => code)).toEqual([451, 451, 451]);
      await end();
    }
  });
});
