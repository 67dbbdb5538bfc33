// Runs the real Dovecot in a throw-away folder: its auth service, its LMTP server and its quota-status.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../real/command.ts';
import { type Missing, type Place, findPlace, isMissing } from '../real/part.ts';
import { freePort } from './port.ts';

const WAIT_MS = 20_000;

export interface DovecotUser {
  /** As in `fred@example.org`. */
  readonly name: string;
  /** How much may be stored. */
  readonly quotaBytes?: number;
  /** How much is stored, as one message. */
  readonly storedBytes?: number;
}

export interface StartOptions {
  /** Where the users are; without it in the passwd-file. */
  readonly sql?: {
    readonly driver: 'pgsql' | 'sqlite';
    /** As `connect` of Dovecot: the path of the file, or `host=/folder dbname=mail user=reader`. */
    readonly connect: string;
    /** As `user_query` of Dovecot: selects uid, gid and home of the user `%u`. */
    readonly query: string;
  };
  /** The mode of the socket auth-userdb. With 0666, who is neither root nor Dovecot's user gets half of the answers. */
  readonly mode?: number;
  /** More lines of dovecot.conf. They come last. */
  readonly settings?: string;
}

export interface Dovecot {
  /** The paths of its sockets, and the ports of 127.0.0.1 where the same services listen. */
  readonly auth: string;
  readonly authPort: number;
  readonly lmtp: string;
  readonly lmtpPort: number;
  readonly quotaStatus: string;
  readonly quotaStatusPort: number;
  /** Its passwd-file, and the user and group that it must be readable for. */
  readonly passwdFile: string;
  readonly uid: number;
  readonly gid: number;
  /** Replaces the passwd-file by one with these users, by one rename, and stores their messages. */
  write(users: readonly DovecotUser[]): Promise<void>;
  log(): Promise<string>;
  /** SIGKILL for all of its processes; the data stays. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT for all of them. */
  hang(): void;
  resume(): void;
  /** Starts it if it does not run, with the same sockets and ports. */
  start(): Promise<void>;
  /** An orderly end, and a start. */
  restart(): Promise<void>;
  /** Adds lines to dovecot.conf, lets it read them, as `doveadm reload` does, and waits until it has. */
  reload(lines: string): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface Installation {
  start(options?: StartOptions): Promise<Dovecot>;
}

const NAME = 'Dovecot';

/**
 * It runs as the user daemon if root starts it, else as who starts it. An unpacked one needs root: it has its modules at
 * a fixed path, which it sees in a mount namespace of its own.
 */
export async function findDovecot(parts: string): Promise<Installation | Missing> {
  const programs = ['auth', 'lmtp', 'quota-status'].map((name) => join('usr/lib/dovecot', name));
  const place = findPlace(NAME, parts, 'dovecot', ['usr/sbin/dovecot', 'usr/bin/doveconf', ...programs]);
  if (isMissing(place)) return place;
  const { code, stdout, stderr } = await run('sh', ['-c', `${enter(place)} --version`, 'sh', ...programOf(place)], {
    env: place.env,
    limit: 30_000,
  });
  if (code !== 0 || !stdout.startsWith('2.3.')) {
    return { name: NAME, missing: `${place.root} has no Dovecot 2.3 that works (${code}): ${stdout}${stderr.trim()}` };
  }
  return { start: (options = {}) => startDovecot(place, options) };
}

function programOf({ root }: Place): string[] {
  return [join(root, 'usr/sbin/dovecot')];
}

/** The shell command that runs "$@" where it finds its modules. */
function enter({ root, libs }: Place): string {
  if (libs === null) return 'exec "$@"';
  return `exec unshare --mount --propagation=private -- sh -c 'mount -t overlay -o "lowerdir=${root}/usr/lib:/usr/lib" overlay /usr/lib && exec "$@"' sh "$@"`;
}

async function startDovecot(place: Place, options: StartOptions): Promise<Dovecot> {
  const { root, libs, env } = place;
  const folder = await mkdtemp(join(tmpdir(), 'dovecot-'));
  const at = (name: string): string => join(folder, name);
  const account = await ownerOf(folder);
  const { uid, gid, become } = account;
  const [authPort, lmtpPort, quotaStatusPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = { auth: authPort, lmtp: lmtpPort, quotaStatus: quotaStatusPort };
  let child: ChildProcess | null = null;
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child?.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // nothing is left of the group
    }
  };
  const clean = (): void => {
    signal('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', clean);

  const start = async (): Promise<void> => {
    if (child !== null) {
      signal('SIGCONT');
      return;
    }
    // doveconf first: dovecot by itself would look for it at a fixed path.
    const conf = at('dovecot.conf');
    const dovecot = [join(root, 'usr/bin/doveconf'), '-c', conf, '-m', 'master', '-e', ...programOf(place), '-F'];
    const args = ['setpriv', ...become, '--pdeathsig=KILL', '--', ...dovecot, '-c', conf];
    const started = spawn('sh', ['-c', enter(place), 'sh', ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true, // a process group of its own
    });
    child = started;
    let stderr = '';
    started.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    started.on('exit', () => {
      if (child === started) child = null;
    });
    await listening(null, () => stderr);
  };
  /** Whether it takes signals: its first sockets are there before that, and SIGHUP would end it. */
  const isUp = async (): Promise<boolean> =>
    Number(await readFile(at('run/master.pid'), 'utf8').catch(() => '')) === child?.pid;
  /** When the socket auth-userdb was made. */
  const madeAt = (): Promise<number | null> =>
    stat(at('run/auth-userdb')).then(
      ({ ctimeMs }) => ctimeMs,
      () => null,
    );
  /** Waits until it listens there, at another socket than the one of before. */
  const listening = async (before: number | null, said = () => ''): Promise<void> => {
    const started = child;
    for (const late = Date.now() + WAIT_MS; ; await sleep(10)) {
      if ((await madeAt()) !== before && (await listens(at('run/auth-userdb'))) && (await isUp())) return;
      if (child !== started || Date.now() > late) throw new Error(`Dovecot does not listen: ${said()}${await log()}`);
    }
  };
  const end = async (name: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (ending === null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    signal('SIGCONT');
    if (name === 'SIGKILL') signal(name);
    else ending.kill(name);
    await ended;
    try {
      process.kill(-(ending.pid as number), 'SIGKILL'); // what outlived it
    } catch {
      // nothing did
    }
  };
  const log = (): Promise<string> => readFile(at('log'), 'utf8').catch(() => '');
  const write = async (users: readonly DovecotUser[]): Promise<void> => {
    const line = ({ name, quotaBytes }: DovecotUser): string => {
      const quota = quotaBytes === undefined ? '' : `userdb_quota_rule=*:bytes=${quotaBytes}`;
      return `${name}::${uid}:${gid}::${at(`mail/${name}`)}::${quota}\n`;
    };
    for (const { name, storedBytes } of users) {
      if (storedBytes === undefined) continue;
      const maildir = at(`mail/${name}/Maildir`);
      for (const part of ['cur', 'new', 'tmp']) await mkdir(join(maildir, part), { recursive: true });
      await writeFile(join(maildir, `cur/1.M1P1.x,S=${storedBytes}:2,`), 'x'.repeat(storedBytes));
    }
    await own(account, folder);
    await writeFile(at('users.new'), users.map(line).join(''));
    await rename(at('users.new'), at('users'));
  };
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    process.off('exit', clean);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };

  try {
    for (const name of ['run', 'mail']) await mkdir(at(name));
    await writeFile(at('dovecot.conf'), dovecotConf(root, libs, folder, account, ports, options));
    if (options.sql !== undefined) await writeFile(at('sql.conf'), sqlConf(options.sql));
    await write([]);
    await own(account, folder);
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    auth: at('run/auth-userdb'),
    authPort,
    lmtp: at('run/lmtp'),
    lmtpPort,
    quotaStatus: at('run/quota-status'),
    quotaStatusPort,
    passwdFile: at('users'),
    uid,
    gid,
    write,
    log,
    kill: () => end('SIGKILL'),
    hang: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    start,
    async restart() {
      await end('SIGTERM');
      await start();
    },
    async reload(lines) {
      const before = await madeAt();
      await appendFile(at('dovecot.conf'), lines);
      child?.kill('SIGHUP');
      await listening(before); // each reload makes the sockets anew
    },
    stop,
  };
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Arguments of setpriv. */
  readonly become: readonly string[];
}

async function ownerOf(folder: string): Promise<Account> {
  const { username, uid, gid } = userInfo();
  if (uid !== 0) return { name: username, uid, gid, become: [] };
  const daemon = { name: 'daemon', uid: 1, gid: 1, become: ['--reuid=1', '--regid=1', '--clear-groups'] };
  await own(daemon, folder);
  return daemon;
}

async function own({ uid, gid, become }: Account, folder: string): Promise<void> {
  if (become.length > 0) await run('chown', ['-R', `${uid}:${gid}`, folder]);
}

/** Whether somebody accepts connections there. */
function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

interface Ports {
  readonly auth: number;
  readonly lmtp: number;
  readonly quotaStatus: number;
}

function dovecotConf(
  root: string,
  libs: string | null,
  folder: string,
  { name, gid }: Account,
  ports: Ports,
  { sql, mode = 0o777, settings = '' }: StartOptions,
): string {
  const services = join(root, 'usr/lib/dovecot');
  const userdb =
    sql === undefined
      ? `driver = passwd-file\n  args = username_format=%u ${folder}/users`
      : `driver = sql\n  args = ${folder}/sql.conf`;
  const listen = (socket: string, octal: number, port: number): string =>
    `unix_listener ${socket} {\n    mode = 0${octal.toString(8)}\n  }\n  inet_listener ${socket} {\n    port = ${port}\n  }`;
  return `base_dir = ${folder}/run
state_dir = ${folder}/run
libexec_dir = ${services}
mail_plugin_dir = ${services}/modules
${libs === null ? '' : `import_environment = LD_LIBRARY_PATH=${libs}\n`}log_path = ${folder}/log
default_internal_user = ${name}
default_internal_group = #${gid}
default_login_user = ${name}
first_valid_uid = 1
first_valid_gid = 1
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_status_success = OK
}
passdb {
  driver = static
  args = nopassword
}
userdb {
  ${userdb}
}
service anvil {
  chroot =
}
service auth {
  ${listen('auth-userdb', mode, ports.auth)}
}
service lmtp {
  ${listen('lmtp', 0o666, ports.lmtp)}
}
service quota-status {
  executable = quota-status -p postfix
  client_limit = 1
  ${listen('quota-status', 0o666, ports.quotaStatus)}
}
${settings}`;
}

function sqlConf({ driver, connect, query }: NonNullable<StartOptions['sql']>): string {
  return `driver = ${driver}\nconnect = ${connect}\nuser_query = ${query}\n`;
}
