// Runs the real Cyrus in a throw-away folder: its smmapd, its lmtpd, and an imapd to make mailboxes with.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Result, run } from './command.ts';
import { type Imap, literal, openImap, quote } from './imap.ts';
import { type Missing, findPlace, isMissing } from './part.ts';

const WAIT_MS = 20_000;
/** Who may do everything over IMAP; no account of the machine. */
const ADMIN = 'admin';
export const DEFAULT_DOMAIN = 'default.test';

export interface Mailbox {
  /** As in `user/fred/abc@virt1.test`, whatever the separator of the server; `first.last` keeps its dot. */
  readonly name: string;
  readonly rights?: Readonly<Record<string, string>>;
  /** Kilobytes and messages. */
  readonly quota?: { readonly STORAGE?: number; readonly MESSAGE?: number };
  /** Puts a message of so many bytes into a user's INBOX, before there is a quota. */
  readonly bytes?: number;
}

export interface StartOptions {
  readonly unixhierarchysep: boolean;
  /** Who stands for shared folders; nobody does where this is empty, as by default. */
  readonly postuser: string;
  /** Whether users have domains; `off` passes over the domain of an address. */
  readonly virtdomains: 'userid' | 'on' | 'off';
  /** The most processes of smmapd; without it as many as come. */
  readonly maxchild?: number;
  /** The program that notifyd runs for each event. */
  readonly notifies?: string;
  /** More lines of imapd.conf. */
  readonly settings?: string;
}

export interface Cyrus {
  /** The sockets' paths. */
  readonly smmapd: string;
  readonly lmtp: string;
  /** Makes mailboxes, each after its parents. */
  create(mailboxes: Iterable<Mailbox>): Promise<void>;
  /** Deletes mailboxes, by their names as in Mailbox. */
  remove(names: Iterable<string>): Promise<void>;
  /** Sends a command of IMAP, as the administrator. */
  send(command: string): Promise<unknown>;
  /** What `ctl_mboxlist -d` prints. */
  dump(): Promise<string>;
  /** The file of its list of mailboxes. */
  readonly list: string;
  /** Sends a signal to its processes: to those that answer as smmapd or as lmtpd, or to all. */
  signal(name: NodeJS.Signals, whom: 'smmapd' | 'lmtpd' | 'all'): void;
  /** Starts it again after it was killed. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface Installation {
  start(options: StartOptions): Promise<Cyrus>;
}

const NAME = 'Cyrus';
const PROGRAMS = ['master', 'smmapd', 'lmtpd', 'imapd', 'ctl_mboxlist'];

/** Cyrus refuses to be root: it runs as daemon where root starts it, else as the user who starts it. */
export async function findCyrus(parts: string): Promise<Installation | Missing> {
  const folder = 'usr/lib/cyrus/bin';
  const place = findPlace(
    NAME,
    parts,
    'cyrus',
    PROGRAMS.map((each) => join(folder, each)),
  );
  if (isMissing(place)) return place;
  const bin = join(place.root, folder);
  const account = await findAccount();
  if (isMissing(account)) return account;
  const env = { ...place.env, CYRUS_USER: account.name };

  // Without a master, each ends with EX_SOFTWARE; a library that is missing, or a folder that is closed, shows here.
  for (const program of ['smmapd', 'lmtpd', 'imapd']) {
    const trial = run('setpriv', [...account.become, join(bin, program)], { env, limit: 30_000 });
    const { code, stderr } = await trial.catch((error: Error) => ({ code: 127, stderr: error.message }));
    if (code !== 70) {
      return { name: NAME, missing: `${program} does not work as ${account.name} (${code}): ${stderr.trim()}` };
    }
  }
  return { start: (options) => startCyrus(bin, env, account, options) };
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Arguments of setpriv. */
  readonly become: readonly string[];
}

async function findAccount(): Promise<Account | Missing> {
  try {
    const { username, uid, gid } = userInfo();
    if (uid !== 0) return { name: username, uid, gid, become: [] };
  } catch (error) {
    return { name: NAME, missing: `Cyrus wants an account with a name: ${(error as Error).message}` };
  }
  const name = 'daemon';
  const { stdout, stderr } = await run('sh', ['-c', 'id -u "$1" && id -g "$1"', 'sh', name]);
  const [uid, gid] = stdout.trim().split('\n').map(Number);
  if (uid === undefined || gid === undefined) return { name: NAME, missing: `no account ${name}: ${stderr.trim()}` };
  return { name, uid, gid, become: [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] };
}

async function startCyrus(
  bin: string,
  env: Record<string, string>,
  { become, uid, gid }: Account,
  options: StartOptions,
): Promise<Cyrus> {
  const folder = await mkdtemp(join(tmpdir(), 'cyrus-'));
  const at = (name: string): string => join(folder, name);
  let master: Master | null = null;
  let admin: Imap | null = null;
  const clean = (): void => {
    master?.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', clean);
  const stop = async (): Promise<void> => {
    admin?.close();
    await master?.stop();
    process.off('exit', clean);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };

  const restart = async (): Promise<void> => {
    master = startMaster([...become, '--pdeathsig=TERM', '--'], folder, env);
    admin = await logIn(master, at('imap'));
  };

  try {
    // Cyrus makes the others itself, but complains about these.
    for (const name of ['conf', 'conf/db', 'conf/socket', 'mail']) await mkdir(at(name));
    for (const name of ['.', 'conf', 'conf/db', 'conf/socket', 'mail']) await chown(at(name), uid, gid);
    await symlink(bin, at('bin')); // cyrus.conf splits a command at its blanks
    await writeFile(at('imapd.conf'), imapdConf(folder, options));
    await writeFile(at('cyrus.conf'), cyrusConf(folder, options));
    await restart();
  } catch (error) {
    await stop();
    throw error;
  }
  const send: Imap['send'] = (command) => (admin as unknown as Imap).send(command);
  const spell = options.unixhierarchysep ? (name: string) => name : withDots;

  return {
    smmapd: at('smmapd'),
    lmtp: at('lmtp'),
    async create(mailboxes) {
      for (const { name, rights = {}, quota = {}, bytes } of mailboxes) {
        const mailbox = quote(spell(name));
        await send(`CREATE ${mailbox}`);
        for (const [who, what] of Object.entries(rights)) await send(`SETACL ${mailbox} ${quote(who)} ${quote(what)}`);
        if (bytes !== undefined) await fill(at('imap'), name, bytes);
        const limits = Object.entries(quota).map(([resource, limit]) => `${resource} ${limit}`);
        if (limits.length > 0) await send(`SETQUOTA ${mailbox} (${limits.join(' ')})`);
      }
    },
    async remove(names) {
      for (const name of names) {
        await send(`SETACL ${quote(spell(name))} ${ADMIN} x`); // even an admin has to give himself the right
        await send(`DELETE ${quote(spell(name))}`);
      }
    },
    send,
    async dump() {
      const command = [at('bin/ctl_mboxlist'), '-C', at('imapd.conf'), '-d'];
      return succeed(await run('setpriv', [...become, '--', ...command], { env }));
    },
    list: at('conf/mailboxes.db'),
    signal(name, whom) {
      const program = whom === 'all' ? folder : at(`bin/${whom}`);
      for (const pid of pidsOf(program)) process.kill(pid, name);
    },
    restart,
    stop,
  };
}

/** The processes whose first argument begins so. */
function pidsOf(program: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandOf(pid).startsWith(program))
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

interface Master {
  /** How it ended and what it said, null while it runs. */
  ended(): string | null;
  kill(): void;
  stop(): Promise<void>;
}

/** Starts Cyrus's master by setpriv, with which it ends when this process does, even if that is killed. */
function startMaster(privileges: readonly string[], folder: string, env: Record<string, string>): Master {
  const [program, ...confs] = ['bin/master', 'imapd.conf', 'cyrus.conf', 'pid'].map((name) => join(folder, name));
  const args = [program, '-D', '-C', confs[0], '-M', confs[1], '-p', confs[2]] as string[];
  const child = spawn('setpriv', [...privileges, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // it sends its signals to its whole process group
  });
  let stderr = '';
  let how: string | null = null;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      how = error.message;
      resolve();
    });
    child.on('exit', (code, signal) => {
      how = String(signal ?? code);
      resolve();
    });
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // nothing is left of the group
    }
  };
  return {
    ended: () => (how === null ? null : `${how}: ${stderr}`),
    kill,
    async stop() {
      const timer = setTimeout(kill, WAIT_MS / 4);
      if (how === null) child.kill('SIGTERM');
      await ended;
      clearTimeout(timer);
      kill(); // what outlived it
    },
  };
}

/** Waits until Cyrus listens: the socket of its imapd comes last, and is there a moment before anybody listens. */
async function logIn(master: Master, path: string): Promise<Imap> {
  const late = Date.now() + WAIT_MS;
  for (;;) {
    try {
      return await openImap(path, ADMIN);
    } catch (error) {
      const end = master.ended();
      if (end !== null) throw new Error(`Cyrus ended with ${end}`, { cause: error });
      if (Date.now() > late) throw new Error('Cyrus does not listen; syslog may say why', { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function imapdConf(
  folder: string,
  { unixhierarchysep, postuser, virtdomains, notifies, settings = '' }: StartOptions,
): string {
  return `configdirectory: ${folder}/conf
defaultpartition: main
partition-main: ${folder}/mail
sievedir: ${folder}/conf/sieve
servername: localhost
admins: ${ADMIN}
allowplaintext: yes
unixhierarchysep: ${unixhierarchysep ? 'yes' : 'no'}
virtdomains: ${virtdomains}
defaultdomain: ${DEFAULT_DOMAIN}
skiplist_unsafe: yes
${postuser === '' ? '' : `postuser: ${postuser}\n`}${notifies === undefined ? '' : notifying(notifies)}${settings}`;
}

const notifying = (program: string): string =>
  `event_notifier: external\nevent_groups: mailbox\nnotify_external: ${program}\n`;

function cyrusConf(folder: string, { maxchild = -1, notifies }: StartOptions): string {
  const service = (name: string, program: string, most = -1): string =>
    `  ${name} cmd="${folder}/bin/${program} -C ${folder}/imapd.conf" listen="${folder}/${name}" prefork=0 maxchild=${most}\n`;
  const notifyd = `  notify cmd="${folder}/bin/notifyd -C ${folder}/imapd.conf" listen="${folder}/conf/socket/notify" proto="udp" prefork=1\n`;
  // With -N, imapd asks for no password: no SASL plug-in is needed. Who may reach it is up to the folder.
  return `SERVICES {\n${service('smmapd', 'smmapd', maxchild)}${service('lmtp', 'lmtpd')}${service('imap', 'imapd -N')}${notifies === undefined ? '' : notifyd}}\n`;
}

/** The name for a server where the dot separates. */
function withDots(name: string): string {
  const [, path, domain] = /^([^@]*)(@.*)?$/.exec(name) as unknown as [string, string, string?];
  return path.replaceAll('.', '^').replaceAll('/', '.') + (domain ?? '');
}

async function fill(imap: string, name: string, bytes: number): Promise<void> {
  const owner = await openImap(imap, name.replace(/^user\//, ''));
  const head = 'Subject: x\r\n\r\n';
  await owner.send(`APPEND INBOX ${literal(head + 'x'.repeat(bytes - head.length))}`);
  owner.close();
}

function succeed({ code, stdout, stderr }: Result): string {
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
  return stdout;
}

/** The status that an LMTP server answers to each as a recipient: 250, or a code with its enhanced one. */
export async function lmtpRepliesOf(path: string, keys: readonly string[]): Promise<string[]> {
  const socket = connect(path);
  const chunks = socket.setEncoding('latin1').iterator() as AsyncIterableIterator<string>;
  const say = async (line: string): Promise<string> => {
    if (line !== '') socket.write(`${line}\r\n`);
    let reply = '';
    while (!/^(?:\d{3}-.*\r\n)*\d{3} .*\r\n$/.test(reply)) {
      const { value, done } = await chunks.next();
      if (done === true) throw new Error(`lmtpd closed the connection, after: ${reply}`);
      reply += value;
    }
    return reply.trimEnd().split('\r\n').pop() as string;
  };
  try {
    for (const line of ['', 'LHLO localhost']) await say(line);
    const replies: string[] = [];
    for (const key of keys) {
      if (key.includes('\0')) {
        replies.push('none'); // it would read no line
        continue;
      }
      await say('MAIL FROM:<>');
      const [code, enhanced] = (await say(`RCPT TO:<${key}>`)).split(' ');
      replies.push(code === '250' ? code : `${code} ${enhanced}`);
      await say('RSET');
    }
    return replies;
  } finally {
    socket.destroy();
  }
}
