// What `smmap mta exim` writes is put into the configurations that people have: Debian's in one file and in many, and Exim's own.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { type Daemon, MAIN, cli, fill, startDaemon } from './daemon.ts';
import { type Lmtp, startLmtp } from './lmtp.ts';
import { type Template, findDebianExim } from './mta-exim.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { type Smtp, openSmtp } from './smtp.ts';

const CONFIG = (socket: string, store: string): string => `
  listen.mta.path = "${socket}"
  store.local = { driver = "embedded", path = "${store}" }
  map.mailbox.default_domain = "example.org"
  map.virtuser = { kind = "alias", default_domain = "example.org" }
`;
const FIFTEEN = Array.from({ length: 15 }, (_, at) => `m${at}@mail.example`);

/** Users of the machine, mailboxes, aliases; and who is none of them. */
const EXPECTED = {
  'alice@example.org': '250',
  'postmaster@example.org': '250',
  'fred@example.org': '250',
  'info@example.org': '250',
  'nobody2@example.org': '550',
  'm1@mail.example': '250',
  'alice@mail.example': '550',
  'fred@xn--bcher-kva.example': '250',
  'fred@bücher.example': '250',
  'fred@BÜCHER.example': '250',
  'nobody2@bücher.example': '550',
};

const part = await findDebianExim(PARTS);
for (const template of ['split', 'unsplit', 'example'] as const satisfies readonly Template[]) {
  describePart(`smmap mta exim, in the configuration ${template}`, part, ({ start }) => {
    let daemon: Daemon;
    let exim: Mta;
    let lmtp: Lmtp;
    let restart: () => Promise<void>;

    beforeAll(async () => {
      const folder = await makeTrustedFolder();
      const sockets = join(folder, 'sockets');
      await mkdir(sockets, { mode: 0o755 });
      const store = join(folder, 'store');
      await fill(store, ['fred@example.org', 'fred@bücher.example', ...FIFTEEN]);
      await cli(['alias', 'add', '--store', store, 'info@example.org', 'fred@example.org', 'alice@example.org']);
      await writeFile(join(folder, 'etc.toml'), CONFIG('/run/smmap/smmap.sock', store));
      const config = CONFIG(join(sockets, 'smmap.sock'), store);
      daemon = await startDaemon({ folder, config });
      restart = async () => {
        daemon = await startDaemon({ folder, config });
      };
      lmtp = await startLmtp(join(sockets, 'lmtp'));
      const written = join(folder, 'written');
      const print = ['mta', 'exim', '--config', join(folder, 'etc.toml'), '--lmtp', 'unix:/run/smmap/lmtp'];
      const change = `${process.execPath} ${MAIN} ${print.join(' ')} --write ${written}
sed -i 's/^SMMAP_DOMAINS = .*/& : mail.example : xn--bcher-kva.example/' ${written}/main
sh ${written}/install.sh "$@"`;
      exim = await start(template, folder, sockets, change);
      return async () => {
        await exim.stop();
        await lmtp.close();
        await daemon.end();
        await rm(folder, { recursive: true, force: true });
      };
    });

    const dialogue = async (addresses: readonly string[], from: string, between?: (smtp: Smtp) => Promise<void>) => {
      const smtp = await openSmtp(exim.port, 60_000, from);
      expect((await smtp.say('MAIL FROM:<alice@example.org> SMTPUTF8')).code, exim.log()).toBe(250);
      const replies: string[] = [];
      for (const [at, address] of addresses.entries()) {
        if (at === 12) await between?.(smtp);
        const { code, text } = await smtp.say(`RCPT TO:<${address}>`);
        replies.push(`${code}`, text);
      }
      smtp.close();
      return { codes: replies.filter((_, at) => at % 2 === 0), text: replies.join('\n') };
    };

    // Exim relays for 127.0.0.1, and not for the other one.
    test.each(['127.0.0.1', '127.0.0.2'])(
      'accepts every address that exists, and refuses all others: %s',
      async (from) => {
        const { codes, text } = await dialogue(Object.keys(EXPECTED), from);
        const got = Object.fromEntries(Object.keys(EXPECTED).map((each, at) => [each, codes[at]]));
        expect(got, `${text}\n${exim.log()}`).toEqual(EXPECTED);
      },
    );

    test('exim -bt says the same', async () => {
      const routed = async (address: string): Promise<string> =>
        (await exim.type(`exim4 -bt ${address} || true`)).stdout;
      expect(await routed('fred@example.org')).toContain('router = smmap_delivery, transport = smmap_lmtp');
      expect(await routed('alice@example.org')).toMatch(/router = local_?user/);
      expect(await routed('nobody2@mail.example')).toContain('5.1.1 User unknown');
    });

    test('delivers to each mailbox', async () => {
      const smtp = await openSmtp(exim.port);
      await smtp.say('MAIL FROM:<alice@example.org>');
      for (const each of ['info@example.org', 'm1@mail.example']) await smtp.say(`RCPT TO:<${each}>`);
      await smtp.say('DATA');
      expect((await smtp.say('Subject: test\r\n\r\ntest\r\n.')).code).toBe(250);
      smtp.close();
      await vi.waitFor(
        () => expect(lmtp.recipients.toSorted(), exim.log()).toEqual(['fred@example.org', 'm1@mail.example']),
        {
          timeout: 20_000,
        },
      );
      await vi.waitFor(
        async () => expect((await exim.type('cat /var/mail/alice')).stdout).toContain('Subject: test'),
        10_000,
      );
    });

    test.each(['127.0.0.1', '127.0.0.2'])(
      'refuses none of 15 addresses while smmap is down or has just come back: %s',
      async (from) => {
        await daemon.kill();
        const { codes, text } = await dialogue(FIFTEEN, from, restart);
        expect(codes, text).toEqual(Array(15).fill('451'));
      },
    );
  });
}

describePart('the callout that smmap mta exim prints', part, ({ start }) => {
  test('asks the LMTP server at its Unix socket', async () => {
    const folder = await makeTrustedFolder();
    const sockets = join(folder, 'sockets');
    await mkdir(sockets, { mode: 0o755 });
    const lmtp = await startLmtp(join(sockets, 'lmtp'));
    const change = `${process.execPath} ${MAIN} mta exim --lmtp unix:/run/smmap/lmtp --write ${folder}/written
sed -n 's/^#  \\( .*\\)/\\1/p' ${folder}/written/callout > ${folder}/acl
sed -i -e '/^domainlist local_domains/i domainlist cyrus_domains = mail.example' -e '/^acl_check_rcpt:/r ${folder}/acl' $1`;
    const exim = await start('example', folder, sockets, change);
    try {
      const smtp = await openSmtp(exim.port);
      await smtp.say('MAIL FROM:<alice@example.org>');
      const code = async (address: string): Promise<string> => (await smtp.say(`RCPT TO:<${address}>`)).text;
      expect(await code('fred@mail.example'), exim.log()).toBe('250 Accepted');
      expect(await code('"quo ted"@mail.example'), exim.log()).toBe('250 Accepted');
      expect(await code('nobody@mail.example')).toBe('550 5.1.1 User unknown');
      lmtp.busy = true;
      expect(await code('fred@mail.example')).toBe('451 4.3.0 Temporary lookup failure');
      await lmtp.close();
      expect(await code('fred@mail.example')).toBe('451 4.3.0 Temporary lookup failure');
      smtp.close();
    } finally {
      await exim.stop();
      await lmtp.close().catch(() => {});
      await rm(folder, { recursive: true, force: true });
    }
  });
});
