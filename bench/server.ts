import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openClient } from '../src/socket/client.ts';
import { CYRUS_MAP, addressOf } from './request.ts';
import { type Scratch, ended } from './scratch.ts';

/** A server under load. */
export interface Server {
  readonly path: string;
  readonly pid: number | null;
  /** From its start as a process to its first OK. */
  readonly startMs: number;
  close(): Promise<void>;
}

/** Where a daemon of ours finds its mailboxes. */
export type StoreSettings =
  | { readonly driver: 'memory'; readonly mailboxes: number }
  | { readonly driver: 'embedded'; readonly path: string }
  /** The lines of a store, as TOML. */
  | { readonly driver: 'other'; readonly lines: readonly string[] };

const START_MS = 20_000;
const SHOWN_CHARS = 2_000; // of a log that says the same at every try
const RETRY_MS = 1;

let serverCount = 0;

/** The bare node:net server. */
export async function startFloor(scratch: Scratch): Promise<Server> {
  const path = join(scratch.folder, `${++serverCount}.sock`);
  const startedMs = performance.now();
  const child = scratch.fork(fileURLToPath(new URL('floor.js', import.meta.url)), [path]);
  await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', reject);
  });
  return serverOf(child, path, performance.now() - startedMs);
}

/** The built daemon, at log level info into a file, with a map for all names; `settings` may say more, or otherwise, as TOML. */
export async function startDaemon(
  scratch: Scratch,
  main: string,
  store: StoreSettings,
  settings: readonly string[] = [],
): Promise<Server> {
  const name = join(scratch.folder, String(++serverCount));
  const path = `${name}.sock`;
  writeFileSync(`${name}.toml`, configOf(path, store, settings));
  const log = openSync(`${name}.log`, 'w');
  const startedMs = performance.now();
  const args = [main, 'serve', '--config', `${name}.toml`];
  const child = scratch.spawn(process.execPath, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  while (!(await answersOk(path))) {
    if (child.exitCode !== null || performance.now() - startedMs > START_MS) {
      throw new Error(`${main} gave no OK: ${readFileSync(`${name}.log`, 'utf8').slice(0, SHOWN_CHARS)}`);
    }
    await sleep(RETRY_MS);
  }
  return serverOf(child, path, performance.now() - startedMs);
}

function serverOf(child: ChildProcess, path: string, startMs: number): Server {
  return {
    path,
    pid: child.pid as number,
    startMs,
    async close() {
      child.kill('SIGINT');
      await ended(child);
    },
  };
}

async function answersOk(path: string): Promise<boolean> {
  try {
    const client = await openClient(
      { kind: 'unix', path },
      { timeoutMs: START_MS, protocol: 'netstring', replyBytes: 1_000 },
    );
    const reply = await client.ask(CYRUS_MAP, addressOf(0));
    client.close();
    return reply.startsWith('OK ');
  } catch {
    return false; // not yet
  }
}

function configOf(path: string, store: StoreSettings, settings: readonly string[]): string {
  const lines = ['[listen.mta]', `path = ${JSON.stringify(path)}`, '', '[store.local]'];
  if (store.driver === 'other') {
    lines.push(...store.lines);
  } else if (store.driver === 'embedded') {
    lines.push('driver = "embedded"', `path = ${JSON.stringify(store.path)}`);
  } else {
    lines.push('driver = "memory"');
    const addresses = Array.from({ length: store.mailboxes }, (_, number) => `  "${addressOf(number)}",`);
    lines.push('mailboxes = [', ...addresses, ']');
  }
  return [...lines, '', '[map."*"]', '', ...settings, ''].join('\n');
}
