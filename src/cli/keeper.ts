import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** systemd/smmap-keeper: the shell script that is the main process of smmap.service. It started this process, its worker. */
export interface Keeper {
  readonly pid: number;
  /** Resolves if it ends before its worker serves, for example because of a stop during the start. */
  readonly abandoned: Promise<void>;
  /**
   * Tells systemd (by its ExecStartPost) and the worker before this one that this one serves now. Resolves when a later worker
   * serves, or when no keeper has run for some seconds: then there will be no later one, and this was a stop.
   */
  serving(): Promise<'replaced' | 'abandoned'>;
  /** Makes the worker that serves now close its TCP ports for a moment. False if there is none. */
  borrowPorts(): boolean;
  /** Ends the keeper of a worker that serves, so that systemd starts the next one. False if it has ended already. */
  dismiss(): boolean;
}

const LOOK_MS = 100;
const ALONE_MS = 8_000; // longer than RestartSec= of the unit, and longer than a shell takes to start on a busy machine

/** The keeper that the environment names. Null if this process has none. */
export function findKeeper(environment: NodeJS.ProcessEnv): Keeper | null {
  const { SMMAP_KEEPER, RUNTIME_DIRECTORY } = environment;
  if (SMMAP_KEEPER === undefined || RUNTIME_DIRECTORY === undefined) return null;
  const pid = Number(SMMAP_KEEPER);
  const [folder] = RUNTIME_DIRECTORY.split(':') as [string];
  const [workerFile, keeperFile] = [join(folder, 'worker'), join(folder, 'keeper')];
  const lives = (): boolean => process.ppid === pid;
  const every = (look: () => void): void => void setInterval(look, LOOK_MS).unref();
  let serves = false;
  return {
    pid,
    abandoned: new Promise((resolve) => every(() => serves || lives() || resolve())),
    serving() {
      serves = true;
      write(workerFile, `${process.pid} ${pid}\n`);
      let seenAt = performance.now();
      return new Promise((resolve) =>
        every(() => {
          const now = readPid(workerFile);
          if (now !== null && now !== process.pid) resolve('replaced');
          if (lives() || signal(readPid(keeperFile), 0)) seenAt = performance.now();
          else if (performance.now() - seenAt > ALONE_MS) resolve('abandoned');
        }),
      );
    },
    borrowPorts: () => signal(readPid(workerFile), 'SIGUSR2'),
    dismiss: () => serves && lives() && signal(pid, 'SIGTERM'),
  };
}

/** Writes a file in one step, because others read it. */
function write(file: string, text: string): void {
  const beside = `${file}.${process.pid}`;
  writeFileSync(beside, text);
  renameSync(beside, file);
}

/** The first number in a file. Null if there is none, for example while a shell writes it. */
function readPid(file: string): number | null {
  try {
    return Number.parseInt(readFileSync(file, 'latin1'), 10) || null;
  } catch {
    return null;
  }
}

/** Sends a signal; 0 only checks that the process exists. False if it does not, or belongs to another user. */
function signal(pid: number | null, name: NodeJS.Signals | 0): boolean {
  try {
    return pid !== null && process.kill(pid, name);
  } catch {
    return false;
  }
}
