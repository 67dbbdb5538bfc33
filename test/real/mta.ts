// Runs a whole mail server on a loopback port, where it sees users, hosts and fixed paths of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { type Result, run } from './command.ts';
import { type Missing, isMissing } from './part.ts';
import { openSmtp } from './smtp.ts';

const WAIT_MS = 20_000;

/** What a test gives to a mail server. */
export interface Setting {
  /** A folder of its own, which only root can write. */
  readonly folder: string;
  /** Where `smmap mta` wrote the configuration for it. */
  readonly written: string;
  /** The default domain. */
  readonly domain: string;
  /** Domains that have mailboxes too, and domains that have aliases only. */
  readonly virtual: readonly string[];
  readonly aliasDomains: readonly string[];
  /** A folder of sockets outside `folder` that it sees too. */
  readonly sockets?: string;
}

/** A mail server that runs. */
export interface Mta {
  readonly port: number;
  /** What it said up to now. */
  log(): string;
  /** Lets it try again what is in its queue. */
  runQueue(): Promise<void>;
  /** Types lines into a shell of root, which sees what the mail server sees. */
  type(lines: string): Promise<Result>;
  /** Kills it with all that it started. */
  stop(): Promise<void>;
}

/** A mail server that can be run. */
export interface MtaPart {
  readonly start: (setting: Setting) => Promise<Mta>;
}

/** The users that a mail server sees, each with a group of the same name and number. */
export const USERS = {
  root: 0,
  daemon: 1,
  mail: 8,
  nobody: 65_534,
  postfix: 59_001,
  'Debian-exim': 59_002,
  opensmtpd: 59_003,
  opensmtpq: 59_004,
  vmail: 59_006,
};
const GROUPS = { postdrop: 59_005 };
/** What a mail server calls itself. */
export const HOST = 'mx.example.org';

/** A mail server at a place, if it may run in namespaces of its own. */
export async function findMta<P extends object>(
  name: string,
  place: P | Missing,
  start: (place: P, setting: Setting) => Promise<Mta>,
): Promise<MtaPart | Missing> {
  if (isMissing(place)) return place;
  if (process.getuid?.() !== 0) return { name, missing: 'needs root, for namespaces of its own' };
  const trial = run('unshare', [...NAMESPACES, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  const { code, stderr } = await trial.catch((error: Error) => ({ code: 127, stderr: error.message }));
  if (code !== 0) return { name, missing: `no mount namespace: ${stderr.trim()}` };
  return { start: (setting) => start(place, setting) };
}

/** A folder for mail servers, which trust none that others can write in, such as below /tmp. */
export async function makeTrustedFolder(): Promise<string> {
  const folder = await mkdtemp('/run/smmap-mta-');
  await chmod(folder, 0o755);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Makes a folder of an owner and his group, of USERS. */
export async function makeOwned(folder: string, owner: number, mode: number): Promise<void> {
  await mkdir(folder, { mode });
  await chown(folder, owner, owner);
}

export interface Program {
  readonly folder: string;
  readonly sockets?: string | undefined;
  readonly port: number;
  /** The program with its arguments; it has to stay in the foreground. */
  readonly command: readonly string[];
  /** The folder of its libraries, unless it is installed. */
  readonly libs: string | null;
  /** What it finds below /etc, by the name there. */
  readonly etc?: Readonly<Record<string, string>>;
  /** The command that runs its queue, or schedules all that is in it. */
  readonly queue: readonly string[];
  /** Shell commands that come before it, in the same namespaces; what is mounted there is gone with it. */
  readonly before?: string;
}

const NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--propagation=private', '--'];

/**
 * Starts it in namespaces of its own, below a shell that is process 1 there: all end with it, and its mounts too. That is no
 * mail server, since who changes its user is not told any more that its parent died. Resolves once it greets; rejects
 * with what it said.
 */
export async function startMta({
  folder,
  sockets,
  port,
  command,
  libs,
  queue,
  etc = {},
  before = '',
}: Program): Promise<Mta> {
  await writeEtc(join(folder, 'etc'), { ...etc, 'ld.so.conf': `${libs ?? ''}\n` });
  // The libraries are made known by ldconfig, since a program with the set-user-ID bit ignores LD_LIBRARY_PATH. The
  // output goes through a pipe: what Node gives is a socket, which Postfix cannot open as /dev/stdout.
  const script = `set -e
mount --bind "${folder}" /mnt
${sockets === undefined ? '' : `mount --bind "${sockets}" /media`}
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "${folder}"
mount --move /mnt "${folder}"
${sockets === undefined ? '' : `mkdir -p "${sockets}"; mount --move /media "${sockets}"`}
mount --bind "${folder}/etc" /etc
if [ -d /var/cache/ldconfig ]; then mount -t tmpfs tmpfs /var/cache/ldconfig; fi
/sbin/ldconfig -X
${before}
"$@" 2>&1 | cat & wait $!`;
  const args = ['--pdeathsig=KILL', '--', 'unshare', ...NAMESPACES, 'sh', '-c', script, 'sh', ...command];
  const child = spawn('setpriv', args, {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = logOf(child);
  const closed = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve()); // when the last of them is gone
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  try {
    await greeted(child, port);
  } catch (error) {
    await stop();
    throw new Error(`${command[0]} does not greet: ${log()}`, { cause: error });
  }
  const enter = (...words: string[]): Promise<Result> =>
    run('nsenter', ['--mount', `--pid=/proc/${child.pid}/ns/pid_for_children`, '-t', `${child.pid}`, '--', ...words]);
  return {
    port,
    log,
    type: (lines) => enter('sh', '-ec', `PATH=${dirname(queue[0] as string)}:$PATH\n${lines}`),
    async runQueue() {
      const { code, stdout, stderr } = await enter(...queue);
      if (code !== 0) throw new Error(`${queue.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    },
    stop,
  };
}

/** The options of `smmap mta NAME` for the mail servers of test/real/parts.sh. */
export function releaseOf(name: string): readonly string[] {
  return name === 'opensmtpd' ? ['--release', '6.8'] : [];
}

/** What lies over the machine's own /etc: no host can be asked for, and no user is the machine's. */
async function writeEtc(folder: string, more: Readonly<Record<string, string>>): Promise<void> {
  const users = Object.entries(USERS);
  const groups = [...users, ...Object.entries(GROUPS)];
  const files = {
    passwd: users.map(([name, id]) => `${name}:x:${id}:${id}::/:/bin/sh\n`).join(''),
    group: groups.map(([name, id]) => `${name}:x:${id}:\n`).join(''),
    // sendmail sleeps for 60 s where the host's name has no form with a dot.
    hosts: `127.0.0.1 localhost\n127.0.0.1 ${HOST} ${hostname()}.test ${hostname()}\n`,
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\n',
    'resolv.conf': 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n',
    services: 'smtp 25/tcp\n',
    ...more,
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

function logOf(child: ChildProcess): () => string {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (log += text));
  }
  return () => log;
}

async function greeted(child: ChildProcess, port: number): Promise<void> {
  const late = Date.now() + WAIT_MS;
  for (;;) {
    try {
      (await openSmtp(port, WAIT_MS)).close();
      return;
    } catch (error) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > late) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
