// What a Sendmail refuses that is set up by `smmap mta`: mail for subdomains of its domains, and what the access table forbids.

import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { MAIN } from './daemon.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import { makeWorld } from './mta-world.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
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

describePart('the real sendmail, for an unknown client', await findSendmailServer(PARTS), (part) => {
  const start = async (access: readonly string[]): Promise<Mta & { readonly folder: string }> => {
    const folder = await makeTrustedFolder();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const world = await makeWorld('sendmail', folder, { access, maps: MAPS });
    onTestFinished(() => world.end());
    const mta = await part.start(world.setting);
    onTestFinished(() => mta.stop());
    return { ...mta, folder };
  };

  test('passes the printed tests, and fails them for an unknown address', async () => {
    const mta = await start(['relayed.example RELAY']);
    const tested = async (address: string): Promise<[number, string[]]> => {
      const { code, stdout } = await mta.type(
        `"${process.execPath}" "${MAIN}" mta sendmail --config "${mta.folder}/smmap.toml" --test ${address}`,
      );
      return [code, stdout.split('\n').flatMap((line) => /^(?:ok|FAILED|look|skipped) .*/.exec(line) ?? [])];
    };
    const server = `${mta.folder}/smmap.sock`;
    const commands = (verdict: string, address: string): string[] => [
      `${verdict} smmap probe --server unix:${server} --map cyrus ${address}`,
      `look    namei -l ${server}    # no folder may be writable for group or others, and no part may be a symbolic link`,
    ];
    const [code, lines] = await tested('user1@example.org');
    expect(lines.slice(0, 4)).toEqual([
      ...commands('ok     ', 'user1@example.org'),
      "ok      echo '/map cyrus user1' | sendmail -bt",
      'ok      sendmail -bv user1@example.org',
    ]);
    expect(lines).toHaveLength(6); // swaks may be missing, and asks another port
    expect([0, 1]).toContain(code);
    const [failed, of] = await tested('nobody@example.org');
    expect(of.slice(0, 4)).toEqual([
      ...commands('FAILED ', 'nobody@example.org'),
      "look    echo '/map cyrus nobody' | sendmail -bt    # returns nobody<OK> (0)",
      'FAILED  sendmail -bv nobody@example.org    # deliverable: mailer cyrusv2',
    ]);
    expect(failed).toBe(1);
  });

  test('refuses subdomains, and recipients that the access table rejects', async () => {
    const access = [
      'user1@virt.example 550 Mailbox not available',
      'to:user1@example.org REJECT',
      'relayed.example RELAY',
    ];
    const mta = await start(access);
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
  });
});
