// Two Sendmails and procmail, as `smmap mta procmail` prints them. The first Sendmail listens; a queue run is the second one.

import { chmod, chown, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/port.ts';
import { CF, succeed } from './mta-sendmail.ts';
import { type Mta, type MtaPart, type Setting, USERS, findMta, startMta } from './mta.ts';
import { type Missing, type Place, findPlace, findUnpacked, isMissing, together } from './part.ts';
import { SENDMAIL } from './sendmail.ts';

const NAME = 'Sendmail with procmail';

export interface ProcmailPart {
  /** With MailScanner's queue folder for the first Sendmail, or without. */
  readonly startWith: (scanner: boolean) => MtaPart['start'];
}

export async function findProcmail(parts: string): Promise<ProcmailPart | Missing> {
  const server = findPlace(NAME, parts, 'sendmail', [SENDMAIL]);
  const tools = findPlace('m4 and patch', parts, 'm4', ['usr/bin/m4', join(CF, 'm4/cf.m4')]);
  const why = 'an installed procmail is not used';
  const program = findUnpacked('procmail', parts, 'procmail', ['usr/bin/procmail'], why);
  const places = together({ server, tools, program });
  if (isMissing(places)) return places;
  const startWith = (scanner: boolean) => async (setting: Setting) => start(places, setting, scanner);
  const found = await findMta(NAME, places, (_, setting) => startWith(false)(setting));
  return isMissing(found) ? found : { startWith };
}

type Places = Readonly<Record<'server' | 'tools' | 'program', Place>>;

async function start({ server, tools, program }: Places, setting: Setting, scanner: boolean): Promise<Mta> {
  const { folder, written, domain, virtual } = setting;
  const port = await freePort();
  // As in Debian, and so that it is seen if it does not drop its privileges.
  const procmail = join(folder, 'procmail');
  await copyFile(join(program.root, 'usr/bin/procmail'), procmail);
  await chown(procmail, USERS.root, USERS.mail);
  await chmod(procmail, 0o6755);

  const more = [
    `DAEMON_OPTIONS(\`Name=MTA, Family=inet, Addr=127.0.0.1, Port=${port}')dnl`,
    "FEATURE(`no_default_msa')dnl",
    "FEATURE(`accept_unresolvable_domains')dnl",
    "FEATURE(`nocanonify')dnl",
    "define(`confTO_IDENT', `0')dnl",
    "define(`confDONT_PROBE_INTERFACES', `True')dnl",
    "define(`ALIAS_FILE', `/etc/mail/aliases')dnl",
    "define(`STATUS_FILE', `')dnl",
  ];
  const cf = async (name: string): Promise<string> => {
    const text = await readFile(join(written, `sendmail_${name}.mc`), 'utf8');
    const mc = text
      .replace('/usr/share/sendmail/cf', join(tools.root, CF))
      .replaceAll('/usr/bin/procmail', procmail)
      .replace(/^OSTYPE.*$/m, `$&\n${more.join('\n')}`);
    const file = join(folder, `${name}.mc`);
    await writeFile(file, mc);
    return succeed(tools, 'm4', [
      `-D_CF_DIR_=${join(tools.root, CF)}/`,
      ...(scanner && name === 'in' ? ['-DMAILSCANNER'] : []),
      file,
    ]);
  };
  const domains = [domain, ...virtual];
  const etc = {
    'mail/sendmail_in.cf': await cf('in'),
    'mail/sendmail_out.cf': await cf('out'),
    'mail/local-host-names': domains.map((each) => `${each}\n`).join(''),
    'mail/relay-domains': domains.map((each) => `${each}\n`).join(''),
    'mail/virtuser-domains': domains.map((each) => `${each}\n${each}.virtuser\n${each}.virtuser.\n`).join(''),
    'mail/aliases': '',
    procmailrc: await readFile(join(written, 'procmailrc'), 'utf8'),
  };
  const sendmail = join(server.root, SENDMAIL);
  const out = [sendmail, '-C', '/etc/mail/sendmail_out.cf'];
  const vbox = domains.map((each) => `/var/spool/vbox/${each}`).join(' ');
  const before = `mount -t tmpfs -o mode=755 tmpfs /var/spool
mkdir -m 700 /var/spool/mqueue /var/spool/mqueue.in
mkdir -p ${vbox}
chown vmail:vmail ${vbox}
${out.join(' ')} -bi`;
  return startMta({
    folder,
    port,
    command: [sendmail, '-C', '/etc/mail/sendmail_in.cf', '-bD'],
    libs: server.libs,
    etc,
    before,
    queue: [...out, '-q'],
  });
}
