// What `smmap mta postfix` prints is pasted into the shell of a stock Debian whose Postfix has users already.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../support/port.ts';
import type { Result } from './command.ts';
import { type Daemon, MAIN, cli, fill, startDaemon } from './daemon.ts';
import { type Lmtp, startLmtp } from './lmtp.ts';
import { findDebianPostfix } from './mta-postfix.ts';
import { type Mta, makeTrustedFolder } from './mta.ts';
import { PARTS, describePart } from './part.ts';
import { openSmtp } from './smtp.ts';

/** As Debian's installer has it, and a user, a domain of aliases and a domain of mailboxes that worked before smmap came. */
const BEFORE = `
mount -t tmpfs tmpfs /var/mail
install -d -o 1000 -g 1000 /var/mail/box
echo alice:x:1000:1000::/:/bin/sh >> /etc/passwd
echo 'postmaster alice' > /etc/aliases
echo 'virt.example x' > /etc/postfix/virtual
echo 'sales@virt.example alice@example.org' >> /etc/postfix/virtual
echo 'bob@box.example bob' > /etc/postfix/boxes
postconf -e 'myorigin = example.org' 'mydestination = $myhostname, example.org, localhost' 'alias_maps = texthash:/etc/aliases'
postconf -e 'virtual_alias_maps = texthash:/etc/postfix/virtual'
postconf -e 'virtual_mailbox_domains = box.example' 'virtual_mailbox_maps = texthash:/etc/postfix/boxes'
postconf -e 'virtual_mailbox_base = /var/mail/box' 'virtual_uid_maps = static:1000' 'virtual_gid_maps = static:1000'
postconf -e 'local_transport = local' 'default_transport = error:nothing leaves this machine' 'disable_dns_lookups = yes'
postconf -e 'smtpd_error_sleep_time = 0' 'max_use = 1' 'service_throttle_time = 1s'
cp /etc/postfix/main.cf /etc/postfix/before
postfix reload
`;

const CONFIG = (socket: string, store: string): string => `
  listen.mta.path = "${socket}"
  store.local = { driver = "embedded", path = "${store}" }
  map.mailbox.default_domain = "example.org"
  map.virtuser = { kind = "alias", default_domain = "example.org" }
  map.domains = { kind = "domain", class = "mailbox" }
  map.aliasdomains = { kind = "domain", class = "alias" }
  map.recipient_access = { kind = "table" }
`;

/** Worked before, and works on. */
const OLD = {
  'alice@example.org': '250',
  'alice+x@example.org': '250',
  'postmaster@example.org': '250',
  'sales@virt.example': '250',
  'bob@box.example': '250',
  'nobody2@example.org': '550',
  'nobody2@virt.example': '550',
  'nobody2@box.example': '550',
};
const NEW = {
  'fred@example.org': '250',
  'info@example.org': '250',
  'fred@mail.example': '250',
  'nobody2@mail.example': '550',
  'fred@bücher.example': '250',
  'nobody2@bücher.example': '550',
  'list@alias.example': '250',
  'nobody2@alias.example': '550',
};

const DELIVERED = `1 Delivered-To: alice+x@example.org
2 Delivered-To: alice@example.org
1 Delivered-To: bob@box.example
1 Delivered-To: postmaster@example.org
`;

describePart("smmap mta postfix, pasted into Debian's Postfix", await findDebianPostfix(PARTS), ({ start }) => {
  let daemon: Daemon;
  let postfix: Mta;
  let lmtp: Lmtp;
  let folder: string;

  beforeAll(async () => {
    folder = await makeTrustedFolder();
    const sockets = join(folder, 'sockets');
    await mkdir(sockets, { mode: 0o755 });
    const store = join(folder, 'store');
    await fill(store, ['fred@example.org', 'fred@mail.example', 'fred@bücher.example']);
    for (const alias of ['info@example.org', 'list@alias.example']) {
      await cli(['alias', 'add', '--store', store, alias, 'fred@example.org']);
    }
    await cli(['table', 'add', '--store', store, 'recipient_access', 'blocked@example.org', 'REJECT']);
    await cli(['domain', 'add', '--store', store, '--class', 'alias', 'alias.example']);
    await writeFile(join(folder, 'etc.toml'), CONFIG('/run/smmap/smmap.sock', store));
    daemon = await startDaemon({ folder, config: CONFIG(join(sockets, 'smmap.sock'), store) });
    lmtp = await startLmtp(join(sockets, 'lmtp'));
    postfix = await start(folder, sockets);
    const { code, stderr } = await postfix.type(BEFORE);
    expect(code, stderr).toBe(0);
    return async () => {
      await postfix.stop();
      await lmtp.close();
      await daemon.end();
      await rm(folder, { recursive: true, force: true });
    };
  });

  const mta = (...options: readonly string[]): string =>
    [process.execPath, MAIN, 'mta', 'postfix', '--config', join(folder, 'etc.toml'), ...options].join(' ');

  const paste = async (...options: readonly string[]): Promise<Result> => {
    const printed = await postfix.type(mta(...options));
    expect(printed.code, printed.stderr).toBe(0);
    const typed = await postfix.type(printed.stdout);
    expect(
      [typed.code, typed.stderr.replaceAll(/^postfix\/postfix-script: refreshing.*\n/gm, '')],
      printed.stdout,
    ).toEqual([0, '']);
    return printed;
  };

  /**
   * Until Postfix says so: after a reload, an old smtpd may have the next client, or ask a proxymap that is just ending. Then
   * master starts no smtpd for the throttle time.
   */
  const says = (expected: Readonly<Record<string, string>>): Promise<void> =>
    vi
      .waitFor(
        async () => {
          const smtp = await openSmtp(postfix.port);
          const replies = await smtp.recipients(Object.keys(expected));
          smtp.close();
          const codes = Object.keys(expected).map((each, at) => [each, `${replies[at]?.code}`]);
          expect(Object.fromEntries(codes), replies.map(({ text }) => text).join('\n')).toEqual(expected);
        },
        { timeout: 20_000, interval: 500 },
      )
      .catch((error: Error) => Promise.reject(new Error(postfix.log().slice(-3000), { cause: error })));

  test('works as before without smmap', () => says(OLD));

  test('also accepts the mailboxes, aliases and domains of smmap', async () => {
    const { stdout } = await paste('--lmtp', 'unix:/run/smmap/lmtp');
    expect(stdout).toContain('# now: virtual_mailbox_domains = box.example\n');
    await says({ ...OLD, ...NEW });
  });

  test('delivers mail to the right mailboxes', async () => {
    const smtp = await openSmtp(postfix.port);
    await smtp.send(Object.entries({ ...OLD, ...NEW }).flatMap(([each, code]) => (code === '250' ? [each] : [])));
    smtp.close();
    await vi.waitFor(async () => {
      const { stdout } = await postfix.type(
        "grep -h ^Delivered-To: /var/mail/alice /var/mail/box/bob | sort | uniq -c | sed 's/ *//'",
      );
      expect(stdout, postfix.log()).toBe(DELIVERED);
    });
    await vi.waitFor(
      () =>
        expect(lmtp.recipients.toSorted()).toEqual([
          'fred@bücher.example',
          ...Array(3).fill('fred@example.org'),
          'fred@mail.example',
        ]),
      10_000,
    );
  });

  test('changes nothing when it is pasted again', async () => {
    const before = await postfix.type('cat /etc/postfix/main.cf /etc/postfix/master.cf');
    const { stdout } = await paste('--lmtp', 'unix:/run/smmap/lmtp');
    expect(stdout).not.toMatch(/^postconf -e/m);
    expect(await postfix.type('cat /etc/postfix/main.cf /etc/postfix/master.cf')).toEqual(before);
    await says({ ...OLD, ...NEW });
  });

  test('delivers mail as before without --lmtp, and does not mix users of this machine with those of smmap', async () => {
    await postfix.type('cp /etc/postfix/before /etc/postfix/main.cf');
    const { stdout } = await paste();
    expect(stdout).not.toMatch(/^postconf.*(?:transport|local_recipient_maps|chroot)/m);
    await says({ ...OLD, 'fred@mail.example': '250', 'fred@example.org': '550' });
  });

  test('prints commands that read the settings of Postfix if it runs on another machine', async () => {
    await postfix.type('cp /etc/postfix/before /etc/postfix/main.cf');
    const args = ['--config', join(folder, 'etc.toml'), '--lmtp', 'unix:/run/smmap/lmtp'];
    const { stdout } = await cli(['mta', 'postfix', ...args], '', { env: { PATH: '/nowhere' } });
    expect(stdout).toContain('# Postfix is not on this machine.');
    const { code, stderr } = await postfix.type(stdout);
    expect(code, stderr).toBe(0);
    await says({ ...OLD, ...NEW });
  });

  test('lets Postfix log in over TCP', async () => {
    const port = await freePort();
    const server = await startLmtp(port, 'postman:secret');
    try {
      await postfix.type(
        'cp /etc/postfix/before /etc/postfix/main.cf; postconf -X virtual_mailbox_domains virtual_mailbox_maps',
      );
      const { stdout } = await paste('--lmtp', `tcp:127.0.0.1:${port}`);
      const line = /^# +(127\.0\.0\.1 postman:)PASSWORD$/m.exec(stdout)?.[1];
      await postfix.type(`echo '${line}secret' > /etc/postfix/lmtp_passwords; postfix reload`);
      await says({ 'fred@example.org': '250', 'fred@mail.example': '250', 'alice@example.org': '250' });
      const smtp = await openSmtp(postfix.port);
      await smtp.send(['fred@example.org', 'fred@mail.example', 'alice@example.org']);
      smtp.close();
      const expected = ['fred@example.org', 'fred@mail.example'];
      await vi
        .waitFor(() => expect(server.recipients.toSorted()).toEqual(expected), 10_000)
        .catch((error: Error) => Promise.reject(new Error(postfix.log().slice(-3000), { cause: error })));
    } finally {
      await server.close();
    }
  });

  test('refuses no address that exists while smmap is down', async () => {
    await daemon.kill();
    await says(Object.fromEntries(Object.keys({ ...OLD, ...NEW }).map((each) => [each, '451'])));
  });
});
