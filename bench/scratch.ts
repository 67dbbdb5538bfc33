import { type ChildProcess, type SpawnOptions, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own and the processes of this run; all of it is gone at the end, however that comes. */
export interface Scratch {
  readonly folder: string;
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** A Node process with a channel to this one, at whose end it has to end itself. */
  fork(file: string, args: readonly string[]): ChildProcess;
  close(): void;
}

/** Also cleans up at the signals that end a run. */
export function openScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'smmap-bench-')); // short, since sockets are made in it
  const children = new Set<ChildProcess>();
  const remember = (child: ChildProcess): ChildProcess => {
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };
  const close = (): void => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', close);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  }
  return {
    folder,
    spawn: (command, args, options) => remember(spawn(command, args, options)),
    fork: (file, args) => remember(fork(file, args)),
    close,
  };
}

/** Waits for a child's end and gives its exit code; null where a signal ended it. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}
