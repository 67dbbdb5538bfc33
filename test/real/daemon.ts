// Runs the built smmap: the daemon in a throw-away folder, and its commands.

import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { createEmpty } from '../../src/store/driver/embedded/whole.ts';
import { type Input, type Options, type Result, run } from './command.ts';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const WAIT_MS = 20_000;

/** A line of the log. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

export interface Daemon {
  readonly pid: number;
  readonly folder: string;
  /** The socket's path; empty where it listens on TCP only. */
  readonly socket: string;
  /** `unix:PATH` and `tcp:HOST:PORT`, as it said itself. */
  readonly listeners: readonly string[];
  /** All of the log up to now. */
  readonly log: readonly Event[];
  /** Waits for the first line of this event that `suits`. */
  logged(event: string, suits?: (line: Event) => boolean): Promise<Event>;
  /** Sends a signal, and waits for no more than that. */
  signal(name: NodeJS.Signals): void;
  /** Sends a signal (SIGTERM) and resolves to the exit code, 128 + n where signal n ended it. */
  stop(name?: NodeJS.Signals): Promise<number>;
  /** The exit code, 128 + n where signal n ended it, once it has ended. */
  readonly exited: Promise<number>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Kills it where it still runs, and removes the folder that was made for it. */
  end(): Promise<void>;
}

export interface ServeOptions {
  /** An existing folder, which stays; otherwise one is made and removed. */
  readonly folder?: string;
  /** A configuration in TOML; without one it listens on `smmap.sock` and has an empty `store`, both in its folder. */
  readonly config?: string;
  /** Whether its store is made, if it has no configuration (true). */
  readonly makesStore?: boolean;
  /** More arguments of `smmap serve`. */
  readonly args?: readonly string[];
  /** A program, with its arguments, that starts the daemon. */
  readonly under?: readonly string[];
  /** Another main.js than the built one. */
  readonly main?: string;
  /** Is told each line of the log when it comes. */
  readonly onLine?: (line: Event) => void;
}

/** A folder that is removed when the running test ends. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'smmap-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of the built program, with links to its packages, but without some, and with copies of others. */
export async function copyProgram(without = /^$/, copied = /^$/): Promise<string> {
  const folder = await makeFolder();
  const root = dirname(dirname(MAIN));
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (without.test(name)) continue;
    const [from, to] = [join(root, 'node_modules', name), join(folder, 'node_modules', name)];
    if (copied.test(name)) cpSync(from, to, { recursive: true });
    else symlinkSync(from, to);
  }
  return join(folder, 'dist/main.js');
}

/** Runs a command of the built smmap to its end. */
export function cli(args: readonly string[], stdin: Input = '', options: Options = {}): Promise<Result> {
  if (!existsSync(MAIN)) throw new Error('there is no dist/main.js: run npm run build');
  const env = { SMMAP_CONFIG: '/dev/null', ...options.env }; // not the configuration of the machine that tests
  return run(process.execPath, [MAIN, ...args], { ...options, env, stdin });
}

/** Adds mailboxes, given in the lines of an import, to the store in a folder, which is made if there is none. */
export async function fill(store: string, lines: readonly string[]): Promise<void> {
  await createEmpty(store);
  const { code, stderr } = await cli(['mailbox', 'import', '--strict', '--store', store, '-'], `${lines.join('\n')}\n`);
  if (code !== 0) throw new Error(`import failed with ${code}: ${stderr}`);
}

/** A daemon that ends with the running test, even where that fails before it listens. */
export function serve(options: ServeOptions = {}): Promise<Daemon> {
  return startDaemon(options, onTestFinished);
}

/**
 * Starts the built daemon, and resolves once it listens; rejects with what it said where it ends instead. What ends it
 * is also given to `spawned` at once.
 */
export async function startDaemon(
  options: ServeOptions = {},
  spawned: (end: () => Promise<void>) => void = () => {},
): Promise<Daemon> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'smmap-')));
  const args = await argumentsFor(folder, options);
  const [file, ...before] = [...(options.under ?? []), process.execPath];
  const child = spawn(file, [...before, options.main ?? MAIN, 'serve', ...args], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.on('exit', killAtExit);

  const log: Event[] = [];
  const said = collect(child, (line) => {
    log.push(line);
    options.onLine?.(line);
  });
  let exitCode: number | null = null;
  const exited = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('exit', killAtExit);
      exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve(exitCode);
    });
  });
  const logged = async (event: string, suits: (line: Event) => boolean = () => true): Promise<Event> => {
    for (const late = Date.now() + WAIT_MS; ; await sleep(5)) {
      const line = log.find((each) => each.event === event && suits(each));
      if (line !== undefined) return line;
      if (exitCode !== null) throw new Error(`ended with ${exitCode}: ${said()}`);
      if (Date.now() > late) throw new Error(`no line ${event} within ${WAIT_MS} ms`);
    }
  };
  const end = async (): Promise<void> => {
    if (exitCode === null) child.kill('SIGKILL');
    await exited;
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };

  spawned(end);
  let listeners: readonly string[];
  try {
    listeners = (await logged('started'))['listeners'] as string[];
  } catch (error) {
    await end();
    throw error;
  }
  return {
    pid: child.pid as number,
    folder,
    socket: listeners.find((where) => where.startsWith('unix:'))?.slice('unix:'.length) ?? '',
    listeners,
    log,
    logged,
    signal: (name) => void child.kill(name),
    exited,
    stop(name = 'SIGTERM') {
      child.kill(name);
      return exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    end,
  };
}

async function argumentsFor(folder: string, { config, makesStore = true, args = [] }: ServeOptions): Promise<string[]> {
  if (config === undefined) {
    if (makesStore) await createEmpty(join(folder, 'store'));
    return ['--listen', `unix:${join(folder, 'smmap.sock')}`, '--store', join(folder, 'store'), ...args];
  }
  const file = join(folder, 'smmap.toml');
  await writeFile(file, config);
  return ['--config', file, ...args];
}

/** Reads the log from standard output; what it gives back is all else that was said. */
function collect(child: ChildProcess, logged: (line: Event) => void): () => string {
  let rest = '';
  let other = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      if (line.startsWith('{')) logged(JSON.parse(line) as Event);
      else other += `${line}\n`;
    }
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (other += text));
  return () => other + rest;
}
