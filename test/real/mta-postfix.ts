// The whole Postfix.

import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/port.ts';
import { HOST, type Mta, type MtaPart, type Setting, USERS, findMta, makeOwned, startMta } from './mta.ts';
import { type Missing, type Place, findPlace, isMissing } from './part.ts';

const NAME = 'Postfix';
const MODULES = 'usr/lib/postfix';
const DAEMONS = `${MODULES}/sbin`;
const MASTER_CF = 'usr/share/postfix/master.cf.dist';
const MAIN_CF = 'usr/share/postfix/main.cf.debian';

/** The unpacked one, or the installed one. */
export function findPostfixServer(parts: string): Promise<MtaPart | Missing> {
  return findMta(NAME, placeIn(parts), start);
}

function placeIn(parts: string, part = 'postfix'): Place | Missing {
  const daemons = ['master', 'smtpd', 'lmtp'].map((name) => join(DAEMONS, name));
  return findPlace(NAME, parts, part, [...daemons, 'usr/sbin/postqueue', MASTER_CF, MAIN_CF]);
}

async function start({ root, libs }: Place, { folder, written, domain, sockets }: Setting): Promise<Mta> {
  const config = join(folder, 'postfix');
  await mkdir(config);
  const own = await readFile(join(written, 'main.cf'), 'utf8');
  await writeFile(join(config, 'main.cf'), without(own, mainCf(root, folder, domain)) + own);
  const port = await freePort();
  await writeFile(join(config, 'master.cf'), await masterCf(root, port));

  await makeQueue(folder);
  return startMta({
    folder,
    sockets,
    port,
    command: [join(root, DAEMONS, 'master'), '-s', '-c', config],
    libs,
    queue: [join(root, 'usr/sbin/postqueue'), '-c', config, '-f'],
  });
}

/** One with an smtpd for each of several tables of mailboxes. */
export interface PostfixOfTables {
  /** Whether it has a kind of table that is a module. */
  readonly has: (kind: string) => boolean;
  /**
   * `tables` are by port, as in `static:OK`. `main` are lines of main.cf. The folder is one that only root can write; below
   * it, `postfix` is what -c of postmap wants.
   */
  readonly start: (folder: string, tables: ReadonlyMap<number, string>, main: string) => Promise<Mta>;
}

/** The one that was unpacked with modules, or the installed one. */
export async function findPostfixOfTables(parts: string): Promise<PostfixOfTables | Missing> {
  const place = placeIn(parts, 'postfix-tables');
  const found = await findMta(NAME, place, start);
  if (isMissing(found)) return found;
  if (isMissing(place)) return place;
  return {
    has: (kind) => existsSync(join(place.root, MODULES, `postfix-${kind}.so`)),
    start: (folder, tables, main) => startOfTables(place, folder, tables, main),
  };
}

async function startOfTables(
  { root, libs }: Place,
  folder: string,
  tables: ReadonlyMap<number, string>,
  main: string,
): Promise<Mta> {
  const config = join(folder, 'postfix');
  await mkdir(config);
  const modules = `meta_directory = ${config}\nshlib_directory = ${join(root, MODULES)}\n`;
  await writeFile(join(config, 'main.cf'), without(main, placesOf(root, folder)) + modules + main);
  await copyFile(join(root, 'usr/share/postfix/dynamicmaps.cf'), join(config, 'dynamicmaps.cf'));
  const services = [...tables].map(
    ([port, table]) => `127.0.0.1:${port} inet n - n - - smtpd -o virtual_mailbox_maps=${table}\n`,
  );
  const port = await freePort();
  await writeFile(join(config, 'master.cf'), (await masterCf(root, port)) + services.join(''));
  await makeQueue(folder);
  return startMta({
    folder,
    port,
    command: [join(root, DAEMONS, 'master'), '-s', '-c', config],
    libs,
    queue: [join(root, 'usr/sbin/postqueue'), '-c', config, '-f'],
  });
}

/** How Debian runs it: with its main.cf, and with smtpd in a chroot. */
export interface DebianPostfix {
  /** `folder` is one that only root can write; it sees `sockets` as /run/smmap. */
  readonly start: (folder: string, sockets: string) => Promise<Mta>;
}

/** The same one as Debian installs it. */
export async function findDebianPostfix(parts: string): Promise<DebianPostfix | Missing> {
  const place = placeIn(parts);
  const found = await findPostfixServer(parts);
  if (isMissing(found)) return found;
  if (isMissing(place)) return place;
  return { start: (folder, sockets) => startDebian(place, folder, sockets) };
}

async function startDebian({ root, libs }: Place, folder: string, sockets: string): Promise<Mta> {
  const port = await freePort();
  const debian = await readFile(join(root, MAIN_CF), 'utf8');
  const own = `recipient_delimiter = +\nmydestination = $myhostname, localhost\n`; // as its installer writes them
  const read = (name: string): Promise<string> => readFile(join(root, 'etc/postfix', name), 'utf8');
  await makeQueue(folder);
  const etc = {
    'postfix/main.cf': debian + placesOf(root, folder) + `shlib_directory = ${root}/usr/lib/postfix\n` + own,
    'postfix/master.cf': await listenAt(root, port),
    'postfix/postfix-files': await read('postfix-files'),
  };
  // awk is a link into /etc, which is another one there.
  const programs = join(folder, 'programs');
  await mkdir(programs);
  await symlink(await realpath('/usr/bin/awk'), join(programs, 'awk'));
  const path = `PATH=${programs}:${join(root, 'usr/sbin')}:$PATH`;
  return startMta({
    folder,
    port,
    etc,
    command: [join(root, 'usr/lib/postfix/sbin/master'), '-s'],
    libs,
    queue: [join(root, 'usr/sbin/postqueue'), '-f'],
    before: `mkdir /run/smmap; mount --bind "${sockets}" /run/smmap
${path} sh ${root}/usr/lib/postfix/configure-instance.sh`,
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
function mainCf(root: string, folder: string, origin: string): string {
  return `compatibility_level = 3.6
${placesOf(root, folder)}myorigin = ${origin}
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

/**
 * The lines of a main.cf for parameters that another one does not set. If both did, postlogd would warn of each at its
 * start, in its own log that it does not read yet, and wait for itself.
 */
function without(other: string, text: string): string {
  const set = new Set(other.split('\n').map((line) => line.split(' = ')[0]));
  const lines = text.split('\n').filter((line) => line === '' || !set.has(line.split(' = ')[0]));
  return lines.join('\n');
}

/** Where it has what, and to whom it talks. */
function placesOf(root: string, folder: string): string {
  return `queue_directory = ${folder}/queue
data_directory = ${folder}/data
daemon_directory = ${join(root, DAEMONS)}
command_directory = ${join(root, 'usr/sbin')}
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
async function masterCf(root: string, port: number): Promise<string> {
  return (await listenAt(root, port)).replace(/^(\S+ +\S+ +\S +\S +)y/gm, '$1n');
}

/** Debian's own, on another port. */
async function listenAt(root: string, port: number): Promise<string> {
  const text = await readFile(join(root, MASTER_CF), 'utf8');
  return text.replace(/^smtp +inet/m, `127.0.0.1:${port} inet`);
}
