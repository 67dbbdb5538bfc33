// The whole Exim.

import { join } from 'node:path';
import { type Missing, type Place, findPlace } from './part.ts';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, freePort, makeOwned, startMta } from './mta.ts';

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

function config(exim: string, port: number, { folder, written, domain, virtual, aliasDomains }: Setting): string {
  return `exim_path = ${exim}
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
keep_environment =
pid_file_path = ${folder}/spool/pid
primary_hostname = ${HOST}
qualify_domain = ${domain}
domainlist local_domains = ${[HOST, domain, ...virtual, ...aliasDomains].join(' : ')}
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
  accept

begin routers
.include ${written}/router

begin transports
.include ${written}/transport

begin retry
* * F,1h,1s
`;
}
