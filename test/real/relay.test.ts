// What a Sendmail refuses that is set up by `smmap mta`: mail for subdomains of its domains, and what the access table forbids.

import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { makeTrustedFolder } from './mta.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import { makeWorld } from './mta-world.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

const MAPS = `
    [map.cyrus]
    default_domain = "example.org"
    local_domains = ["local.example"]
    [map.virtuser]
    kind = "alias"
    [map.access]
    kind = "table"
`;

/** Sendmail relays for 127.0.0.1, so the client has another address. */
const CLIENT = '127.0.0.2';

describePart('the real sendmail, asked by a client that it does not know', await findSendmailServer(PARTS), (part) => {
  test('refuses subdomains, and recipients that the access table refuses', async () => {
    const folder = await makeTrustedFolder();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const access = [
      'user1@virt.example 550 Mailbox not available',
      'to:user1@example.org REJECT',
      'relayed.example RELAY',
    ];
    const world = await makeWorld('sendmail', folder, { access, maps: MAPS });
    onTestFinished(() => world.end());
    const mta = await part.start(world.setting);
    onTestFinished(() => mta.stop());
    const smtp = await openSmtp(mta.port, 60_000, CLIENT);
    const asked = {
      'jörg@virt.example': '250 2.1.5',
      'jörg@local.example': '250 2.1.5',
      'nobody@local.example': '550 5.1.1',
      'x@relayed.example': '250 2.1.5',
      'x@sub.relayed.example': '550 5.7.1',
      'x@sub.virt.example': '550 5.7.1',
      'user1@virt.example': '550 5.0.0',
      'user1@example.org': '550 5.2.1',
      'nobody@virt.example': '550 5.1.1',
    };
    const replies = await smtp.recipients(Object.keys(asked));
    smtp.close();
    const seen = replies.map(({ code, status }) => `${code} ${status}`);
    expect(Object.fromEntries(Object.keys(asked).map((each, at) => [each, seen[at]]))).toEqual(asked);
  }, 60_000);
});
