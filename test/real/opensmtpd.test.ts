// `smmap mta opensmtpd` in a whole OpenSMTPD: its tests, and a name of the mail server itself.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MAIN } from './daemon.ts';
import { findOpensmtpd } from './mta-opensmtpd.ts';
import { makeWorld } from './mta-world.ts';
import { makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

describePart('the real opensmtpd', await findOpensmtpd(PARTS), (part) => {
  test('passes the printed tests, and asks for users of local_domains', async () => {
    const folder = await makeTrustedFolder();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const world = await makeWorld('opensmtpd', folder);
    onTestFinished(() => world.end());
    const mta = await part.start(world.setting);
    onTestFinished(() => mta.stop());

    const smtp = await openSmtp(mta.port);
    const replies = await smtp.recipients(['user1@mx.example.org', 'nobody@mx.example.org', 'user1@virt.example']);
    smtp.close();
    expect(replies.map(({ code }) => code)).toEqual([250, 550, 250]);

    const { stdout } = await mta.type(
      `PATH="${join(PARTS, 'opensmtpd/usr/sbin')}:$PATH"
"${process.execPath}" "${MAIN}" mta opensmtpd --config "${folder}/smmap.toml" --test user1@example.org || true`,
    );
    const line = `${folder}/line.sock`;
    expect(
      stdout
        .split('\n')
        .filter((each) => /^(?:ok|FAILED|look|skipped) /.test(each))
        .slice(0, 3),
    ).toEqual([
      `ok      smmap probe --protocol line --server unix:${line} --map userbase user1`,
      `look    namei -l ${line}    # the user opensmtpd must be able to pass every folder`,
      'ok      smtpd -n',
    ]);
  });
});
