// Runs real Redis servers, Sentinels and clusters in throw-away folders.

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { foldLocal } from '../../src/address/address.ts';
import type { StoredRecord } from '../../src/record/record.ts';
import type { QueryName } from '../../src/store/asked.ts';
import { type WrittenLayout, parseLayout } from '../../src/store/driver/redis/layout.ts';
import type { Layouts } from '../../src/store/driver/redis/plan.ts';
import { run } from '../real/command.ts';
import { type Missing, findPrograms, isMissing } from '../real/part.ts';
import { freePort } from './port.ts';

const WAIT_MS = 20_000;

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Runs one command as its administrator. Rejects with the error of the server. */
  cli(name: string, ...words: readonly string[]): Promise<unknown>;
  /** Runs many, in their order. */
  all(commands: readonly (readonly string[])[]): Promise<void>;
  /** SIGKILL. Keeps only data that `settings` save. */
  kill(): Promise<void>;
  /** Starts it after `kill`. `settings` are added for all later starts too. */
  restart(settings?: readonly string[]): Promise<void>;
  hang(): void;
  resume(): void;
}

export interface StartOptions {
  /** Arguments of redis-server. Nothing is kept on disk by default. */
  readonly settings?: readonly string[];
  /** Files of its folder, by name. `settings` use these names. */
  readonly files?: Readonly<Record<string, string>>;
  /** Only with TLS: its certificate and key have the names cert.pem and key.pem, and its authority ca.pem. */
  readonly tls?: boolean;
}

export interface Single extends Server {
  stop(): Promise<void>;
}

export interface Group {
  readonly servers: readonly Server[];
  stop(): Promise<void>;
}

export interface Watched extends Group {
  readonly name: string;
  readonly sentinels: readonly Server[];
  /** The master, as the Sentinels report it. */
  master(): Promise<Server>;
}

export interface Cluster extends Group {
  /** The masters of the first, second and third part of the slots. `replicas` are theirs, in the same order. */
  readonly masters: readonly Server[];
  readonly replicas: readonly Server[];
  /** Waits until a node says that the cluster is well, and a slot has another master than that. */
  failedOver(from: Server): Promise<void>;
}

export interface Installation {
  start(options?: StartOptions): Promise<Single>;
  /** Three Sentinels, a master and two replicas. A master that does not answer for 1 s is replaced. */
  startSentinels(): Promise<Watched>;
  /** Three masters, each with `replicas` of its own. */
  startCluster(options: { readonly replicas: 0 | 1; readonly settings?: readonly string[] }): Promise<Cluster>;
}

/** If root starts it, it runs as the user daemon. It needs version 7: older ones have no `--cluster-port`. */
export async function findRedis(parts: string): Promise<Installation | Missing> {
  const name = 'Redis';
  const found = findPrograms(name, parts, 'redis', ['usr/bin', 'usr/local/bin'], ['redis-server']);
  if (isMissing(found)) return found;
  const { bin, env } = found;
  const { code, stdout, stderr } = await run(join(bin, 'redis-server'), ['--version'], { env, limit: 30_000 });
  if (code !== 0) return { name, missing: `redis-server does not work (${code}): ${stderr.trim()}` };
  const [, major] = / v=(\d+)\./.exec(stdout) ?? [];
  if (Number(major) < 7) return { name, missing: `the tests need Redis 7 or newer; ${bin} has ${stdout.trim()}` };
  const world = (): World => createWorld(bin, env);
  return {
    async start(options) {
      const made = world();
      return orStop(made.stop, async () => ({ ...(await made.serve(options)), stop: made.stop }));
    },
    async startSentinels() {
      const made = world();
      return orStop(made.stop, () => startSentinels(made));
    },
    async startCluster(options) {
      const made = world();
      return orStop(made.stop, () => startCluster(made, options));
    },
  };
}

async function orStop<T>(stop: () => Promise<void>, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await stop();
    throw error;
  }
}

interface World {
  readonly serve: (options?: StartOptions, sentinel?: string) => Promise<Server>;
  readonly stop: () => Promise<void>;
}

function createWorld(bin: string, env: Readonly<Record<string, string>>): World {
  const folders: string[] = [];
  const ends: (() => Promise<void>)[] = [];
  const children = new Set<ChildProcess>();
  const clean = (): void => {
    for (const child of children) child.kill('SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', clean);

  const serve = async ({ settings = [], files = {}, tls = false }: StartOptions = {}, sentinel?: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    folders.push(folder);
    const become = await ownerOf(folder);
    const write = async (name: string, text: string): Promise<void> => {
      await writeFile(join(folder, name), text);
      if (become.length > 0) await chown(join(folder, name), OWNER, OWNER);
    };
    for (const [name, text] of Object.entries(files)) await write(name, text);
    const port = await freePort();
    const bus = await freePort();
    const more = [...settings];
    const listen = tls
      ? [
          '--port',
          '0',
          '--tls-port',
          `${port}`,
          '--tls-cert-file',
          'cert.pem',
          '--tls-key-file',
          'key.pem',
          '--tls-ca-cert-file',
          'ca.pem',
        ]
      : ['--port', `${port}`];
    const common = ['--bind', '127.0.0.1', '--dir', folder, '--unixsocket', join(folder, 'sock'), ...listen];
    if (sentinel !== undefined) await write('sentinel.conf', sentinel);
    const plain = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0', '--cluster-port', `${bus}`];
    let child: ChildProcess | null = null;
    let admin: Redis | null = null;

    const end = async (): Promise<void> => {
      admin?.disconnect();
      admin = null;
      const ending = child;
      if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
      ending.kill('SIGKILL');
      await ended;
      children.delete(ending);
    };
    ends.push(end);
    const begin = async (): Promise<void> => {
      const mode = sentinel === undefined ? plain : ['sentinel.conf', '--sentinel'];
      const args = [join(bin, 'redis-server'), ...mode, ...common, ...more];
      const started = spawn('setpriv', [...become, '--pdeathsig=KILL', '--', ...args], {
        env: { PATH: process.env['PATH'] ?? '', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: folder,
      });
      child = started;
      children.add(started);
      let said = '';
      started.stdout.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
      started.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
      started.on('error', (error) => (said += error.message));
      const late = Date.now() + WAIT_MS;
      admin = new Redis({
        path: join(folder, 'sock'),
        retryStrategy: () => 20,
        maxRetriesPerRequest: null,
        disableClientInfo: true,
      });
      admin.on('error', () => {});
      const ready = admin.ping().catch(() => {}); // a replica without its master answers with an error
      for (;;) {
        const up = await Promise.race([ready.then(() => true), sleep(50, false)]);
        if (up) return;
        if (started.exitCode !== null || Date.now() > late) throw new Error(`Redis does not start: ${said}`);
      }
    };
    const client = (): Redis => {
      if (admin === null) throw new Error('the server was killed');
      return admin;
    };
    await begin();
    const server: Server = {
      host: '127.0.0.1',
      port,
      url: `redis://127.0.0.1:${port}`,
      cli: (name, ...words) => client().call(name, ...words),
      async all(commands) {
        const results = await client()
          .pipeline(commands.map(([name = '', ...words]) => ['call', name, ...words]))
          .exec();
        for (const [error] of results ?? []) if (error !== null) throw error;
      },
      kill: end,
      async restart(added = []) {
        more.push(...added);
        await begin();
      },
      hang: () => void child?.kill('SIGSTOP'),
      resume: () => void child?.kill('SIGCONT'),
    };
    return server;
  };
  return {
    serve,
    async stop() {
      for (const end of ends) await end();
      process.off('exit', clean);
      for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function startSentinels({ serve, stop }: World): Promise<Watched> {
  const name = 'mail';
  const first = await serve();
  const following = ['--replicaof', first.host, `${first.port}`];
  const servers = [first, await serve({ settings: following }), await serve({ settings: following })];
  const conf = `sentinel monitor ${name} ${first.host} ${first.port} 2
sentinel down-after-milliseconds ${name} 1000
sentinel failover-timeout ${name} 4000
sentinel parallel-syncs ${name} 2
`;
  const sentinels: Server[] = [];
  for (let at = 0; at < 3; at++) sentinels.push(await serve({}, conf));
  await until('the Sentinels know all', async () => {
    const states = await Promise.all(sentinels.map((each) => each.cli('sentinel', 'master', name)));
    return states.every((state) => {
      const words = state as string[];
      const value = (field: string) => words[words.indexOf(field) + 1];
      return value('num-slaves') === '2' && value('num-other-sentinels') === '2' && value('flags') === 'master';
    });
  });
  return {
    name,
    servers,
    sentinels,
    async master() {
      const [, port] = (await (sentinels[0] as Server).cli('sentinel', 'get-master-addr-by-name', name)) as string[];
      return servers.find((server) => `${server.port}` === port) as Server;
    },
    stop,
  };
}

async function startCluster(
  { serve, stop }: World,
  { replicas, settings = [] }: { readonly replicas: 0 | 1; readonly settings?: readonly string[] },
): Promise<Cluster> {
  const node = (): Promise<Server> =>
    serve({ settings: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...settings] });
  const masters = await Promise.all([node(), node(), node()]);
  const followers = replicas === 0 ? [] : await Promise.all([node(), node(), node()]);
  const servers = [...masters, ...followers];
  const [first] = masters;
  const ranges = [
    [0, 5460],
    [5461, 10_922],
    [10_923, 16_383],
  ] as const;
  await Promise.all(
    masters.map(async (master, at) => {
      await master.cli('cluster', 'addslotsrange', ...(ranges[at] as readonly [number, number]).map(String));
      await master.cli('cluster', 'set-config-epoch', `${at + 1}`);
    }),
  );
  for (const other of servers.slice(1)) {
    const bus = ((await other.cli('config', 'get', 'cluster-port')) as string[])[1] as string;
    await first.cli('cluster', 'meet', other.host, `${other.port}`, bus);
  }
  const known = async (server: Server): Promise<boolean> =>
    String(await server.cli('cluster', 'info')).includes(`cluster_known_nodes:${servers.length}`);
  await until('all nodes know each other', async () => (await Promise.all(servers.map(known))).every(Boolean));
  for (const [at, follower] of followers.entries()) {
    const id = (await (masters[at] as Server).cli('cluster', 'myid')) as string;
    await until('a replica follows', () =>
      follower.cli('cluster', 'replicate', id).then(
        () => true,
        () => false,
      ),
    );
  }
  const well = async (server: Server): Promise<boolean> =>
    String(await server.cli('cluster', 'info')).includes('cluster_state:ok');
  await until('the cluster is well', async () => (await Promise.all(servers.map(well))).every(Boolean));
  if (replicas === 1) {
    await until('the replicas are in step', async () => {
      const states = await Promise.all(followers.map((each) => each.cli('info', 'replication')));
      return states.every((state) => String(state).includes('master_link_status:up'));
    });
  }
  return {
    servers,
    masters,
    replicas: followers,
    async failedOver(from) {
      const others = servers.filter((server) => server !== from);
      await until('the cluster has failed over', async () => {
        const views = await Promise.all(others.map((server) => server.cli('cluster', 'slots')));
        const owners = views.map((view) =>
          (view as [number, number, [string, number]][]).map(([, , owner]) => owner[1]),
        );
        const states = await Promise.all(others.map(well));
        return states.every(Boolean) && owners.every((ports) => !ports.includes(from.port));
      });
    },
    stop,
  };
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const late = Date.now() + WAIT_MS;
  while (!(await holds())) {
    if (Date.now() > late) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
    await sleep(20);
  }
}

const OWNER = 1; // daemon

async function ownerOf(folder: string): Promise<readonly string[]> {
  await chmod(folder, 0o755);
  if (userInfo().uid !== 0) return [];
  await chown(folder, OWNER, OWNER);
  return [`--reuid=${OWNER}`, `--regid=${OWNER}`, '--clear-groups'];
}

export function layoutsOf(written: Readonly<Partial<Record<QueryName, WrittenLayout>>>): Layouts {
  return Object.fromEntries(
    Object.entries(written).map(([name, layout]) => {
      const parsed = parseLayout(name as QueryName, layout);
      if ('flaw' in parsed) throw new Error(`${name} ${parsed.flaw}`);
      return [name, parsed];
    }),
  );
}

/** A layout for all questions: a key for each mailbox, and hashes for the others. */
export const KEYS = {
  mailbox: { key: 'mailbox:{{{address}}}', as: 'hash' },
  folder: { set: 'folders:{{{address}}}', member: '{detail}' },
  alias: { hash: 'aliases', field: '{address}' },
  domain: { hash: 'domains', field: '{domain}' },
  key: { hash: 'table:{table}', field: '{key}' },
} as const satisfies Partial<Record<QueryName, WrittenLayout>>;

/** The commands that write records into KEYS; names are folded, as smmap asks for them. */
export function commandsFor(records: readonly StoredRecord[]): readonly (readonly string[])[] {
  const withMailboxes = new Set(records.flatMap((record) => (record.about === 'mailbox' ? [record.domain] : [])));
  const written = new Map(
    records.flatMap((record) => (record.about === 'domain' ? [[record.domain, record.class]] : [])),
  );
  const classes = [...new Set([...withMailboxes, ...written.keys()])].map((domain) => {
    const found = written.get(domain);
    return [
      'hset',
      'domains',
      domain,
      found === undefined || (found === 'alias' && withMailboxes.has(domain)) ? 'mailbox' : found,
    ];
  });
  return [
    ...classes,
    ...records.flatMap((record): string[][] => {
      if (record.about === 'domain') return [];
      if (record.about === 'key') return [['hset', `table:${record.table}`, foldLocal(record.key), record.value]];
      const address = `${foldLocal(record.local)}@${record.domain}`;
      if (record.about === 'alias') return [['hset', 'aliases', address, record.targets.join(', ')]];
      return [
        ['hset', `mailbox:{${address}}`, 'value', record.value, 'state', record.state],
        ...record.folders.map((folder) => ['sadd', `folders:{${address}}`, folder]),
      ];
    }),
  ];
}
