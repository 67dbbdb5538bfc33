// What `smmap mta procmail` prints, in two Sendmails with procmail.

import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { findProcmail } from './mta-procmail.ts';
import { makeWorld } from './mta-world.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

const MAPS = `
    [map.cyrus]
    default_domain = "example.org"
    [map.virtuser]
    kind = "mailbox"
    reply = { text = "%u@%d.virtuser." }
    [map.access]
    kind = "table"
`;
const BOTH = ['user1@virt.example', 'user1@example.org'];
const BOXES = ['/var/spool/vbox/virt.example/user1', '/var/spool/vbox/example.org/user1'];

describePart('two real sendmails with procmail', await findProcmail(PARTS), ({ startWith }) => {
  const start = async (scanner: boolean): Promise<Mta> => {
    const folder = await makeTrustedFolder();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const access = ['relayed.example RELAY', ...(scanner ? [] : ['user1@virt.example 550 Mailbox not available'])];
    const world = await makeWorld('procmail', folder, { access, maps: MAPS });
    onTestFinished(() => world.end());
    const mta = await startWith(scanner)(world.setting);
    onTestFinished(() => mta.stop());
    return mta;
  };
  const typed = async (mta: Mta, lines: string): Promise<string> => {
    const { code, stdout, stderr } = await mta.type(lines);
    expect(code, `${lines}: ${stderr} ${mta.log()}`).toBe(0);
    return stdout;
  };

  test('refuse subdomains, and recipients that the access table rejects', async () => {
    const mta = await start(false);
    const smtp = await openSmtp(mta.port, 60_000, '127.0.0.2');
    const asked = {
      'user1@example.org': 250,
      'x@relayed.example': 250,
      'x@sub.virt.example': 550,
      'x@sub.relayed.example': 550,
      'user1@virt.example': 550,
      'nobody@virt.example': 550,
    };
    const replies = await smtp.recipients(Object.keys(asked));
    smtp.close();
    expect(Object.fromEntries(Object.keys(asked).map((each, at) => [each, replies[at]?.code]))).toEqual(asked);
  });

  test('deliver as the user vmail, through a second queue folder for MailScanner', async () => {
    const mta = await start(true);
    const smtp = await openSmtp(mta.port, 60_000, '127.0.0.2');
    await smtp.send(BOTH);
    smtp.close();
    const runQueue = (): Promise<string> => typed(mta, 'sendmail -C /etc/mail/sendmail_out.cf -q -v');
    // One file for each recipient, in the folder of which the second Sendmail knows nothing.
    expect((await typed(mta, 'ls /var/spool/mqueue.in')).match(/^qf/gm)).toHaveLength(2);
    await runQueue();
    expect(await typed(mta, 'find /var/spool/vbox -type f')).toBe('');
    await typed(mta, 'mv /var/spool/mqueue.in/* /var/spool/mqueue/'); // MailScanner does so after its work
    await runQueue();
    expect(await typed(mta, `stat -c '%n %U' ${BOXES.join(' ')}`)).toBe(
      BOXES.map((each) => `${each} vmail\n`).join(''),
    );
  });
});
