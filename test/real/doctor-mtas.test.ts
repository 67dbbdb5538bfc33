// `smmap doctor` with Exim, Sendmail and OpenSMTPD: each finding is made, found, mended by the commands that it prints, and gone.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Daemon, MAIN, cli, fill, startDaemon } from './daemon.ts';
import { findExim } from './mta-exim.ts';
import { findOpensmtpd } from './mta-opensmtpd.ts';
import { findSendmailServer } from './mta-sendmail.ts';
import { type Mta, type MtaPart, makeTrustedFolder, releaseOf } from './mta.ts';
import { PARTS, describePart } from './part.ts';

interface Found {
  readonly where: string;
  readonly reason: string;
  readonly remedy: string;
  readonly commands?: readonly string[];
}

/** The map that OpenSMTPD asks for its users. */
const USERBASE = '[map.userbase]\ndefault_domain = "example.org"\nreply = { text = "8:8:/" }\n';

/** A mail server over what `smmap mta` writes for it, with a daemon. */
function world(mta: string, part: MtaPart, protocol: 'netstring' | 'line' = 'netstring') {
  let folder = '';
  let daemon: Daemon;
  let server: Mta;
  const configOf = (path: string, maps: string): string => `
    listen.mta = { path = "${path}", protocol = "${protocol}" }
    limits.soft_connections = 90
    limits.hard_connections = 100
    store.local = { driver = "embedded", path = "${join(folder, 'store')}" }
    ${maps}`;
  beforeAll(async () => {
    folder = await makeTrustedFolder();
    const sockets = join(folder, 'sockets');
    await mkdir(sockets, { mode: 0o755 });
    await fill(join(folder, 'store'), ['fred@example.org']);
    const map = '[map.mailbox]\ndefault_domain = "example.org"\nlocal_domains = ["mx.example.org"]\n';
    const maps = protocol === 'line' ? `${map}${USERBASE}` : map;
    daemon = await startDaemon({ folder, config: configOf(join(sockets, 'smmap.sock'), maps) });
    const written = join(folder, 'written');
    const made = await cli(['mta', mta, ...releaseOf(mta), '--config', join(folder, 'smmap.toml'), '--write', written]);
    expect(made.code, made.stderr).toBe(0);
    server = await part.start({ folder, written, domain: 'example.org', virtual: [], aliasDomains: [] });
    return async () => {
      await server.stop();
      await daemon.end();
      await rm(folder, { recursive: true, force: true });
    };
  });
  const look = async () => {
    const command = `${process.execPath} ${MAIN} doctor --config /etc/smmap.toml --json`;
    const { code, stdout, stderr } = await server.type(command);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length, stderr).toBeGreaterThan(0);
    const objects = lines.map((line) => JSON.parse(line) as Found);
    return { code, summary: objects.at(-1) as object, found: objects.slice(0, -1) };
  };
  return {
    look,
    kill: () => daemon.kill(),
    socket: () => join(folder, 'sockets/smmap.sock'),
    doctor: async (maps = '[map.mailbox]\n', path = join(folder, 'sockets/smmap.sock')) => {
      const control = `\ncontrol.path = "${join(folder, 'sockets/smmap.sock')}.control"\n`;
      await writeFile(join(folder, 'etc/smmap.toml'), configOf(path, `${control}${maps}`));
      return look();
    },
    /** Without the restart of the service, which is not one here. */
    type: async (lines: readonly string[] = []): Promise<string> => {
      const typed = lines.filter((line) => !line.startsWith('systemctl')).join('\n');
      const { code, stdout, stderr } = await server.type(typed);
      expect(code, stderr).toBe(0);
      return stdout;
    },
  };
}

describePart('smmap doctor with Exim', await findExim(PARTS), (part) => {
  const { doctor, kill, socket, type } = world('exim', part);

  test('finds nothing if nothing is wrong', async () => {
    expect(await doctor()).toMatchObject({ code: 0, found: [], summary: { mailServers: ['Exim'] } });
  });

  test('finds a map that the configuration does not have, and a place where smmap does not listen', async () => {
    const { code, found } = await doctor('[map.other]\n');
    expect(code).toBe(78);
    expect(found[0]).toMatchObject({
      where: 'Exim: readsocket',
      reason: expect.stringMatching(/^asks for the map mailbox,/) as string,
    });
    const moved = await doctor('[map.mailbox]\n', `${socket()}.2`);
    expect(moved.found.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^asks at unix:.*, where \/etc\/smmap\.toml has no listener$/),
    ]);
    await type(moved.found[0]?.commands);
    expect((await doctor('[map.mailbox]\n', `${socket()}.2`)).found).toEqual([]);
    const [command = ''] = moved.found[0]?.commands ?? [];
    const [file = ''] = command.split(' ').slice(-1);
    await type([`sed -i 's#smmap.sock.2#smmap.sock#g' ${file}`]);
  });

  test('finds a socket that the user of Exim cannot reach', async () => {
    await type([`chmod 0600 ${socket()}`]);
    const { code, found } = await doctor();
    expect([code, found]).toMatchObject([78, [{ commands: ['mode = "0666"'] }]]);
    expect(found[0]?.reason).toMatch(/^the user Debian-exim cannot connect to /);
    await type([`chmod 0666 ${socket()}`]);
    expect((await doctor()).found).toEqual([]);
  });

  test('finds domains of alias_domains for which its routers do not ask', async () => {
    const maps =
      '[map.mailbox]\nalias_domains = { "sales.example" = "example.org", "bücher.example" = "example.org" }\n';
    const { code, found } = await doctor(maps);
    expect([code, found]).toMatchObject([
      78,
      [
        {
          where: 'Exim: domains = +smmap_domains',
          reason:
            'does not have sales.example, xn--bcher-kva.example (alias_domains of the map mailbox), so Exim refuses or relays their mail',
        },
      ],
    ]);
    const route = 'exim4 -bt fred@sales.example fred@xn--bcher-kva.example || true';
    expect(await type([route])).not.toContain('5.1.1 User unknown');
    await type(found[0]?.commands);
    expect(await doctor(maps)).toMatchObject({ code: 0, found: [] });
    expect((await type([route])).match(/5\.1\.1 User unknown/g)).toHaveLength(2); // as the daemon says
  });

  test("finds the rule of Exim's example that counts deferred recipients as bad ones", async () => {
    const rule = String.raw`acl_check_rcpt:\n  deny condition = \${if and {\\\n    {>{$rcpt_count}{10}}\\\n    {<{$recipients_count}{\${eval:$rcpt_count/2}}} }}\n    message = Rejected for too many bad recipients`;
    await type([`sed -i 's#^acl_check_rcpt:$#${rule.replaceAll('\\$', '$')}#' /etc/exim4/exim4.conf`]);
    const { code, found } = await doctor();
    expect(code).toBe(78);
    expect(found[0]?.reason).toContain(
      'counts deferred recipients, so in an outage it refuses mailboxes that exist (550)',
    );
    const recipients = Array.from({ length: 15 }, () => 'RCPT TO:<fred@example.org>');
    const session = ['EHLO x', 'MAIL FROM:<a@b.example>', ...recipients, 'QUIT', ''].join(String.raw`\r\n`);
    const replies = async (): Promise<string[]> => {
      const said = await type([`printf '${session}' | exim4 -bh 192.0.2.1 2>/dev/null`]);
      return said.match(/^(?:451|550) /gm) ?? [];
    };
    const broken = await type(['cat /etc/exim4/exim4.conf']);
    await type(found[0]?.commands);
    expect(await doctor()).toMatchObject({ code: 0, found: [] });
    await kill();
    expect(await replies()).toEqual(recipients.map(() => '451 '));
    await type([`cat > /etc/exim4/exim4.conf <<'EOF'\n${broken}\nEOF`]);
    expect(await replies()).toEqual(recipients.map((_, at) => (at < 10 ? '451 ' : '550 ')));
    // What `smmap mta exim` may print before it: the same condition with `defer`.
    const defer = String.raw`acl_check_rcpt:\n  defer condition = \${if and{{>{$rcpt_count}{10}}{<{$recipients_count}{\${eval:$rcpt_count/2}}}}}`;
    await type([`sed -i 's#^acl_check_rcpt:$#${defer.replaceAll('\\$', '$')}#' /etc/exim4/exim4.conf`]);
    expect((await doctor()).found).toMatchObject([{ where: 'daemon' }]);
  });
});

describePart('smmap doctor with Sendmail', await findSendmailServer(PARTS), (part) => {
  const { doctor, socket, type } = world('sendmail', part);

  test('finds nothing if nothing is wrong', async () => {
    expect(await doctor()).toMatchObject({ code: 0, found: [], summary: { mailServers: ['Sendmail'] } });
  });

  test('finds a map that the configuration does not have, and a place where smmap does not listen', async () => {
    const { code, found } = await doctor('[map.other]\n');
    expect(code).toBe(78);
    expect(found[0]).toMatchObject({
      where: 'Sendmail: Kmailbox',
      reason: expect.stringMatching(/^asks for the map mailbox,/) as string,
    });
    const moved = await doctor('[map.mailbox]\n', `${socket()}.2`);
    expect(moved.found[0]?.commands?.[0]).toMatch(
      /^sed -i 's#(?:local|unix):.*smmap\\\.sock#(?:local|unix):.*smmap\.sock\.2#g' \/etc\/mail\/sendmail\.mc$/,
    );
  });

  test('finds a domain of alias_domains that is in none of its classes', async () => {
    const maps = '[map.mailbox]\ndefault_domain = "example.org"\nalias_domains = { "sales.example" = "example.org" }\n';
    const { code, found } = await doctor(maps);
    expect([code, found]).toMatchObject([
      78,
      [
        {
          where: 'Sendmail: class {VirtHost}',
          reason:
            'does not have sales.example (alias_domains of the map mailbox), so Sendmail refuses or relays their mail',
          commands: ["printf '%s\\n' sales.example >> /etc/mail/virtuser-domains", 'systemctl restart sendmail'],
        },
      ],
    ]);
    await type(found[0]?.commands);
    expect(await doctor(maps)).toMatchObject({ code: 0, found: [] });
  });

  describe('finds a folder in which Sendmail refuses a socket', () => {
    test.each(['g+w', 'o+w'])('%s', async (mode) => {
      const folder = join(socket(), '..');
      await type([`chmod ${mode} ${folder}`]);
      const { code, found } = await doctor();
      expect([code, found]).toMatchObject([78, [{ commands: [`chmod go-w ${folder}`] }]]);
      await type(found[0]?.commands);
      expect((await doctor()).found).toEqual([]);
    });
  });
});

describePart('smmap doctor with OpenSMTPD', await findOpensmtpd(PARTS), (part) => {
  const { doctor, look, socket, type } = world('opensmtpd', part, 'line');

  test('finds nothing where nothing is wrong', async () => {
    expect(await doctor(USERBASE)).toMatchObject({ code: 0, found: [], summary: { mailServers: ['OpenSMTPD'] } });
  });

  test('finds a map that the configuration lacks, and writes one that suits', async () => {
    const { code, found } = await doctor('[map.mailbox]\n');
    expect([code, found[0]]).toMatchObject([
      78,
      {
        where: 'OpenSMTPD: table userbase',
        reason: 'asks for the map userbase, which /etc/smmap.toml does not have, so it gets TEMP',
      },
    ]);
    await type(found[0]?.commands?.slice(0, 1));
    expect(await look()).toMatchObject({
      code: 0,
      found: [{ reason: expect.stringContaining('the map mailbox') as string }],
    });
    expect(await type(['tail -n 5 /etc/smmap.toml'])).toBe(
      '\n[map.userbase]\nkind = "mailbox"\ndefault_domain = "example.org"\nreply = { text = "8:8:/" }\n',
    );
  });

  test('finds a place where smmap does not listen, or where it speaks netstrings', async () => {
    const moved = await doctor(USERBASE, `${socket()}.2`);
    expect(moved).toMatchObject({
      code: 78,
      found: [{ reason: `asks at unix:${socket()}, where /etc/smmap.toml has no listener` }],
    });
    await type(moved.found[0]?.commands);
    expect((await doctor(USERBASE, `${socket()}.2`)).found).toEqual([]);

    const line = `[listen.line]\npath = "${socket()}"\nprotocol = "line"\n`;
    const netstrings = `listen.mta = { path = "${socket()}.2", protocol = "netstring" }`;
    await type([
      `sed -i '1,2{s#.*listen.mta.*#${netstrings}#}' /etc/smmap.toml`,
      `printf '${line}' >> /etc/smmap.toml`,
    ]);
    const wrong = await look();
    expect(wrong).toMatchObject({
      code: 78,
      found: [{ reason: `asks at unix:${socket()}.2, which has protocol = "netstring"` }],
    });
    await type(wrong.found[0]?.commands);
    expect((await look()).found).toEqual([]);
  });

  test('finds a socket that its user does not reach', async () => {
    await type([`chmod 0600 ${socket()}`]);
    const { code, found } = await doctor(USERBASE);
    expect([code, found]).toMatchObject([78, [{ commands: ['mode = "0666"'] }]]);
    expect(found[0]?.reason).toMatch(/^the user opensmtpd cannot connect to /);
    await type([`chmod 0666 ${socket()}`]);
    expect((await doctor(USERBASE)).found).toEqual([]);
  });

  test('reads tables as smtpd does', async () => {
    const conf = `place = "socketmap:${socket()}"
table in_macro $place
table "quoted" "socketmap:${socket()}"
table \\
  continued socketmap:${socket()} # table commented socketmap:/nowhere
table "with # sign" { "socketmap:/nowhere" }
# table away socketmap:/nowhere
`;
    await type([`cat >> /etc/smtpd.conf <<'EOF'\n${conf}EOF`, `${join(PARTS, 'opensmtpd/usr/sbin/smtpd')} -n`]);
    expect((await doctor(USERBASE)).found.map(({ reason }) => reason)).toEqual(
      ['in_macro', 'quoted', 'continued'].map((map) => expect.stringContaining(`asks for the map ${map},`) as string),
    );
  });
});
