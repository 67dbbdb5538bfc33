import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../src/endpoint.ts';
import { openClient } from '../src/socket/client.ts';
import { type Build, mainOf } from './bench.ts';
import type { DialectName } from './dialect.ts';
import { type Scratch, ended } from './processes.ts';
import { MAP, addressOf } from './questions.ts';

/** A server that the load can ask. */
export interface Server {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Null: it is asked by the load as a bare client. */
  readonly pid: number | null;
  readonly dialect: DialectName;
  /** From the start of the process to its first OK. */
  readonly startMs: number;
  close(): Promise<void>;
}

const START_MS = 20_000;
const RETRY_MS = 1;
const CLIENT = { timeoutMs: START_MS, protocol: 'netstring', replyBytes: 1_000 } as const;
const WARMING = 50; // connections
const COMPILED = 3_000; // questions; a daemon that was not asked so much needs several times the CPU for each
const LOG_CHARS = 2_000; // of a log that says the same again and again

/** A server that is a process of the bench. */
export interface Daemon extends Server {
  readonly pid: number;
  /** Where its configuration is, if it is a daemon of smmap. */
  readonly config: string;
  /** What it has said up to now. */
  log(): string;
}

/** Starts the floor server. */
export async function startFloor(scratch: Scratch): Promise<Server> {
  const path = scratch.path('.sock');
  const startedMs = performance.now();
  const child = scratch.fork('floor.js', [path]);
  await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', reject);
  });
  return serverOf('floor', child, path, performance.now() - startedMs);
}

/**
 * Starts the daemon of a build: `store` are the lines of its store, `more` of the rest of the configuration, as TOML, and
 * `first` the keys that stand before all tables.
 */
export async function startDaemon(
  scratch: Scratch,
  build: Build,
  store: readonly string[],
  more: readonly string[] = [],
  first: readonly string[] = [],
): Promise<Daemon> {
  const path = scratch.path('.sock');
  const config = `${path}.toml`;
  const lines = [...first, '[listen.mta]', `path = "${path}"`, '[store.local]', ...store, '[map."*"]', ...more, ''];
  writeFileSync(config, lines.join('\n'));
  const args = [mainOf(build), 'serve', '--config', config];
  return await startProcess(scratch, build.name, process.execPath, args, path);
}

/** Starts a program whose first argument is the path of its socket. */
export async function startProgram(
  scratch: Scratch,
  name: string,
  program: string,
  args: readonly string[],
): Promise<Daemon> {
  const path = scratch.path('.sock');
  return await startProcess(scratch, name, program, [path, ...args], path);
}

/** Starts a program of this folder whose first argument is the path of its socket. */
export async function startScript(
  scratch: Scratch,
  name: string,
  script: string,
  args: readonly string[],
): Promise<Daemon> {
  const path = scratch.path('.sock');
  const file = fileURLToPath(new URL(script, import.meta.url));
  return await startProcess(scratch, name, process.execPath, [file, path, ...args], path);
}

async function startProcess(
  scratch: Scratch,
  name: string,
  program: string,
  args: readonly string[],
  path: string,
): Promise<Daemon> {
  const log = openSync(logOf(path), 'w');
  const startedMs = performance.now();
  const child = scratch.spawn(program, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  while (!(await answersOk(path))) {
    if (child.exitCode !== null || performance.now() - startedMs > START_MS) {
      throw new Error(`${name} gave no OK: ${readFileSync(logOf(path), 'utf8').slice(0, LOG_CHARS)}`);
    }
    await sleep(RETRY_MS);
  }
  return serverOf(name, child, path, performance.now() - startedMs);
}

/** The log beside a socket. */
function logOf(path: string): string {
  return `${path}.log`;
}

/** A server that is asked without smmap. */
export function bareServer(endpoint: Endpoint, dialect: DialectName): Server {
  return { name: 'bare client', endpoint, pid: null, dialect, startMs: NaN, close: () => Promise.resolve() };
}

function serverOf(name: string, child: ChildProcess, path: string, startMs: number): Daemon {
  return {
    name,
    endpoint: { kind: 'unix', path },
    pid: child.pid as number,
    config: `${path}.toml`,
    dialect: 'socketmap',
    startMs,
    log: () => readFileSync(logOf(path), 'utf8'),
    async close() {
      child.kill('SIGINT');
      await ended(child);
    },
  };
}

/** Asks a daemon once for each of the first mailboxes, so that its cache has them. */
export async function warm(server: Server, mailboxes: number): Promise<void> {
  await askAll(server, mailboxes, mailboxes, WARMING);
}

/** Asks a daemon until V8 has compiled what many connections need, and what one needs: the bare client has long run. */
export async function compile(server: Server, mailboxes: number): Promise<void> {
  await askAll(server, mailboxes, COMPILED, WARMING);
  await askAll(server, mailboxes, COMPILED, 1);
}

async function askAll({ endpoint }: Server, mailboxes: number, questions: number, connections: number): Promise<void> {
  let next = 0;
  const ask = async (): Promise<void> => {
    const client = await openClient(endpoint, CLIENT);
    while (next < questions) await client.ask(MAP, addressOf(next++ % mailboxes));
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, ask));
}

async function answersOk(path: string): Promise<boolean> {
  try {
    const client = await openClient({ kind: 'unix', path }, CLIENT);
    const reply = await client.ask(MAP, addressOf(0));
    client.close();
    return reply.startsWith('OK ');
  } catch {
    return false; // not yet
  }
}
