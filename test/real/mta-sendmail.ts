// The whole Sendmail.

import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/port.ts';
import { run } from './command.ts';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, makeOwned, startMta } from './mta.ts';
import { type Missing, type Place, findPlace, together } from './part.ts';
import { SENDMAIL } from './sendmail.ts';

const NAME = 'Sendmail';
export const CF = 'usr/share/sendmail/cf';

/** The unpacked one or the installed one, with what makes its configuration. */
export function findSendmailServer(parts: string): Promise<MtaPart | Missing> {
  const server = findPlace(NAME, parts, 'sendmail', [SENDMAIL]);
  const tools = findPlace('m4 and patch', parts, 'm4', ['usr/bin/m4', 'usr/bin/patch', join(CF, 'm4/cf.m4')]);
  return findMta(NAME, together({ server, tools }), start);
}

async function start({ server, tools }: Readonly<Record<'server' | 'tools', Place>>, setting: Setting): Promise<Mta> {
  const { folder, written, domain, virtual, aliasDomains } = setting;
  const port = await freePort();
  const cf = join(folder, 'cf');
  await cp(join(tools.root, CF), cf, { recursive: true });
  await cp(join(written, 'anfi_vcyrus.m4'), join(cf, 'feature/anfi_vcyrus.m4'));
  for (const name of ['proto.m4.patch', 'cyrusv2.m4.patch']) {
    await succeed(tools, 'patch', ['-p1', '--fuzz=0', '-d', folder, '-i', join(written, name)]);
  }
  const mc = baseMc(folder, port, await readFile(join(written, 'smmap.mc'), 'utf8'));
  await writeFile(join(folder, 'sendmail.mc'), mc);
  const made = await succeed(tools, 'm4', [`-D_CF_DIR_=${cf}/`, join(cf, 'm4/cf.m4'), join(folder, 'sendmail.mc')]);

  await makeOwned(join(folder, 'mqueue'), USERS.root, 0o700);
  const etc = {
    'mail/sendmail.cf': made,
    'mail/local-host-names': `${HOST}\n${domain}\n`,
    'mail/virtuser-domains': [...virtual, ...aliasDomains].map((each) => `${each}\n`).join(''),
    'mail/aliases': 'postmaster: user1\n',
  };
  const sendmail = join(server.root, SENDMAIL);
  const before = `"${sendmail}" -bi`;
  return startMta({
    folder,
    sockets: setting.sockets,
    port,
    command: [sendmail, '-bD', '-q1h'],
    libs: server.libs,
    etc,
    before,
    queue: [sendmail, '-q'],
  });
}

/** A sendmail.mc without smmap: `more` are its last lines before the mailers. */
export function baseMc(folder: string, port: number, more: string): string {
  return `divert(0)dnl
OSTYPE(\`linux')dnl
define(\`QUEUE_DIR', \`${folder}/mqueue')dnl
define(\`confDOMAIN_NAME', \`${HOST}')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`ALIAS_FILE', \`/etc/mail/aliases')dnl
define(\`STATUS_FILE', \`')dnl
define(\`confPID_FILE', \`/dev/null')dnl
DAEMON_OPTIONS(\`Name=MTA, Family=inet, Addr=127.0.0.1, Port=${port}')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`use_cw_file')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`accept_unqualified_senders')dnl
FEATURE(\`nocanonify')dnl
${more}
MAILER(\`local')dnl
MAILER(\`smtp')dnl
`;
}

/** Runs one of the tools, with the libraries that the machine may lack. */
export async function succeed({ root, env }: Place, name: string, args: string[]): Promise<string> {
  const file = join(root, 'usr/bin', name);
  const { code, stdout, stderr } = await run(file, args, { env });
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}
