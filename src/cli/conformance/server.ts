import { type ChildProcess, spawn } from 'node:child_process';
import { lstatSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stoppable } from '../../conformance/bench.ts';
import type { Endpoint } from '../../endpoint.ts';

const TRY_MS = 50;
const START_MS = 20_000;
const END_MS = 5_000;

/** A server that was started for the cases, with all its processes. */
export interface Server extends Stoppable {
  /** Ends what is left of it, and starts it again. Rejects if it does not listen then. */
  restart(): Promise<void>;
  end(): Promise<void>;
}

/** Starts a server by a command of the shell, in a process group of its own. `listens` resolves to null when it is there. */
export async function startServer(
  command: string,
  endpoint: Endpoint,
  listens: () => Promise<string | null>,
): Promise<Server> {
  let child: ChildProcess | null = null;
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child?.pid !== undefined) process.kill(-child.pid, name);
    } catch {} // there is no such process any more
  };
  const kill = (): void => signal('SIGKILL');
  const interrupted = (): never => process.exit(130);
  process.on('exit', kill).on('SIGINT', interrupted).on('SIGTERM', interrupted);

  const start = async (): Promise<void> => {
    const started = spawn('sh', ['-c', command], { detached: true, stdio: 'ignore' });
    child = started;
    const until = performance.now() + START_MS;
    for (let why = await listens(); why !== null; why = await listens()) {
      const hasEnded = started.exitCode !== null || started.signalCode !== null;
      if (hasEnded || performance.now() > until) {
        kill();
        throw new Error(hasEnded ? `it ended with ${started.exitCode ?? started.signalCode}` : why);
      }
      await sleep(TRY_MS);
    }
  };
  const end = async (): Promise<void> => {
    const ending = child;
    if (ending === null) return;
    signal('SIGCONT');
    signal('SIGTERM');
    const until = performance.now() + END_MS;
    while (ending.exitCode === null && ending.signalCode === null && performance.now() < until) await sleep(TRY_MS);
    kill();
    child = null;
    removeSocket(endpoint);
  };
  await start();
  return {
    stop: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async restart() {
      await end();
      await start();
    },
    async end() {
      await end();
      process.off('exit', kill).off('SIGINT', interrupted).off('SIGTERM', interrupted);
    },
  };
}

/** Many a server leaves its socket when it ends, and does not start while it is there. */
function removeSocket(endpoint: Endpoint): void {
  if (endpoint.kind !== 'unix') return;
  try {
    if (lstatSync(endpoint.path).isSocket()) rmSync(endpoint.path);
  } catch {} // the server has removed it
}
