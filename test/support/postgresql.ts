// Runs real PostgreSQL servers in throw-away folders.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { appendFile, chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { run } from '../real/command.ts';
import { type Missing, findPrograms, isMissing } from '../real/part.ts';
import { freePort } from './port.ts';

const WAIT_MS = 20_000;
export const ADMIN = 'admin';

export interface StartOptions {
  /** Also on 127.0.0.1, with a certificate for localhost. All users but the administrator need a password there. */
  readonly tcp?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Postgresql {
  /** The folder of the Unix socket. */
  readonly folder: string;
  readonly port: number;
  /** The certificate of its authority, if it has TCP. */
  readonly ca: string;
  url(database?: string, user?: string): string;
  tcpUrl(user: string, database?: string): string;
  /** Runs statements as the administrator. */
  sql(text: string, values?: readonly unknown[], database?: string): Promise<readonly Record<string, unknown>[]>;
  /** Ends it without notice: all its processes, or the first alone, which the others notice. */
  kill(what?: 'all' | 'postmaster'): Promise<void>;
  hang(): void;
  resume(): void;
  /** Starts it again, after it ended it: `fast` cuts connections, `immediate` is a crash. */
  restart(how?: 'fast' | 'immediate'): Promise<void>;
  /** Makes a standby a primary. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

export interface Installation {
  start(options?: StartOptions): Promise<Postgresql>;
  /** A copy of a primary that streams from it. */
  startStandby(primary: Postgresql): Promise<Postgresql>;
}

/** It refuses to run as root. If root starts it, it runs as the user daemon. */
export function findPostgresql(parts: string): Installation | Missing {
  const programs = ['postgres', 'initdb', 'pg_basebackup'];
  const found = findPrograms('PostgreSQL', parts, 'postgresql', [UNPACKED, ...installedFolders()], programs);
  if (isMissing(found)) return found;
  const place = { ...found, account: accountOf() };
  let template: Promise<string> | undefined;
  let running = 0;
  return {
    async start(options = {}) {
      running++;
      template ??= makeTemplate(place);
      const folder = await makeFolder('postgresql-', place.account);
      await succeed(place, '/bin/cp', ['-a', await template, join(folder, 'data')]);
      const server = await startServer(place, folder, options);
      return {
        ...server,
        async stop() {
          await server.stop();
          if (--running > 0 || template === undefined) return;
          const unused = dirname(await template);
          template = undefined;
          await rm(unused, { recursive: true, force: true });
        },
      };
    },
    async startStandby(primary) {
      const folder = await makeFolder('standby-', place.account);
      const data = join(folder, 'data');
      const source = ['-d', `host=${primary.folder} port=${primary.port} user=${ADMIN}`];
      const how = ['-D', data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'];
      await succeed(place, 'pg_basebackup', [...source, ...how]);
      const standby = await startServer(place, folder, {});
      const isStreaming = `select 1 from pg_stat_wal_receiver where status = 'streaming'`;
      for (const late = Date.now() + WAIT_MS; Date.now() < late; await sleep(10)) {
        if ((await standby.sql(isStreaming)).length > 0) return standby;
      }
      await standby.stop();
      throw new Error('the standby does not stream');
    },
  };
}

const UNPACKED = 'usr/lib/postgresql/15/bin';

/** Debian installs each version in its own folder. The newest comes first. */
function installedFolders(): readonly string[] {
  const all = '/usr/lib/postgresql';
  const versions = existsSync(all) ? readdirSync(all).map(Number).filter(Number.isInteger) : [];
  return versions.toSorted((a, b) => b - a).map((version) => `usr/lib/postgresql/${version}/bin`);
}

interface Place {
  readonly bin: string;
  readonly libs: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly account: Account;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Arguments of setpriv. */
  readonly become: readonly string[];
}

function accountOf(): Account {
  const { uid, gid } = userInfo();
  if (uid !== 0) return { uid, gid, become: [] };
  const [daemon] = /^daemon:.*$/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [''];
  const [ownUid, ownGid] = daemon.split(':').slice(2, 4).map(Number) as [number, number];
  return { uid: ownUid, gid: ownGid, become: [`--reuid=${ownUid}`, `--regid=${ownGid}`, '--clear-groups'] };
}

const folders = new Set<string>();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function makeFolder(prefix: string, { uid, gid }: Account): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  folders.add(folder);
  await chown(folder, uid, gid);
  await chmod(folder, 0o755);
  return folder;
}

async function succeed({ bin, env, account }: Place, program: string, args: string[]): Promise<void> {
  const { code, stderr } = await run('setpriv', [...account.become, '--', resolve(bin, program), ...args], { env });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr}`);
}

/** A new cluster takes 1 s. A copy of it takes 0.1 s. */
async function makeTemplate(place: Place): Promise<string> {
  const data = join(await makeFolder('initdb-', place.account), 'data');
  await succeed(place, 'initdb', [
    '-D',
    data,
    '-U',
    ADMIN,
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ]);
  return data;
}

async function startServer(place: Place, folder: string, options: StartOptions): Promise<Postgresql> {
  const { bin, libs, account } = place;
  const data = join(folder, 'data');
  const tcp = options.tcp ?? false;
  const port = await freePort(); // the socket's name has it too
  const settings = {
    listen_addresses: tcp ? '127.0.0.1' : '',
    port: String(port),
    unix_socket_directories: folder,
    ...(libs === null ? {} : { dynamic_library_path: `$libdir:${libs}` }), // a standby loads a library from there
    fsync: 'off',
    shared_buffers: '16MB',
    max_connections: '50',
    wal_receiver_status_interval: '1',
    wal_retrieve_retry_interval: '100ms',
    ...(tcp ? { ssl: 'on', ssl_cert_file: join(folder, 'cert.pem'), ssl_key_file: join(folder, 'key.pem') } : {}),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
  if (tcp) {
    await makeCertificate(folder, account);
    const rules = ['local all all trust', 'local replication all trust', 'hostssl all all 127.0.0.1/32 scram-sha-256'];
    await writeFile(join(data, 'pg_hba.conf'), rules.map((rule) => `${rule}\n`).join(''));
  }

  let child: ChildProcess | null = null;
  let said = '';
  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ host: folder, port, user: ADMIN, database, connectionTimeoutMillis: WAIT_MS });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const sql: Postgresql['sql'] = async (text, values, database = 'postgres') => {
    const client = await connect(database);
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, values as unknown[] | undefined);
      return rows;
    } finally {
      await client.end();
    }
  };
  const spawnServer = (): ChildProcess => {
    const privileges = [...account.become, '--pdeathsig=QUIT', '--'];
    const started = spawn('setpriv', [...privileges, join(bin, 'postgres'), '-D', data], {
      env: { PATH: process.env['PATH'] ?? '', ...place.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    started.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-5_000)));
    return started.on('exit', () => (child = null));
  };
  const launch = async (): Promise<void> => {
    const late = Date.now() + WAIT_MS;
    for (;;) {
      child ??= spawnServer();
      try {
        await sql('select 1');
        return;
      } catch (cause) {
        // Right after a crash, its last processes may still hold the shared memory.
        if (Date.now() > late) throw new Error(`PostgreSQL does not start: ${said}`, { cause });
      }
      await sleep(20);
    }
  };
  const pids = (): readonly number[] => {
    const pid = child?.pid;
    if (pid === undefined) return [];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
    return [pid, ...children.map(Number)];
  };
  const signal = (name: NodeJS.Signals, to: readonly number[]): void => {
    for (const pid of to) {
      try {
        process.kill(pid, name);
      } catch {
        // it has ended by itself
      }
    }
  };
  const end = async (how: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (ending === null) return;
    const all = pids();
    const exited = once(ending, 'exit');
    signal(how, how === 'SIGKILL' ? all : [ending.pid as number]);
    signal('SIGCONT', all);
    await exited;
  };

  try {
    await launch();
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  return {
    folder,
    port,
    ca: tcp ? await readFile(join(folder, 'ca.pem'), 'utf8') : '',
    url: (database = 'postgres', user = ADMIN) => `postgresql://${user}@localhost:${port}/${database}?host=${folder}`,
    tcpUrl: (user, database = 'postgres') => `postgresql://${user}@localhost:${port}/${database}`,
    sql,
    async kill(what = 'all') {
      if (what === 'all') return await end('SIGKILL');
      const ending = child as ChildProcess;
      const exited = once(ending, 'exit');
      ending.kill('SIGKILL');
      await exited;
    },
    hang: () => {
      if (child?.pid !== undefined) signal('SIGSTOP', [child.pid]); // so that it starts no new ones
      signal('SIGSTOP', pids());
    },
    resume: () => signal('SIGCONT', pids()),
    async restart(how) {
      if (how !== undefined) await end(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await launch();
    },
    promote: async () => {
      await sql('select pg_promote(true)');
    },
    async stop() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
      folders.delete(folder);
    },
  };
}

/** An authority, and its certificate for localhost. */
async function makeCertificate(folder: string, { uid, gid }: Account): Promise<void> {
  const at = (name: string): string => join(folder, name);
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const openssl = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await run('openssl', args);
    if (code !== 0) throw new Error(stderr);
  };
  await openssl(...fresh, '-subj', '/CN=authority', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', 'subjectAltName=DNS:localhost'];
  const server = ['-subj', '/CN=localhost', '-addext', 'basicConstraints=critical,CA:FALSE'];
  await openssl(...fresh, ...signed, ...server, '-keyout', at('key.pem'), '-out', at('cert.pem'));
  for (const name of ['key.pem', 'cert.pem']) await chown(at(name), uid, gid);
  await chmod(at('key.pem'), 0o600);
}
