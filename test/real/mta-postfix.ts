// The whole Postfix.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, freePort, makeOwned, startMta } from './mta.ts';

/** The one that parts.sh unpacked. */
export function findPostfixServer(parts: string): Promise<MtaPart | { missing: string }> {
  const part = join(parts, 'postfix');
  const programs = ['master', 'smtpd', 'lmtp'].map((name) => join(part, 'usr/lib/postfix/sbin', name));
  return findMta('postfix', programs, (setting) => start(part, setting));
}

async function start(part: string, { folder, written, domain, sockets }: Setting): Promise<Mta> {
  const [config, queue] = [join(folder, 'postfix'), join(folder, 'queue')];
  await mkdir(config);
  const base = mainCf(part, folder, domain);
  await writeFile(join(config, 'main.cf'), base + (await readFile(join(written, 'main.cf'), 'utf8')));
  const port = await freePort();
  await writeFile(join(config, 'master.cf'), await masterCf(part, port));

  await makeOwned(queue, USERS.root, 0o755);
  for (const name of QUEUES) await makeOwned(join(queue, name), USERS.postfix, 0o700);
  await makeOwned(join(queue, 'pid'), USERS.root, 0o755);
  await makeOwned(join(folder, 'data'), USERS.postfix, 0o700);

  const master = join(part, 'usr/lib/postfix/sbin/master');
  const flush = [join(part, 'usr/sbin/postqueue'), '-c', config, '-f'];
  return startMta({
    folder,
    sockets,
    port,
    command: [master, '-s', '-c', config],
    libs: join(part, 'libs'),
    queue: flush,
  });
}

/** Below the queue's folder, all of the user postfix. */
const QUEUES = [
  'active',
  'bounce',
  'corrupt',
  'defer',
  'deferred',
  'flush',
  'hold',
  'incoming',
  'maildrop',
  'private',
  'public',
  'saved',
  'trace',
];

/**
 * With max_use, each connection has an smtpd of its own: it remembers for as long as it lives that the class of a domain
 * could not be looked up, and it is chance which one gets the next connection.
 */
function mainCf(part: string, folder: string, origin: string): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
daemon_directory = ${part}/usr/lib/postfix/sbin
command_directory = ${part}/usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
myhostname = ${HOST}
myorigin = ${origin}
mydestination = ${HOST}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
disable_dns_lookups = yes
default_transport = error:nothing leaves this machine
alias_maps =
alias_database =
max_use = 1
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000000
`;
}

/** Debian's own, on another port and without a chroot, in which there would be no libraries. */
async function masterCf(part: string, port: number): Promise<string> {
  const text = await readFile(join(part, 'usr/share/postfix/master.cf.dist'), 'utf8');
  return text.replace(/^smtp +inet/m, `127.0.0.1:${port} inet`).replace(/^(\S+ +\S+ +\S +\S +)y/gm, '$1n');
}
