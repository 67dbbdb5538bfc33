import { readFileSync, readdirSync } from 'node:fs';

/** What Linux says of a process in /proc; see proc(5). */

const NS_PER_US = 1_000;
const KB_PER_MB = 1_000 / 1.024; // the kernel's kB are 1,024 bytes

/** Processor time of a process with all its threads, in microseconds; /proc/PID/stat has it only in ticks of 10 ms. */
export function cpuUs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // the thread has ended
    }
  }
  return ns / NS_PER_US;
}

/** The same of a process and those that it has started. One that ends meanwhile takes its time with it. */
export function treeUs(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + cpuUsOrNone(child), cpuUs(pid));
}

/** The processes that a process has started and that are still there. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

function cpuUsOrNone(pid: number): number {
  try {
    return cpuUs(pid);
  } catch {
    return 0; // it has ended
  }
}

/** Resident memory in MB, by what is behind it. */
export interface Memory {
  readonly anonymous: number;
  /** Of the given file. */
  readonly mappedFile: number;
  /** The program and its libraries, which all Node processes share. */
  readonly otherFiles: number;
}

/** Splits the resident memory of a process; `mappedFile` is the one to count apart. */
export function memoryOf(pid: number, mappedFile: string): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const resident = kilobytes(rollup, 'Rss');
  const anonymous = kilobytes(rollup, 'Anonymous');
  const mapped = readFileSync(`/proc/${pid}/smaps`, 'utf8')
    .split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
    .filter((mapping) => mapping.split('\n', 1)[0]?.endsWith(mappedFile))
    .reduce((sum, mapping) => sum + kilobytes(mapping, 'Rss') - kilobytes(mapping, 'Anonymous'), 0);
  return {
    anonymous: anonymous / KB_PER_MB,
    mappedFile: mapped / KB_PER_MB,
    otherFiles: (resident - anonymous - mapped) / KB_PER_MB,
  };
}

/** Anonymous resident memory in MB, cheaply; 0 where the process has ended. */
export function anonymousMb(pid: number): number {
  try {
    return kilobytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'RssAnon') / KB_PER_MB;
  } catch {
    return 0;
  }
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}
