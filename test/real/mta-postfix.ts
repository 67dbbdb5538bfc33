// The whole Postfix.

import { mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, freePort, makeOwned, startMta } from './mta.ts';

/** The one that parts.sh unpacked. */
export function findPostfixServer(parts: string): Promise<MtaPart | { missing: string }> {
  const part = join(parts, 'postfix');
  const programs = ['master', 'smtpd', 'lmtp'].map((name) => join(part, 'usr/lib/postfix/sbin', name));
  return findMta('postfix', programs, (setting) => start(part, setting));
}

async function start(part: string, { folder, written, domain, sockets }: Setting): Promise<Mta> {
  const config = join(folder, 'postfix');
  await mkdir(config);
  const base = mainCf(part, folder, domain);
  await writeFile(join(config, 'main.cf'), base + (await readFile(join(written, 'main.cf'), 'utf8')));
  const port = await freePort();
  await writeFile(join(config, 'master.cf'), await masterCf(part, port));

  await makeQueue(folder);
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

/** How Debian runs it: with its main.cf, and with smtpd in a chroot. */
export interface DebianPostfix {
  /** `folder` is one that only root can write; it sees `sockets` as /run/smmap. */
  readonly start: (folder: string, sockets: string) => Promise<Mta>;
}

/** The same one as Debian installs it. */
export async function findDebianPostfix(parts: string): Promise<DebianPostfix | { missing: string }> {
  const part = join(parts, 'postfix');
  const found = await findPostfixServer(parts);
  return 'missing' in found ? found : { start: (folder, sockets) => startDebian(part, folder, sockets) };
}

async function startDebian(part: string, folder: string, sockets: string): Promise<Mta> {
  const port = await freePort();
  const debian = await readFile(join(part, 'usr/share/postfix/main.cf.debian'), 'utf8');
  const own = `recipient_delimiter = +\nmydestination = $myhostname, localhost\n`; // as its installer writes them
  const read = (name: string): Promise<string> => readFile(join(part, 'etc/postfix', name), 'utf8');
  await makeQueue(folder);
  const etc = {
    'postfix/main.cf': debian + placesOf(part, folder) + `shlib_directory = ${part}/usr/lib/postfix\n` + own,
    'postfix/master.cf': await listenAt(part, port),
    'postfix/postfix-files': await read('postfix-files'),
  };
  // awk is a link into /etc, which is another one there.
  const programs = join(folder, 'programs');
  await mkdir(programs);
  await symlink(await realpath('/usr/bin/awk'), join(programs, 'awk'));
  const path = `PATH=${programs}:${join(part, 'usr/sbin')}:$PATH`;
  return startMta({
    folder,
    port,
    etc,
    command: [join(part, 'usr/lib/postfix/sbin/master'), '-s'],
    libs: join(part, 'libs'),
    queue: [join(part, 'usr/sbin/postqueue'), '-f'],
    before: `mkdir /run/smmap; mount --bind "${sockets}" /run/smmap
${path} sh ${part}/usr/lib/postfix/configure-instance.sh`,
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
${placesOf(part, folder)}myorigin = ${origin}
mydestination = ${HOST}
disable_dns_lookups = yes
default_transport = error:nothing leaves this machine
alias_maps =
alias_database =
max_use = 1
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000000
`;
}

/** Where an unpacked one has what, and to whom it talks. */
function placesOf(part: string, folder: string): string {
  return `queue_directory = ${folder}/queue
data_directory = ${folder}/data
daemon_directory = ${part}/usr/lib/postfix/sbin
command_directory = ${part}/usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
myhostname = ${HOST}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
`;
}

async function makeQueue(folder: string): Promise<void> {
  const queue = join(folder, 'queue');
  await makeOwned(queue, USERS.root, 0o755);
  for (const name of QUEUES) await makeOwned(join(queue, name), USERS.postfix, 0o700);
  await makeOwned(join(queue, 'pid'), USERS.root, 0o755);
  await makeOwned(join(folder, 'data'), USERS.postfix, 0o700);
}

/** Debian's own, without a chroot: it can do without the libraries there. */
async function masterCf(part: string, port: number): Promise<string> {
  return (await listenAt(part, port)).replace(/^(\S+ +\S+ +\S +\S +)y/gm, '$1n');
}

/** Debian's own, on another port. */
async function listenAt(part: string, port: number): Promise<string> {
  const text = await readFile(join(part, 'usr/share/postfix/master.cf.dist'), 'utf8');
  return text.replace(/^smtp +inet/m, `127.0.0.1:${port} inet`);
}
