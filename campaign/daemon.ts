// The daemon that is judged: its configuration, and what can befall it.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../test/real/daemon.ts';
import type { Fault, Faults, Target } from './target.ts';

export interface Options {
  readonly folder: string;
  readonly main: string;
  /** The lines of its stores and maps. */
  readonly stores: string;
  readonly workers: number;
  /** The library libfaketime, or null. */
  readonly faketime: string | null;
  /** What is told at once: a process of the daemon gets SIGKILL, until it is gone; or the daemon is told to stop. */
  readonly onKill: () => () => void;
  readonly onStop: () => void;
  /** A process of the daemon logs that it stood still for so long, also if a fault had stopped it. */
  readonly onStall: (forMs: number) => void;
  /** A daemon ended with another exit code than it should have, or wrote of a bug to its log. */
  readonly onCrash: (what: string) => void;
}

export interface Judged extends Target {
  readonly socket: string;
  stop(): Promise<void>;
}

const BROKEN = '[map.mailbox]\nkind = "nonsense"\n';
const TAKEOVER = ['--takeover']; // a daemon that was replaced may have the path again, if the new one was killed at once
const WELL_ENDED = 0;
const KILLED = 137;

export async function startJudged(options: Options): Promise<Judged> {
  const { folder, main, workers, onKill, onStop, onStall, onCrash } = options;
  const file = join(folder, 'smmap.toml');
  const socket = join(folder, 's');
  const clock = join(folder, 'clock');
  writeFileSync(clock, '+0');
  let timeoutMs = 1_500;
  let daemon: Daemon;
  const old = new Set<Promise<void>>();
  const configOf = (level: string): string =>
    `workers = ${workers}\n[log]\nlevel = "${level}"\n[listen.mta]\npath = "${socket}"\n` +
    options.stores.replaceAll('TIMEOUT', String(timeoutMs));
  /** From its start on it logs no refusals: these would be a line for every second answer. */
  const quiet = (): void => {
    writeFileSync(file, configOf('warn'));
    daemon.signal('SIGHUP');
  };
  const start = async (args: readonly string[] = []): Promise<void> => {
    daemon = await startDaemon({
      folder,
      config: configOf('info'),
      main,
      args,
      under: fakingTime(options, clock),
      onLine(line) {
        if (line.event === 'stalled') onStall(Number(line['forMs']));
      },
    });
    quiet();
  };
  /** Resolves when it has ended, and tells if it did not end as it should. */
  const ended = async (ending: Daemon, code: Promise<number>, wanted: number): Promise<void> => {
    const got = await code;
    if (got !== wanted) onCrash(`a daemon ended with ${got} instead of ${wanted}`);
    for (const line of ending.log) if (line.event === 'failed') onCrash(JSON.stringify(line));
  };
  const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
    for (const pid of pids) process.kill(pid, name);
  };
  const processes = (): readonly number[] => [daemon.pid, ...workersOf(daemon.pid)];
  const stopped = (pids: () => readonly number[], holdMs: Fault['holdMs']): Fault => ({
    holdMs,
    async begin() {
      const all = pids();
      signal(all, 'SIGSTOP');
      return () => signal(all, 'SIGCONT');
    },
  });
  const moment = (run: () => Promise<void> | void): Fault => ({
    holdMs: [0, 0],
    async begin() {
      await run();
      return () => {};
    },
  });
  const oneWorker = (): readonly number[] => workersOf(daemon.pid).slice(0, 1);
  await start();

  const common: Faults = {
    slow: stopped(processes, [50, 2_500]),
    stall: stopped(processes, [4_200, 6_500]),
    reload: moment(() => daemon.signal('SIGHUP')),
    reconfigure: moment(() => {
      timeoutMs = timeoutMs === 1_500 ? 1_400 : 1_500; // so that all stores of servers are opened anew
      quiet();
    }),
    mistake: {
      holdMs: [200, 1_000],
      async begin() {
        writeFileSync(file, configOf('warn') + BROKEN);
        daemon.signal('SIGHUP');
        return quiet;
      },
    },
    takeover: moment(async () => {
      const before = daemon;
      await start(TAKEOVER);
      // It serves the clients that it has until they close.
      const over = ended(before, before.exited, WELL_ENDED).finally(() => old.delete(over));
      old.add(over);
    }),
    terminate: {
      holdMs: [0, 500],
      async begin() {
        onStop();
        await ended(daemon, daemon.stop(), WELL_ENDED);
        return () => start(TAKEOVER);
      },
    },
    crash: {
      holdMs: [0, 500],
      async begin() {
        const gone = onKill();
        await ended(daemon, daemon.stop('SIGKILL'), KILLED);
        await seen();
        gone();
        return () => start(TAKEOVER);
      },
    },
  };
  const ofWorkers: Faults = {
    'kill-worker': moment(async () => {
      const gone = onKill();
      const pids = oneWorker();
      signal(pids, 'SIGKILL');
      for (const pid of pids) await daemon.logged('worker_ended', (line) => line['workerPid'] === pid);
      await seen();
      gone();
    }),
    'slow-worker': stopped(oneWorker, [50, 2_500]),
  };
  const ofClock: Faults = {
    clock: {
      holdMs: [1_000, 3_000],
      async begin(luck) {
        writeFileSync(clock, `${luck < 0.5 ? '-' : '+'}${Math.round(luck * 7_200)}`);
        return () => writeFileSync(clock, '+0');
      },
    },
  };
  return {
    name: 'smmap',
    socket,
    faults: { ...common, ...(workers > 1 ? ofWorkers : {}), ...(options.faketime === null ? {} : ofClock) },
    async stop() {
      onStop();
      await ended(daemon, daemon.stop(), WELL_ENDED);
      for (let waits = 0; old.size > 0 && waits < 200; waits++) await sleep(100);
      if (old.size > 0) onCrash('a replaced daemon does not end');
    },
  };
}

/** Resolves when this process has read all that has come: its clients know of the connections that have ended. */
async function seen(): Promise<void> {
  await turn();
  await turn(); // there was a whole poll in between
}

function fakingTime({ faketime }: Options, clock: string): readonly string[] {
  if (faketime === null) return [];
  const words = { FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const more = Object.entries({ ...words, DONT_FAKE_MONOTONIC: '1', LD_PRELOAD: faketime });
  return ['env', ...more.map(([name, value]) => `${name}=${value}`)];
}

/** The processes that a daemon has started. */
function workersOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number);
    return children.filter(
      (child) => child > 0 && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('worker.js'),
    );
  } catch {
    return []; // it has ended
  }
}
