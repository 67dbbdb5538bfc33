// The whole Exim.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { freePort } from '../support/port.ts';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, makeOwned, startMta } from './mta.ts';
import { type Missing, type Place, findPlace, findUnpacked, isMissing } from './part.ts';

const NAME = 'Exim';
const EXIM = 'usr/sbin/exim4';

/** The unpacked one, or the installed one. */
export function findExim(parts: string): Promise<MtaPart | Missing> {
  return findMta(NAME, findPlace(NAME, parts, 'exim', [EXIM]), start);
}

async function start({ root, libs }: Place, setting: Setting): Promise<Mta> {
  const { folder } = setting;
  const exim = join(root, EXIM);
  const port = await freePort();
  await makeOwned(join(folder, 'spool'), USERS['Debian-exim'], 0o750);
  const main = join(setting.written, 'main');
  const domains = [...setting.virtual, ...setting.aliasDomains].map((each) => ` : ${domainToASCII(each)}`).join('');
  await writeFile(main, (await readFile(main, 'utf8')).replace(/^SMMAP_DOMAINS = .*/m, `$&${domains}`));
  const etc = { 'exim4/exim4.conf': config(exim, port, setting) };
  const before = `tail -q -F ${folder}/spool/mainlog ${folder}/spool/paniclog 2>/dev/null &`;
  // It trusts this file alone with the rights of root, and runs itself anew for each delivery.
  return startMta({
    folder,
    sockets: setting.sockets,
    port,
    command: [exim, '-bdf'],
    libs,
    etc,
    before,
    queue: [exim, '-qff'],
  });
}

function config(exim: string, port: number, { folder, written, domain }: Setting): string {
  return `exim_path = ${exim}
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
keep_environment =
pid_file_path = ${folder}/spool/pid
primary_hostname = ${HOST}
qualify_domain = ${domain}
.include ${written}/main
domainlist local_domains = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
host_lookup =
rfc1413_query_timeout = 0s
recipient_unqualified_hosts = *
smtputf8_advertise_hosts = *
smtp_accept_max_nonmail = 1000000
smtp_accept_max_per_connection = 1000000
acl_smtp_rcpt = acl_check_rcpt

begin acl
acl_check_rcpt:
.include ${written}/acl
  # as in the configurations of Exim and Debian
  deny condition = \${if and{{>{$rcpt_count}{10}}{<{$recipients_count}{\${eval:$rcpt_count/2}}}}}
       message = Rejected for too many bad recipients
  accept

begin routers
.include ${written}/router

begin transports
.include ${written}/transport

begin retry
* * F,1h,1s
`;
}

/** How the configuration of Exim looks: as Debian has it, in many files or in one, or as Exim itself shows it. */
export type Template = 'split' | 'unsplit' | 'example';

export interface DebianExim {
  /**
   * `folder` is one that only root can write; it sees `sockets` as /run/smmap. `change` are commands for the shell, whose
   * arguments are the files of the configuration.
   */
  readonly start: (template: Template, folder: string, sockets: string, change: string) => Promise<Mta>;
}

/** Exim with the configuration that a package or its documentation has. */
export async function findDebianExim(parts: string): Promise<DebianExim | Missing> {
  const place = findPlace(NAME, parts, 'exim', [EXIM]);
  const files = ['usr/sbin/update-exim4.conf', 'etc/exim4/exim4.conf.template', EXAMPLE];
  const stock = findUnpacked(`${NAME}'s configuration`, parts, 'exim-config', files, 'run test/real/parts.sh');
  const found = await findExim(parts);
  if (isMissing(found)) return found;
  if (isMissing(place)) return place;
  if (isMissing(stock)) return stock;
  return {
    start: (template, folder, sockets, change) => startDebian(place, stock.root, template, folder, sockets, change),
  };
}

const EXAMPLE = 'usr/share/doc/exim4-base/examples/example.conf';

const FILES: Record<Template, string> = {
  split: '/etc/exim4/conf.d/*/*',
  unsplit: '/etc/exim4/exim4.conf.template',
  example: '/etc/exim4/example.conf',
};

async function startDebian(
  { root, libs }: Place,
  stock: string,
  template: Template,
  folder: string,
  sockets: string,
  change: string,
): Promise<Mta> {
  const exim = join(root, EXIM);
  const port = await freePort();
  const spool = join(folder, 'spool');
  await makeOwned(spool, USERS['Debian-exim'], 0o750);
  const etc = {
    mailname: 'example.org\n',
    aliases: 'postmaster: alice\n',
    // What its installer asks for.
    'exim4/update-exim4.conf.conf': `dc_eximconfig_configtype='internet'
dc_other_hostnames='example.org'
dc_local_interfaces='127.0.0.1'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='${template === 'split'}'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
`,
  };
  // The places of this machine come in before everything else.
  const places = [`exim_path = ${exim}`, `spool_directory = ${spool}`, `log_file_path = ${spool}/%slog`];
  places.push(`pid_file_path = ${spool}/pid`, `daemon_smtp_ports = ${port}`, `primary_hostname = ${HOST}`);
  places.push('smtputf8_advertise_hosts = *', 'local_interfaces = 127.0.0.1');
  const updated =
    template === 'example'
      ? `sed 's/^domainlist local_domains = @/& : example.org/' /etc/exim4/example.conf > /etc/exim4/made
echo 'qualify_domain = example.org' > /etc/exim4/exim4.conf`
      : `sed 's#/usr/sbin/exim4#${exim}#' ${stock}/usr/sbin/update-exim4.conf > /etc/exim4/update
echo > /etc/exim4/exim4.conf; sh /etc/exim4/update -o /etc/exim4/made`;
  const before = `mkdir /run/smmap; mount --bind "${sockets}" /run/smmap
mount -t tmpfs -o mode=1777 tmpfs /var/mail
printf "alice:x:1000:8::/:/bin/sh\\nuucp:x:10:10::/:/bin/false\\n" >> /etc/passwd
cp -r ${stock}/etc/exim4 /etc/
cp ${stock}/${EXAMPLE} /etc/exim4/example.conf
change() { ${change}
}
change ${FILES[template]}
${updated}
printf '%s\\n' ${places.map((line) => `'${line}'`).join(' ')} >> /etc/exim4/exim4.conf
grep -Ev '^(exim_path|spool_directory|primary_hostname|local_interfaces|smtputf8_advertise_hosts) *=' /etc/exim4/made >> /etc/exim4/exim4.conf
rm /etc/exim4/made
tail -q -F ${spool}/mainlog ${spool}/paniclog 2>/dev/null &`;
  return startMta({ folder, port, command: [exim, '-bdf'], libs, etc, before, queue: [exim, '-qff'] });
}
