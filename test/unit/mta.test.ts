import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../src/cli/error.ts';
import { formatPrintout, writeFiles } from '../../src/cli/mta.ts';
import { ConfigError } from '../../src/config/config.ts';
import { parseEndpoint } from '../../src/endpoint.ts';
import { exim } from '../../src/mta/exim.ts';
import { opensmtpdLine } from '../../src/mta/opensmtpd-line.ts';
import { hasTablePrograms } from '../../src/mta/opensmtpd-release.ts';
import { opensmtpd } from '../../src/mta/opensmtpd.ts';
import type { Postconf } from '../../src/mta/postconf.ts';
import { postfix } from '../../src/mta/postfix.ts';
import { procmail } from '../../src/mta/procmail.ts';
import { sendmail } from '../../src/mta/sendmail.ts';
import { type Mta, type Printout, type Setting, readSetting, writeDomains } from '../../src/mta/setting.ts';
import { zmailer } from '../../src/mta/zmailer.ts';
import { parseConfig } from '../support/config.ts';
import { temporaryFolders } from '../support/folder.ts';

const folder = temporaryFolders();
const PLACES = { socket: '/run/smmap/smmap.sock', store: '/var/lib/smmap' };
const MTAS = { exim, opensmtpd, opensmtpdLine, postfix, procmail, sendmail, zmailer };

const FULL = `
[listen.tcp]
tcp = "127.0.0.1:2004"
protocol = "line"
[listen.mta]
path = "/run/a/s.sock"
[listen.line]
path = "/run/a/line.sock"
protocol = "line"
[map.box]
default_domain = "example.org"
[map.userbase]
default_domain = "example.org"
reply = { text = "8:8:/" }
[map.users]
default_domain = "invalid"
reply = { text = "vmail" }
[map.routes]
reply = { text = "lmtp:unix:/run/%d/lmtp" }
[map.virt]
kind = "alias"
[map.hosted]
kind = "domain"
class = "mailbox"
[map.only]
kind = "domain"
class = "alias"
[map.onward]
kind = "domain"
class = "relay"
[map.access]
kind = "table"
[map.virtuser]
kind = "table"
[map.sender_access]
kind = "table"
`;
const TCP = `
[listen.mta]
tcp = "[::1]:2004"
[map.mailbox]
default_domain = "example.org"
`;

function settingOf(mta: Mta, toml: string, lmtp: string | null = null, postconf: Postconf | null = null): Setting {
  const endpoint = lmtp === null ? null : parseEndpoint(lmtp);
  const setting = readSetting(parseConfig(toml, 'smmap.toml', PLACES), mta, endpoint, postconf);
  if (!('server' in setting)) throw new ConfigError('smmap.toml', setting);
  return setting;
}

function print(mta: Mta, toml: string, lmtp?: string): Printout {
  return mta.print(settingOf(mta, toml, lmtp));
}

/** The lines of a file without comments. */
function linesOf({ files }: Printout, name: string): string[] {
  const text = files.find((file) => file.name === name)?.text ?? '';
  return text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(#|dnl )/.test(line));
}

function errorOf(mta: Mta, toml: string): string {
  try {
    return `no error: ${settingOf(mta, toml).server.kind}`;
  } catch (error) {
    return error instanceof ConfigError ? error.message : String(error);
  }
}

describe.each(Object.entries(MTAS))('%s', (_, mta) => {
  it('is printed complete, always the same, and without a placeholder', () => {
    const printout = print(mta, FULL);
    const page = formatPrintout(printout);
    expect(page).toBe(formatPrintout(print(mta, FULL)));
    expect(page).not.toMatch(/undefined|\bnull\b|\[object|NaN| $|:\/\//m);
    expect(printout.files.map(({ text }) => text.endsWith('\n') && !text.endsWith('\n\n'))).not.toContain(false);
    expect(printout.tests.length).toBeGreaterThan(2);
    // Debian's newest packages make users whose account has expired: su refuses them, runuser does not.
    expect(printout.tests.filter((each) => /\bsu\b/.test(each))).toEqual([]);
  });
});

/** A Postfix that has these parameters, and nothing else. */
function postconfOf(parameters: Readonly<Record<string, string>>): Postconf {
  const raw = (name: string): string => parameters[name] ?? '';
  return { raw, expanded: (name) => raw(name).replace(/^\$.*/, ''), lmtpChroot: 'y', ofServices: new Map() };
}

/** The commands that are printed. */
function commandsOf({ files }: Printout): string[] {
  return (files[0]?.text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('what is printed', () => {
  it.each([
    ['a blank in the path', '[listen.mta]\npath = "/run/a b/s.sock"\n[map.box]\n', '"/run/a b/s.sock"'],
    ['a command in the path', '[listen.mta]\npath = "/run/$(id)/s.sock"\n[map.box]\n', '"/run/$(id)/s.sock"'],
    ['a quote in the path', `[listen.mta]\npath = "/run/o'b/s.sock"\n[map.box]\n`, `"/run/o'b/s.sock"`],
    ['a comma in the path', '[listen.mta]\npath = "/run/a,b/s.sock"\n[map.box]\n', '"/run/a,b/s.sock"'],
    ['a comma in the name of a map', '[map."a,b"]\n', '"a,b"'],
    ['a colon in the name of a map', '[map.box]\n[map."a:b"]\nkind = "alias"\n', '"a:b"'],
    ['a command in the name of a map', '[map.box]\n[map."a`id`"]\nkind = "alias"\n', '"a`id`"'],
  ])('is nothing with %s, which a mail server or a shell would take apart', (_, toml, text) => {
    for (const mta of [postfix, sendmail, exim]) {
      expect(() => settingOf(mta, toml)).toThrow(
        `has ${text}, which a mail server and a shell do not take for one word`,
      );
    }
  });

  it('has the folder of a store as one word of the shell', () => {
    const toml = `[store.local]\ndriver = "embedded"\npath = "/var/o'b $(id)"\n[map.box]\n`;
    const text = JSON.stringify(sendmail.print(settingOf(sendmail, toml)));
    expect(text).toContain(JSON.stringify(String.raw` --store '/var/o'\''b $(id)' >`).slice(1, -1));
    expect(text).not.toContain('--store /var/o');
  });
});

describe('postfix', () => {
  const LMTP = 'unix:/run/cyrus/socket/lmtp';
  const map = (name: string): string => `proxy:socketmap:unix:/run/a/s.sock:${name}`;
  const commands = (toml: string, postconf: Postconf | null, lmtp: string | null = LMTP): string[] =>
    commandsOf(postfix.print(settingOf(postfix, toml, lmtp, postconf)));

  it('asks each map where it belongs', () => {
    const setting = settingOf(postfix, FULL, LMTP, null);
    const { written = [] } = postfix.print(setting);
    expect(written[0]?.text.trimEnd().split('\n')).toEqual([
      `virtual_mailbox_domains = ${map('hosted')}`,
      `virtual_alias_domains = $virtual_alias_maps ${map('only')}`,
      `relay_domains = ${map('onward')}`,
      `virtual_mailbox_maps = ${map('box')}`,
      `local_recipient_maps = proxy:unix:passwd.byname $alias_maps ${map('box')}`,
      `virtual_alias_maps = ${map('virt')}`,
      `transport_maps = ${map('routes')}`,
      'smtpd_recipient_restrictions = permit_mynetworks permit_sasl_authenticated reject_unauth_destination ' +
        `check_recipient_access ${map('access')} check_sender_access ${map('sender_access')}`,
      'virtual_transport = lmtp:unix:/run/cyrus/socket/lmtp',
      'fallback_transport = lmtp:unix:/run/cyrus/socket/lmtp',
    ]);
  });

  it('reads what a Postfix on another machine has when the commands are typed there', () => {
    expect(commands(TCP, null, 'tcp:127.0.0.1:24')).toEqual([
      'postconf -e "virtual_mailbox_domains = $(postconf -hx virtual_mailbox_domains) example.org"',
      'postconf -e "virtual_mailbox_maps = $(postconf -h virtual_mailbox_maps) proxy:socketmap:inet:[::1]:2004:mailbox"',
      'postconf -e "local_recipient_maps = $(postconf -h local_recipient_maps) proxy:socketmap:inet:[::1]:2004:mailbox"',
      'test -e /etc/postfix/lmtp_passwords || install -m 600 /dev/null /etc/postfix/lmtp_passwords',
      'postconf -e "lmtp_sasl_password_maps = $(postconf -h lmtp_sasl_password_maps) texthash:/etc/postfix/lmtp_passwords"',
      "postconf -e 'lmtp_sasl_security_options = noanonymous'",
      "postconf -e 'lmtp_sasl_auth_enable = yes'",
      "postconf -e 'virtual_transport = lmtp:inet:127.0.0.1:24'",
      "postconf -e 'fallback_transport = lmtp:inet:127.0.0.1:24'",
      'postfix check && postfix reload',
    ]);
  });

  it('sends no password to another machine without TLS', () => {
    const lines = commands(TCP, null, 'tcp:192.0.2.1:24');
    expect(lines).toContain("postconf -e 'lmtp_sasl_tls_security_options = noanonymous'");
    expect(lines.join('\n')).not.toContain('lmtp_sasl_security_options');
  });

  it('changes no transport without --lmtp, and prints no empty value', () => {
    const { files, written = [] } = postfix.print(settingOf(postfix, TCP, null));
    const text = [...files, ...written].map((file) => file.text).join('\n');
    expect(text).not.toMatch(/^[^#\n]*(?:transport|lmtp|local_recipient_maps)|^[^#\n]*= *'?$/m);
  });

  it('keeps what the lists have, and replaces what 0.1 printed', () => {
    const postconf = postconfOf({
      proxy_read_maps: '$virtual_mailbox_maps $virtual_mailbox_domains',
      virtual_transport: 'lmtp:unix:/run/cyrus/socket/lmtp',
      virtual_mailbox_domains: "other.example it's.example",
      virtual_mailbox_maps: 'hash:/a, socketmap:unix:/run/a/s.sock:box',
      local_recipient_maps: `hash:/b ${map('box')}`,
    });
    expect(commands('[listen.mta]\npath = "/run/a/s.sock"\n[map.box]\ndefault_domain = "e.org"', postconf)).toEqual([
      String.raw`postconf -e 'virtual_mailbox_domains = other.example it'\''s.example e.org'`,
      `postconf -e 'virtual_mailbox_maps = hash:/a, ${map('box')}'`,
      "postconf -e 'proxy_read_maps = $virtual_mailbox_maps $virtual_mailbox_domains $local_recipient_maps'",
      'postconf -F lmtp/unix/chroot=n',
      "postconf -e 'fallback_transport = lmtp:unix:/run/cyrus/socket/lmtp'",
      'postfix check && postfix reload',
    ]);
  });

  it('leaves a list empty that accepts everybody in domains that smmap may not have', () => {
    const postconf = postconfOf({ virtual_mailbox_domains: 'other.example', relay_domains: 'third.example' });
    const lines = commands(FULL, postconf).join('\n');
    expect(lines).not.toMatch(/(?:virtual_mailbox|local_recipient|relay_recipient)_maps =/);
    expect(commands(FULL, postconfOf({ local_recipient_maps: 'a:b' })).join('\n')).toMatch(
      /virtual_mailbox_maps =[^]*local_recipient_maps =[^]*relay_recipient_maps =/,
    );
  });

  it('does not move the mail of other domains, and keeps virtual(8) working', () => {
    const postconf = postconfOf({
      virtual_transport: 'virtual',
      virtual_mailbox_domains: 'other.example',
      virtual_mailbox_maps: 'hash:/a',
    });
    const lines = commands(FULL, postconf);
    expect(lines).toContain("postconf -P 'virtual/unix/virtual_mailbox_maps = hash:/a'");
    expect(lines).toContain(
      `postconf -e 'transport_maps = pipemap:{${map('box')},static:lmtp:unix:/run/cyrus/socket/lmtp}'`,
    );
    expect(lines.join('\n')).not.toContain('virtual_transport =');
  });

  it.each([
    ['', 'smtpd_reject_unlisted_recipient', 'no', "postconf -e 'smtpd_reject_unlisted_recipient = yes'"],
    [
      '',
      'receive_override_options',
      'no_address_mappings, no_unknown_recipient_checks',
      "postconf -e 'receive_override_options = no_address_mappings'",
    ],
    [
      'smtp/inet/',
      'smtpd_reject_unlisted_recipient',
      'no',
      "postconf -P 'smtp/inet/smtpd_reject_unlisted_recipient = yes'",
    ],
    [
      'smtpd/pass/',
      'receive_override_options',
      'no_unknown_recipient_checks',
      "postconf -P 'smtpd/pass/receive_override_options = '",
    ],
  ])('says that smtpd asks nobody: %s%s = %s', (service, name, value, command) => {
    const own = new Map([[service + name, value]]);
    const postconf = postconfOf(Object.fromEntries(own));
    const { files, notes } = postfix.print(
      settingOf(postfix, FULL, LMTP, service === '' ? postconf : { ...postconfOf({}), ofServices: own }),
    );
    expect(files[0]?.text).toContain(`# now: ${service}${name} = ${value}\n`);
    expect(files[0]?.text).toContain(`#     ${command}\n`);
    expect(notes).toHaveLength(1);
  });

  it('says nothing about smtpd that asks, or that takes mail of programs of the machine only', () => {
    const ofServices = new Map([['127.0.0.1:10025/inet/smtpd_reject_unlisted_recipient', 'no']]);
    const postconf = { ...postconfOf({ smtpd_reject_unlisted_recipient: 'yes' }), ofServices };
    const { files, notes } = postfix.print(settingOf(postfix, FULL, LMTP, postconf));
    expect(files[0]?.text).not.toContain('unlisted');
    expect(notes).toEqual([]);
  });

  it('leaves a domain of mydestination there', () => {
    const toml = '[map.m]\ndefault_domain = "example.org"';
    const postconf = postconfOf({ mydestination: '$myhostname, Example.org, localhost' });
    const { files } = postfix.print(
      settingOf(postfix, toml, null, { ...postconf, expanded: (name) => postconf.raw(name) }),
    );
    expect(files[0]?.text).toContain("#     postconf -e 'mydestination = $myhostname, localhost'\n");
    expect(files[0]?.text).not.toMatch(/^postconf.*virtual_mailbox_domains/m);
  });

  it('lists the domains that stand for another one', () => {
    const toml = '[map.m]\ndefault_domain = "a.example"\nalias_domains = { "b.example" = "a.example" }';
    expect(commands(toml, postconfOf({}))).toContain("postconf -e 'virtual_mailbox_domains = a.example b.example'");
    expect(commands(toml, postconfOf({ mydestination: 'a.example' }))).toContain(
      "postconf -e 'virtual_mailbox_domains = b.example'",
    );
  });

  it('lets nobody ask smmap for a domain by the default of virtual_mailbox_domains', () => {
    const byDefault = postconfOf({ virtual_mailbox_domains: '$virtual_mailbox_maps' });
    expect(commands('', byDefault)).toContain("postconf -e 'virtual_mailbox_domains = example.org'");
    expect(commands('', postconfOf({ virtual_mailbox_domains: 'a.example' })).join('\n')).not.toContain('_domains');
  });

  it('lists a domain in both spellings', () => {
    expect(commands('[map.m]\ndefault_domain = "bücher.example"', postconfOf({}))).toContain(
      "postconf -e 'virtual_mailbox_domains = xn--bcher-kva.example bücher.example'",
    );
  });

  it('asks a map that answers every name by the usual one, and domains of a map without a class', () => {
    const lines = commands('[map."*"]\n[map.d]\nkind = "domain"\n[map.a]\nkind = "alias"', postconfOf({}));
    expect(lines).toContain("postconf -e 'virtual_mailbox_maps = proxy:socketmap:unix:/run/smmap/smmap.sock:mailbox'");
    expect(lines).toContain("postconf -e 'virtual_mailbox_domains = proxy:socketmap:unix:/run/smmap/smmap.sock:d'");
    expect(lines).toContain("postconf -e 'virtual_alias_maps = proxy:socketmap:unix:/run/smmap/smmap.sock:a'");
  });
});

describe('sendmail', () => {
  const printout = print(sendmail, FULL);

  it('has a map that defers nothing, and TABs between the sides of each rule', () => {
    const lines = linesOf(printout, 'anfi_vcyrus.m4');
    expect(lines).toContain('Kbox socket -t -T<TMPF> -d6 -a<OK> local:/run/a/s.sock');
    const rules = [...lines, ...linesOf(printout, 'proto.m4.patch').map((line) => line.slice(1))].filter((line) =>
      line.startsWith('R'),
    );
    expect(rules.length).toBeGreaterThan(15);
    expect(rules.filter((line) => !/^R[^\t]+\t+[^\t]+$/.test(line))).toEqual([]);
    expect(rules.join('\n')).not.toContain('<TMPFS>');
  });

  it('has patches with the right numbers of lines in their headers', () => {
    for (const { name, text } of printout.files.filter((file) => file.name.endsWith('.patch'))) {
      const [, , header = '', ...body] = text.trimEnd().split('\n');
      const [, , before = '1', , after = '1'] = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(header) ?? [];
      const count = (signs: RegExp): number => body.filter((line) => signs.test(line)).length;
      expect([name, count(/^[ -]/), count(/^[ +]/)]).toEqual([name, Number(before), Number(after)]);
    }
  });

  it('asks virtuser and access if there are such maps, over one address', () => {
    const lines = linesOf(printout, 'smmap.mc');
    expect(lines).toContain("FEATURE(`virtusertable', `socket -t -T<TMPF> -d6 local:/run/a/s.sock')dnl");
    expect(lines).toContain("FEATURE(`access_db', `socket -t -T<TMPF> -d6 local:/run/a/s.sock')dnl");
    expect(lines).toContain("FEATURE(`blocklist_recipients')dnl");
    expect(lines).toContain("FEATURE(`relay_hosts_only')dnl");
    expect(lines).toContain("define(`CYRUSV2_MAILER_ARGS', `FILE /run/cyrus/socket/lmtp')dnl");
    expect(printout.notes).toEqual([]);
  });

  it('says which names the maps need', () => {
    const other = print(
      sendmail,
      '[map."*"]\n[map.virtual]\nkind = "alias"\n[map.access2]\nkind = "table"',
      'tcp:127.0.0.1:24',
    );
    expect(other.notes).toEqual([
      'map.virtual: FEATURE(virtusertable) asks only for virtuser; rename the map to virtuser',
      'map.access2: FEATURE(access_db) asks only for access; rename the map to access',
      'map.cyrus: has no default_domain, so the reply for a user without a domain is TEMP',
    ]);
    expect(linesOf(other, 'anfi_vcyrus.m4')).toContain(
      'Kcyrus socket -t -T<TMPF> -d6 -a<OK> local:/run/smmap/smmap.sock',
    );
    expect(linesOf(other, 'smmap.mc')).toContain("define(`CYRUSV2_MAILER_ARGS', `TCP [127.0.0.1] 24')dnl");
  });

  it('waits longer than the daemon needs, and asks over TCP without brackets', () => {
    const lines = linesOf(print(sendmail, `[limits]\ndeadline_ms = 4_001\n${TCP}`), 'anfi_vcyrus.m4');
    expect(lines).toContain('Kmailbox socket -t -T<TMPF> -d7 -a<OK> inet6:2004@::1');
  });
});

describe('exim', () => {
  it('asks in netstrings, twice if there is no reply, and delivers', () => {
    const printout = print(exim, FULL);
    const ask = '{/run/a/s.sock}{${strlen:$r_q}:$r_q,}{6s}{}';
    expect(linesOf(printout, 'router')).toContain('  set = r_q = box ${lc:$local_part}@${lc:$domain}');
    expect(linesOf(printout, 'router')).toContain(`  set = r_r = \${readsocket${ask}{\${readsocket${ask}{CONN}}}}`);
    expect(linesOf(printout, 'router')).toContain('  set = r_q = virt ${lc:$local_part}@${lc:$domain}');
    expect(linesOf(print(exim, TCP), 'router').join('\n')).toContain('{inet:[::1]:2004}');
    expect(linesOf(print(exim, TCP, 'tcp:127.0.0.1:24'), 'transport')).toContain('  port = 24');
  });

  it('decides about its own domains only, after users of the machine, and before everything else', () => {
    const toml =
      '[map.m]\ndefault_domain = "xn--bcher-kva.example"\nlocal_domains = ["mail.example"]\nalias_domains = { "b.example" = "a.example" }';
    const printout = print(exim, toml);
    expect(linesOf(printout, 'main')).toContain('SMMAP_DOMAINS = xn--bcher-kva.example : mail.example : b.example');
    expect(linesOf(printout, 'acl').slice(0, 4)).toEqual([
      '  deny',
      '    domains = +smmap_domains',
      '    !verify = recipient',
      '  defer',
    ]);
    const routers = linesOf(printout, 'router');
    const names = routers.filter((line) => /^\w+:$/.test(line));
    expect(routers.filter((line) => line === '  domains = +smmap_domains').length).toBe(names.length);
    expect(routers.filter((line) => /condition = .*!SMMAP_LOCAL/.test(line)).length).toBe(names.length);
  });

  it('is put into its place once', () => {
    const dir = folder();
    const { files, written = [] } = print(exim, FULL);
    writeFiles(dir, [...files, ...written], false);
    const config = join(dir, 'exim.conf');
    const stock = 'domainlist local_domains = @\nacl_check_rcpt:\n  accept\nbegin routers\nbegin transports\n';
    writeFileSync(config, stock);
    writeFileSync(join(dir, 'other'), 'nothing\n');
    for (let times = 0; times < 2; times++) execFileSync('sh', [join(dir, 'install.sh'), config, join(dir, 'other')]);
    const textOf = (name: string): string => readFileSync(join(dir, name), 'utf8');
    expect(textOf('exim.conf')).toBe(
      `${textOf('main')}domainlist local_domains = @\nacl_check_rcpt:\n${textOf('acl')}  accept\n` +
        `begin routers\n${textOf('router')}begin transports\n${textOf('transport')}`,
    );
    expect([textOf('exim.conf.before-smmap'), textOf('other')]).toEqual([stock, 'nothing\n']);
  });
});

describe('opensmtpd', () => {
  it('asks aliases first, then mailboxes, and refuses who is left', () => {
    const rules = linesOf(print(opensmtpd, FULL), 'smtpd.conf');
    expect(rules.filter((line) => line.startsWith('match'))).toEqual([
      'match from any for rcpt-to <"virt"> action "smmap_aliases"',
      'match from any for rcpt-to <"box"> action "smmap_mailboxes"',
      'match from any for domain <"hosted"> action "smmap_absent"',
      'match from any for domain <"only"> action "smmap_absent"',
    ]);
    expect(rules).toContain('table "box" smmap:/run/a/s.sock');
  });

  it('asks over TCP, and without maps of aliases and of domains', () => {
    const rules = linesOf(print(opensmtpd, TCP), 'smtpd.conf');
    expect(rules[0]).toBe('table "mailbox" smmap:tcp:[::1]:2004');
    expect(rules.filter((line) => line.startsWith('match'))).toEqual([
      'match from any for rcpt-to <"mailbox"> action "smmap_mailboxes"',
    ]);
  });
});

describe('the release of OpenSMTPD', () => {
  it.each([
    ['6.8.0p2', false],
    ['7.5.0-portable', false],
    ['7.6.0-portable', true],
    ['7.10', true],
    ['10.0', true],
  ])('%s has programs for its tables: %s', (release, has) => {
    expect(hasTablePrograms(release)).toBe(has);
  });
});

describe('opensmtpd before 7.6', () => {
  it('asks over the first path that speaks lines, with names in quotes, because userbase is a keyword', () => {
    const lines = linesOf(print(opensmtpdLine, FULL), 'smtpd.conf');
    expect(lines).toContain('table "userbase" socketmap:/run/a/line.sock');
    expect(lines).toContain('action "smmap_users" lmtp "/run/cyrus/socket/lmtp" rcpt-to userbase <"userbase">');
    expect(lines).toContain('match from any for domain { "example.org" } action "smmap_users"');
    expect(lines).toContain('table smmap_user { vmail = "8:8:/" }');
  });

  it('says what is missing, all at once', () => {
    expect(errorOf(opensmtpdLine, ''))
      .toBe(`smmap.toml: listen: no listener with a path speaks the protocol of this mail server, line; add
    [listen.line]
    path = "/run/smmap/line.sock"
    protocol = "line"
smmap.toml: map: no mailbox map replies uid:gid:home, which OpenSMTPD reads as a user (with reply = "value" each mailbox has its own); add
    [map.userbase]
    kind = "mailbox"
    default_domain = "example.org"
    reply = { text = "8:8:/" }`);
    const bare = '[listen.l]\npath = "/l"\nprotocol = "line"\n[map.u]\nreply = "value"';
    expect(errorOf(opensmtpdLine, bare)).toContain('map.u: has no default_domain');
  });
});

it.each([opensmtpd, opensmtpdLine])('OpenSMTPD delivers to an IPv6 address, which has brackets', (mta) => {
  expect(JSON.stringify(print(mta, FULL, 'tcp:[::1]:24'))).toContain(String.raw`lmtp \"[::1]:24\" rcpt-to`);
});

describe('zmailer', () => {
  it('gets sorted lists, from a unit in which percent and dollar signs are doubled', () => {
    const service = linesOf(print(zmailer, FULL), 'smmap-zmailer.service').join('\n');
    expect(service).toContain("--format fqdnroutes --route 'smtp-lmtp!localhost!%%u%%2@%%d' --store /var/lib/smmap");
    expect(service).toContain('$$2 != \\"relay\\" { print $$1');
    expect(linesOf(print(zmailer, FULL), 'dbases.conf')[0]).toMatch(/^fqdnaliases +ordered/);
  });

  it('gets a policy for its SMTP server, and a file of secrets for LMTP over TCP', () => {
    const service = linesOf(print(zmailer, FULL), 'smmap-zmailer.service').join('\n');
    expect(service).toContain("awk '{ print $$1 }' /var/mail/db/smmap-domains.list > /var/mail/db/smtp-policy.mx.new");
    const command = (lmtp?: string): string | undefined => linesOf(print(zmailer, FULL, lmtp), 'scheduler.conf')[1];
    expect(command()).toContain(' -M -x -F UNIX:/run/cyrus/socket/lmtp -s ');
    const secrets = '-A ${MAILVAR}/db/smtp-auth-secrets.txt';
    expect(command('tcp:192.0.2.1:2003')).toContain(` -M -x ${secrets} -F [192.0.2.1] -p 2003 -s `);
    expect(command('tcp:[::1]:2003')).toContain(' -F [ipv6.::1] ');
    expect(command('tcp:cyrus.example:2003')).toContain(' -F cyrus.example ');
  });

  it('needs an embedded store', () => {
    expect(errorOf(zmailer, '[store.m]\ndriver = "memory"\nmailboxes = ["a@b.example"]')).toContain(
      'store: there is no embedded store, and only that can be exported to ZMailer; add\n    [store.local]\n',
    );
  });
});

describe('procmail', () => {
  it('relays in one Sendmail and delivers in the other', () => {
    const printout = print(procmail, `${TCP}[map.virtuser]\nreply = { text = "%u@%d.virtuser." }`);
    expect(linesOf(printout, 'sendmail_in.mc')).toContain('R$* $| $+ < @ $=R >\t$: $1 $| <?> $(mailbox $2@$3 $: $)');
    expect(linesOf(printout, 'sendmail_out.mc')).toContain(
      "FEATURE(`virtusertable', `socket -T<TMPF> -d6 inet6:2004@::1')dnl",
    );
  });

  it('drops the privileges of procmail before it writes, and has a queue for MailScanner', () => {
    const printout = print(procmail, `${TCP}[map.virtuser]\nreply = { text = "%u@%d.virtuser." }`);
    expect(linesOf(printout, 'procmailrc')[0]).toBe('DROPPRIVS=yes');
    expect(linesOf(printout, 'sendmail_in.mc')).toContain("FEATURE(`relay_hosts_only')dnl");
    expect(linesOf(printout, 'sendmail_in.mc')).toContain(
      "define(`SMMAP_QUEUE', ifdef(`MAILSCANNER', `/var/spool/mqueue.in', `/var/spool/mqueue'))dnl",
    );
  });

  it('needs a map that names the pseudo-domain', () => {
    const remedy = 'add\n    [map.virtuser]\n    kind = "mailbox"\n    reply = { text = "%u@%d.virtuser." }';
    expect(errorOf(procmail, '')).toContain(`but no map has that name; ${remedy}`);
    expect(errorOf(procmail, '[map.m]\n[map.virtuser]\nkind = "alias"')).toContain(
      `give that map another name, and ${remedy}`,
    );
    expect(errorOf(procmail, '[map.m]\n[map.virtuser]')).toContain('map.virtuser.reply: is not user@domain');
  });
});

describe('alias_domains and local_domains', () => {
  const LISTS = `
    [listen.mta]
    path = "/run/a/s.sock"
    [listen.line]
    path = "/run/a/line.sock"
    protocol = "line"
    [map.cyrus]
    default_domain = "example.org"
    local_domains = ["localhost", "mx.example.org"]
    alias_domains = { "sales.example" = "example.org" }
    [map.virtuser]
    reply = { text = "%u@%d.virtuser." }
    [map.userbase]
    default_domain = "example.org"
    reply = { text = "8:8:/" }
    [map.vmail]
    reply = { text = "vmail" }
    [map.virtual]
    kind = "alias"
  `;
  const list = 'smmap domain list --all --store /var/lib/smmap';
  const written = (program: string, file: string, from = list): string =>
    `${from} > ${file}.list && awk '${program}' ${file}.list > ${file}.new && mv ${file}.new ${file}\n`;
  const textIn = ({ files }: Printout, name: string): string => files.find((file) => file.name === name)?.text ?? '';

  it('stay in a list if they cannot be read', () => {
    const file = `${folder()}/domains`;
    const write = (source: string): void =>
      void spawnSync('sh', ['-c', writeDomains(source, '$2 != "relay" { print $1 }', file)]);
    write("printf 'a.test mailbox\\nb.test relay\\n'");
    expect(readFileSync(file, 'utf8')).toBe('a.test\n');
    write('{ echo b.test mailbox; false; }');
    expect(readFileSync(file, 'utf8')).toBe('a.test\n');
  });

  it('are in the lists for Sendmail, and relayed domains are not virtual', () => {
    const text = textIn(print(sendmail, LISTS), 'smmap.mc');
    expect(text).toContain(written('$2 != "relay" { print $1 }', '/etc/mail/virtuser-domains'));
    expect(text).toContain(written('$2 == "relay" { print $1 }', '/etc/mail/smmap-relay-domains'));
    expect(text).toContain("LOCAL_DOMAIN(`localhost mx.example.org')dnl\n");
  });

  it('are in the lists for procmail', () => {
    const lists = `{ echo mx.example.org mailbox; ${list}; }`;
    const printout = print(procmail, LISTS);
    expect(textIn(printout, 'sendmail_in.mc')).toContain(written('{ print $1 }', '/etc/mail/relay-domains', lists));
    expect(textIn(printout, 'sendmail_out.mc')).toContain(
      `${lists} > /etc/mail/virtuser-domains.list && awk '$2 != "relay" {`,
    );
  });

  it('are in the lists for OpenSMTPD, which have the same place on every system', () => {
    const text = textIn(print(opensmtpdLine, LISTS), 'smtpd.conf');
    expect(text).toContain('match from any for domain { "example.org", "mx.example.org" } action "smmap_users"\n');
    const others = '$2 != "alias" && $2 != "relay" && $1 != "example.org" && $1 != "mx.example.org"';
    expect(text).toContain(written(`${others} { print $1 }`, '/etc/smmap/opensmtpd-mailbox-domains'));
    expect(text).toContain('table smmap_mailbox_domains file:/etc/smmap/opensmtpd-mailbox-domains\n');
    expect(text).not.toContain('/etc/mail');
  });

  it('are named if there is no embedded store, and a note names the stores that no list is made of', () => {
    const memory =
      '[store.local]\ndriver = "memory"\nmailboxes = ["fred@example.org"]\naliases = ["@a.example b@a.example"]\n';
    const text = textIn(print(opensmtpdLine, memory + LISTS), 'smtpd.conf');
    expect(text).toContain("#     printf '%s mailbox\\n' example.org sales.example > /etc/");
    const two = `[store.people]\ndriver = "memory"\nmailboxes = ["fred@example.org"]\n[store.local]\ndriver = "embedded"\npath = "/s"\n`;
    const note = 'the lists of domains are without those that only store.people has: add them yourself';
    for (const [mta, name] of [
      [sendmail, 'smmap.mc'],
      [procmail, 'sendmail_in.mc'],
      [opensmtpdLine, 'smtpd.conf'],
    ] as const) {
      const printout = print(mta, two + LISTS);
      expect(printout.notes).toContain(note);
      expect(textIn(printout, name)).toContain(note);
    }
    expect(print(zmailer, two + LISTS).notes).toContain(
      'the lists for ZMailer are without all that only store.people has',
    );
  });

  it('are not in the lists for ZMailer, which say so', () => {
    const printout = print(zmailer, LISTS);
    const note = 'without alias_domains and local_domains (sales.example, localhost, mx.example.org)';
    expect(printout.notes?.join()).toContain(note);
    expect(textIn(printout, 'dbases.conf')).toContain(note);
    expect(print(zmailer, FULL).notes).toEqual([]);
  });
});

describe('a configuration', () => {
  it('must have a mailbox map, and a listener that the mail server can ask', () => {
    const line = '[listen.l]\npath = "/l"\nprotocol = "line"\n[map.a]\nkind = "alias"';
    expect(errorOf(postfix, line))
      .toBe(`smmap.toml: listen: no listener speaks the protocol of this mail server, netstring; add
    [listen.mta]
    path = "/run/smmap/smmap.sock"
    protocol = "netstring"
smmap.toml: map: no map says which mailboxes exist; add
    [map.mailbox]
    kind = "mailbox"`);
  });

  it('with a socket of systemd gets the path of our unit, with a note', () => {
    const { server, notes } = settingOf(postfix, '[listen.mta]\nsystemd = "smmap"');
    expect([server, notes.length]).toEqual([{ kind: 'unix', path: '/run/smmap/smmap.sock' }, 1]);
  });

  it('is refused if Sendmail does not allow the name of its mailbox map', () => {
    expect(errorOf(sendmail, '[map.my-box]')).toContain(
      'Sendmail allows only letters, digits and _ in the name of a map; add\n    [map.',
    );
  });
});

describe('writing', () => {
  const files = [
    { name: 'a', title: 'first', text: 'one\n\ttwo\n' },
    { name: 'b', title: 'second', text: 'three\n' },
  ];

  it('creates the folder and the files as they are printed', () => {
    const dir = join(folder(), 'new', 'folder');
    writeFiles(dir, files, false);
    expect(readdirSync(dir)).toEqual(['a', 'b']);
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('one\n\ttwo\n');
  });

  it('writes nothing if one of the files exists, unless it is forced', () => {
    const dir = folder();
    writeFileSync(join(dir, 'b'), 'mine');
    let caught: unknown;
    try {
      writeFiles(dir, files, false);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(CliError);
    expect(caught).toMatchObject({
      exitCode: 73,
      message: `${dir}/b: exists already; choose another folder, or overwrite it with --force`,
    });
    expect([readdirSync(dir), readFileSync(join(dir, 'b'), 'utf8')]).toEqual([['b'], 'mine']);
    writeFiles(dir, files, true);
    expect(readFileSync(join(dir, 'b'), 'utf8')).toBe('three\n');
  });

  it('says which path it cannot write', () => {
    const dir = folder();
    mkdirSync(join(dir, 'x'));
    writeFileSync(join(dir, 'x', 'file'), '');
    expect(() => writeFiles(join(dir, 'x', 'file', 'y'), files, true)).toThrow(/cannot be created/);
  });
});
