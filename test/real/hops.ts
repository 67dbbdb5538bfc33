// Real mail servers as next hops, with their own limits and a list of users that a test can take away.

import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/port.ts';
import { findPostfixServer } from './mta-postfix.ts';
import { CF, baseMc, succeed } from './mta-sendmail.ts';
import { HOST, type Mta, type Setting, USERS, findMta, makeOwned, makeTrustedFolder, startMta } from './mta.ts';
import { type Missing, PARTS, findPlace, findUnpacked, isMissing, together } from './part.ts';
import { SENDMAIL } from './sendmail.ts';

/** A next hop that runs. */
export interface RunningHop extends Mta {
  /** Where its users are listed. */
  readonly users: string;
  /** Starts it again, on the same port. */
  restart(): Promise<RunningHop>;
  /** Kills it, and removes its folder. */
  remove(): Promise<void>;
}

/** `users` are local parts of example.org. `more` are lines of its configuration. */
export type StartHop = (users: readonly string[], more?: string) => Promise<RunningHop>;

type Begin = (folder: string, port: number, users: readonly string[], more: string) => Promise<Mta>;

/** Makes a hop of what starts one in a folder. */
function hopOf(begin: Begin): StartHop {
  const start: StartHop = async (users, more = '') => {
    const folder = await makeTrustedFolder();
    const port = await freePort();
    const list = join(folder, 'users');
    await writeFile(list, listOf(users));
    const run = async (): Promise<RunningHop> => {
      const mta = await begin(folder, port, users, more);
      return {
        ...mta,
        users: list,
        restart: run,
        async remove() {
          await mta.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    };
    try {
      return await run();
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  };
  return start;
}

/** Starts a part, if it is there. */
async function startOf<P extends object>(
  name: string,
  place: P | Missing,
  begin: (place: P) => Begin,
): Promise<{ readonly start: StartHop } | Missing> {
  const found = await findMta(name, place, () => Promise.reject(new Error('not started so')));
  if (isMissing(found)) return found;
  return isMissing(place) ? place : { start: hopOf(begin(place)) };
}

/** Its list has whole addresses. */
export function findEximHop(
  domains = 'example.org : all.test',
  parts = PARTS,
): Promise<{ readonly start: StartHop } | Missing> {
  return startOf('Exim', findPlace('Exim', parts, 'exim', ['usr/sbin/exim4']), ({ root, libs }) => {
    return async (folder, port) => {
      const exim = join(root, 'usr/sbin/exim4');
      await makeOwned(join(folder, 'spool'), USERS['Debian-exim'], 0o750).catch(() => {});
      const before = `tail -q -F ${folder}/spool/mainlog ${folder}/spool/paniclog 2>/dev/null &`;
      const etc = { 'exim4/exim4.conf': eximConf(exim, folder, port, domains) };
      return await startMta({ folder, port, command: [exim, '-bdf'], libs, etc, before, queue: [exim, '-qff'] });
    };
  });
}

function eximConf(exim: string, folder: string, port: number, domains: string): string {
  return `exim_path = ${exim}
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
pid_file_path = ${folder}/spool/pid
keep_environment =
primary_hostname = ${HOST}
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = acl_check_rcpt

begin acl
acl_check_rcpt:
  deny condition = \${if and{{>{$rcpt_count}{10}}{<{$recipients_count}{\${eval:$rcpt_count/2}}}}}
       message = Rejected for too many bad recipients
  require domains = ${domains}
       message = relay not permitted
  deny condition = \${if eq{\${lookup{$local_part@$domain}lsearch{${folder}/users}}}{full}}
       message = 552 5.2.2 Mailbox full
  require verify = recipient
  accept

begin routers
known:
  driver = accept
  condition = \${lookup{$local_part@$domain}lsearch{${folder}/users}{yes}{no}}
  transport = drop
postmaster:
  driver = accept
  local_parts = postmaster
  transport = drop
all:
  driver = accept
  domains = all.test
  transport = drop

begin transports
drop:
  driver = appendfile
  file = /dev/null
`;
}

export async function findPostfixHop(parts = PARTS): Promise<{ readonly start: StartHop } | Missing> {
  const part = await findPostfixServer(parts);
  if (isMissing(part)) return part;
  return {
    start: hopOf(async (folder, _port, __, more) => {
      const written = join(folder, 'written');
      await mkdir(written, { recursive: true });
      const own = `mydestination = example.org
local_recipient_maps = texthash:${folder}/users
relay_domains = all.test
smtpd_error_sleep_time = 1s
smtpd_hard_error_limit = 20
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_relay_restrictions = reject_unauth_destination
max_use = 100
${more}`;
      await writeFile(join(written, 'main.cf'), own);
      const setting: Setting = { folder, written, domain: 'example.org', virtual: [], aliasDomains: [] };
      return await part.start(setting);
    }),
  };
}

export function findSendmailHop(): Promise<{ readonly start: StartHop } | Missing> {
  const server = findPlace('Sendmail', PARTS, 'sendmail', [SENDMAIL]);
  const tools = findPlace('m4', PARTS, 'm4', ['usr/bin/m4', join(CF, 'm4/cf.m4')]);
  return startOf('Sendmail', together({ server, tools }), (both) => async (folder, port, users, more) => {
    const cf = join(folder, 'cf');
    await cp(join(both.tools.root, CF), cf, { recursive: true });
    await writeFile(join(folder, 'sendmail.mc'), baseMc(folder, port, `${THROTTLES}\n${more}`));
    const made = await succeed(both.tools, 'm4', [
      `-D_CF_DIR_=${cf}/`,
      join(cf, 'm4/cf.m4'),
      join(folder, 'sendmail.mc'),
    ]);
    await makeOwned(join(folder, 'mqueue'), USERS.root, 0o700).catch(() => {});
    const sendmail = join(both.server.root, SENDMAIL);
    const etc = {
      passwd: passwdOf(users),
      'mail/sendmail.cf': made,
      'mail/local-host-names': `${HOST}\nexample.org\n`,
      'mail/aliases': 'postmaster: root\n',
      'mail/access.txt': '',
    };
    const command = [sendmail, '-bD', '-q1h'];
    const before = `"${sendmail}" -bi`;
    return await startMta({ folder, port, command, libs: both.server.libs, etc, before, queue: [sendmail, '-q'] });
  });
}

/** How Debian's sendmail slows down who guesses, and who talks before the greeting. */
const THROTTLES = "define(`confBAD_RCPT_THROTTLE', `3')dnl\nFEATURE(`greet_pause', `1000')dnl";

/** The accounts of the machine that it sees. */
function passwdOf(users: readonly string[]): string {
  const own = Object.entries(USERS).map(([name, id]) => `${name}:x:${id}:${id}::/:/bin/sh\n`);
  return [...own, ...users.map((user, at) => `${user}:x:${2_000 + at}:8::/:/bin/sh\n`)].join('');
}

export function findOpensmtpdHop(): Promise<{ readonly start: StartHop } | Missing> {
  const why = 'an installed OpenSMTPD is not used';
  const found = findUnpacked('OpenSMTPD', PARTS, 'opensmtpd', ['usr/sbin/smtpd'], why);
  return startOf('OpenSMTPD', found, ({ root, libs }) => async (folder, port, users, more) => {
    const etc = {
      passwd: passwdOf(users),
      'smtpd.conf': `listen on 127.0.0.1 port ${port} hostname ${HOST}
${more}
action "drop" maildir "${folder}/mail"
match from any for domain "example.org" action "drop"
`,
    };
    const before = `for each in /var/lib /var/spool /usr/libexec; do mount -t tmpfs -o mode=755 tmpfs $each; done
ln -s "${join(root, 'usr/libexec/opensmtpd')}" /usr/libexec/opensmtpd
mkdir -p /var/lib/opensmtpd/empty
mkdir -m 711 /var/spool/smtpd`;
    const command = [join(root, 'usr/sbin/smtpd'), '-d'];
    return await startMta({ folder, port, command, libs, etc, before, queue: ['/bin/true'] });
  });
}

/** The list of users, as each of these servers can read it. */
export function listOf(users: readonly string[]): string {
  return users.map((user) => `${user}@example.org x\n`).join('');
}
