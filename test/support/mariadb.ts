// Runs real MariaDB servers in throw-away folders.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { run } from '../real/command.ts';
import { type Missing, type Place, findPlace, isMissing } from '../real/part.ts';
import { freePort } from './port.ts';

const WAIT_MS = 20_000;

export interface MariadbOptions {
  /** Listens on a port of the loopback, too. */
  readonly tcp?: boolean;
  /** PEM texts. With these, clients may use TLS. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Further options of mariadbd, such as `--log-bin`. */
  readonly settings?: readonly string[];
}

export interface Mariadb {
  readonly socketPath: string;
  /** Null without TCP. */
  readonly port: number | null;
  /** For the driver: a database of this server over its Unix socket. */
  url(database: string, user?: string): string;
  /** Runs statements as root, and answers the rows of the last one. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, or after an orderly end. */
  restart(): Promise<void>;
  hang(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface Replica extends Mariadb {
  /** Waits until it has all that the primary has now. */
  catchUp(): Promise<void>;
}

export interface Installation {
  start(options?: MariadbOptions): Promise<Mariadb>;
  /** A primary, and a read-only server that follows it. */
  startPair(): Promise<{ readonly primary: Mariadb; readonly replica: Replica }>;
}

/** It refuses to run as root. If root starts it, it runs as the user daemon. */
export async function findMariadb(parts: string): Promise<Installation | Missing> {
  const name = 'MariaDB';
  const place = findPlace(name, parts, 'mariadb', ['usr/sbin/mariadbd', 'usr/bin/mariadb-install-db']);
  if (isMissing(place)) return place;
  const program = join(place.root, 'usr/sbin/mariadbd');
  const { code, stderr } = await run(program, ['--no-defaults', '--version'], { env: place.env, limit: 30_000 });
  if (code !== 0) return { name, missing: `mariadbd does not work (${code}): ${stderr.trim()}` };
  const start = (options: MariadbOptions = {}): Promise<Mariadb> => startMariadb(place, options);
  return { start, startPair: () => startPair(start) };
}

async function startMariadb({ root, env }: Place, options: MariadbOptions): Promise<Mariadb> {
  const usr = join(root, 'usr');
  const folder = await mkdtemp(join(tmpdir(), 'mariadb-'));
  const at = (name: string): string => join(folder, name);
  const become = await ownerOf(folder);
  let child: ChildProcess | null = null;
  let said = '';
  const clean = (): void => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', clean);

  const paths = [
    `--basedir=${usr}`,
    `--lc-messages-dir=${usr}/share/mysql`,
    `--plugin-dir=${usr}/lib/mysql/plugin`,
    `--tmpdir=${folder}`, // it would remove files of other servers
  ];
  const socketPath = at('sock');
  const port = options.tcp === true ? await freePort() : null;
  const sql = async (text: string): Promise<Record<string, unknown>[]> => {
    const connection = await createConnection({ socketPath, user: 'root', multipleStatements: true });
    try {
      await connection.query('set names utf8mb4');
      const [rows, fields] = await connection.query(text);
      const last = Array.isArray(fields?.[0]) || (Array.isArray(rows) && text.includes(';') && Array.isArray(rows[0]));
      return (last ? (rows as unknown[]).at(-1) : rows) as Record<string, unknown>[];
    } finally {
      connection.destroy();
    }
  };
  const restart = async (): Promise<void> => {
    const listen = port === null ? ['--skip-networking'] : ['--bind-address=127.0.0.1', `--port=${port}`];
    const tls =
      options.tls === undefined ? [] : ['ca', 'cert', 'key'].map((name) => `--ssl-${name}=${at(`${name}.pem`)}`);
    const args = [
      '--no-defaults',
      ...paths,
      `--datadir=${at('data')}`,
      `--socket=${socketPath}`,
      `--pid-file=${at('pid')}`,
    ];
    const all = [...become, '--pdeathsig=KILL', '--', `${usr}/sbin/mariadbd`, ...args, ...QUICK, ...listen, ...tls];
    const started = spawn('setpriv', [...all, ...(options.settings ?? [])], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    said = '';
    started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    started.on('error', (error) => (said += error.message));
    const late = Date.now() + WAIT_MS;
    while (
      !(await sql('select 1').then(
        () => true,
        () => false,
      ))
    ) {
      if (hasEnded(started) || Date.now() > late) throw new Error(`MariaDB does not start: ${said}`);
      await sleep(10);
    }
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const ending = child;
    if (ending === null || hasEnded(ending)) return;
    const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
    ending.kill(signal);
    await ended;
  };
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    process.off('exit', clean);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };

  try {
    if (options.tls !== undefined) {
      for (const [name, text] of Object.entries(options.tls)) await writeFile(at(`${name}.pem`), text);
    }
    const install = [`${usr}/bin/mariadb-install-db`, '--no-defaults', ...paths, `--datadir=${at('data')}`];
    const more = ['--skip-test-db', '--skip-name-resolve', '--auth-root-authentication-method=normal', ...QUICK];
    const made = await run('setpriv', [...become, '--', ...install, ...more], { env, limit: WAIT_MS });
    if (made.code !== 0) throw new Error(`mariadb-install-db ended with ${made.code}: ${made.stdout}${made.stderr}`);
    await restart();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    socketPath,
    port,
    url: (database, user = 'root') =>
      `mysql://${user}@localhost/${database}?socketPath=${encodeURIComponent(socketPath)}`,
    sql,
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await restart();
    },
    hang: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop,
  };
}

async function startPair(start: Installation['start']): Promise<{ primary: Mariadb; replica: Replica }> {
  const [primary, replica] = await Promise.all([
    start({ tcp: true, settings: ['--log-bin', '--server-id=1', '--gtid-strict-mode'] }),
    start({ settings: ['--server-id=2', '--read-only', '--gtid-strict-mode'] }),
  ]);
  await primary.sql("create user replica@'127.0.0.1'; grant replication slave on *.* to replica@'127.0.0.1'");
  await replica.sql(`change master to master_host = '127.0.0.1', master_port = ${primary.port}, master_user = 'replica',
    master_use_gtid = slave_pos; start slave`);
  const catchUp = async (): Promise<void> => {
    const [position] = await primary.sql('select @@gtid_current_pos as gtid');
    const [waited] = await replica.sql(`select master_gtid_wait('${String(position?.['gtid'])}', 20) as result`);
    if (Number(waited?.['result']) !== 0) throw new Error('the replica does not follow');
  };
  await catchUp();
  return { primary, replica: { ...replica, catchUp } };
}

/** Options for a start within a second. The data need not survive a power cut. */
const QUICK = [
  '--innodb-buffer-pool-size=8M',
  '--innodb-log-file-size=4M',
  '--innodb-flush-method=nosync',
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-fast-shutdown=2',
  '--key-buffer-size=64K',
  '--aria-pagecache-buffer-size=1M',
];

/** Gives the folder to the user that will run it, and returns the arguments of setpriv for this user. */
async function ownerOf(folder: string): Promise<readonly string[]> {
  if (userInfo().uid !== 0) return [];
  const { stdout, code, stderr } = await run('sh', ['-c', 'id -u daemon && id -g daemon']);
  const [uid, gid] = stdout.trim().split('\n').map(Number);
  if (code !== 0 || uid === undefined || gid === undefined) throw new Error(`no account daemon: ${stderr}`);
  await chown(folder, uid, gid);
  await chmod(folder, 0o755); // for its clients
  return [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
