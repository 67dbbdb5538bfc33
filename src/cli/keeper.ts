import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** systemd/smmap-keeper: the shell script that is the main process of smmap.service. It started this process, its worker. */
export interface Keeper {
  readonly pid: number;
  /** Where the control socket is if the configuration does not say so. */
  readonly control: string;
  /** Resolves if it ends before its worker serves, for example because of a stop during the start. */
  readonly abandoned: Promise<void>;
  /**
   * Tells systemd and the worker before this one that this one serves now. Resolves when a later worker serves, or when no
   * keeper has run for some seconds: then there will be no later one, and this was a stop. Until then it tells systemd again
   * and again that this process is well, with `status`.
   */
  serving(status: Status): Promise<'replaced' | 'abandoned'>;
  /** Tells systemd the present status now. */
  tell(): void;
  /** Makes the worker that serves now close its TCP ports for a moment. False if there is none. */
  borrowPorts(): boolean;
  /** Ends the keeper of a worker that serves, so that systemd starts the next one. False if it has ended already. */
  dismiss(): boolean;
}

/** What a worker says of itself. */
export interface Status {
  /** One line for `systemctl status`. */
  text(): string;
  /** Where its control socket is, as `unix:PATH`. */
  control(): string;
}

const LOOK_MS = 100;
const ALONE_MS = 8_000; // longer than RestartSec= of the unit, and longer than a shell takes to start on a busy machine
const STATUS = 'status'; // a file of two lines: the status, and the control socket
const PARTS = 3; // of the time of WatchdogSec=: a worker that is well tells so three times

/** The keeper that the environment names. Null if this process has none. */
export function findKeeper(environment: NodeJS.ProcessEnv): Keeper | null {
  const { SMMAP_KEEPER, WATCHDOG_USEC } = environment;
  const folder = folderOf(environment);
  if (SMMAP_KEEPER === undefined || folder === null) return null;
  const pid = Number(SMMAP_KEEPER);
  const [workerFile, keeperFile] = [join(folder, 'worker'), join(folder, 'keeper')];
  const lives = (): boolean => process.ppid === pid;
  const every = (look: () => void): void => void setInterval(look, LOOK_MS).unref();
  let serves: Status | null = null;
  /** A worker whose keeper has ended says nothing: systemd would take it for a word of the next one. */
  const tell = (): void => {
    if (serves === null || !lives()) return;
    try {
      write(join(folder, STATUS), `${serves.text()}\n${serves.control()}\n`);
    } catch {
      // The folder is full. The signal counts.
    }
    signal(pid, 'SIGUSR1');
  };
  return {
    pid,
    control: join(folder, 'smmap.sock.control'),
    abandoned: new Promise((resolve) => every(() => serves !== null || lives() || resolve())),
    serving(status) {
      serves = status;
      write(workerFile, `${process.pid} ${pid}\n`);
      tell();
      const watchdogMs = Number(WATCHDOG_USEC ?? 0) / 1_000;
      if (watchdogMs > 0) setInterval(tell, watchdogMs / PARTS).unref();
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
    tell,
    borrowPorts: () => signal(readPid(workerFile), 'SIGUSR2'),
    dismiss: () => serves !== null && lives() && signal(pid, 'SIGTERM'),
  };
}

/** The control socket of the worker that serves, for a command of its service. Null outside of a service. */
export function controlOfService(environment: NodeJS.ProcessEnv): string | null {
  const folder = folderOf(environment);
  if (folder === null) return null;
  try {
    return readFileSync(join(folder, STATUS), 'utf8').split('\n')[1] || null;
  } catch {
    return null;
  }
}

/** The folder of the service for its sockets. Null outside of a service. */
function folderOf({ RUNTIME_DIRECTORY }: NodeJS.ProcessEnv): string | null {
  return RUNTIME_DIRECTORY?.split(':')[0] ?? null;
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
