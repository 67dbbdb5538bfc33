import { readFileSync, readdirSync } from 'node:fs';

/** What Linux tells about a process in /proc; see proc(5). */

const NS_PER_US = 1_000;
const KB_PER_MB = 1_000 / 1.024; // the kernel's kB are 1,024 bytes

/** CPU time of a process with all its threads, in microseconds; /proc/PID/stat has it only in ticks of 10 ms. */
export function cpuUs(pid: number): number {
  let ns = 0;
  for (const thread of list(`/proc/${pid}/task`)) {
    ns += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
  }
  return ns / NS_PER_US;
}

/** CPU time of a process and of the children it has now. */
export function treeUs(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + cpuUs(child), cpuUs(pid));
}

/** The children that a process has now. */
export function childrenOf(pid: number): readonly number[] {
  return list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** CPU time of a process and of all that descend from it, in microseconds, by the name of the program. */
export function cpuByProgram(pid: number, sums: Map<string, number> = new Map()): ReadonlyMap<string, number> {
  const name = read(`/proc/${pid}/comm`).trimEnd();
  sums.set(name, (sums.get(name) ?? 0) + cpuUs(pid));
  for (const child of childrenOf(pid)) cpuByProgram(child, sums);
  return sums;
}

/** Starts something, and gives the first child that this process has since then; null if it has none. */
export async function firstOf<T>(make: () => Promise<T>): Promise<{ readonly made: T; readonly pid: number | null }> {
  const before = childrenOf(process.pid);
  const made = await make();
  return { made, pid: childrenOf(process.pid).find((child) => !before.includes(child)) ?? null };
}

/** Resident memory in MB, without the pages of one file that it maps. */
export function memoryMb(pid: number, mappedFile: string): number {
  const mapped = read(`/proc/${pid}/smaps`)
    .split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
    .filter((mapping) => mapping.split('\n', 1)[0]?.endsWith(mappedFile))
    .reduce((sum, mapping) => sum + kilobytes(mapping, 'Rss'), 0);
  return (kilobytes(read(`/proc/${pid}/smaps_rollup`), 'Rss') - mapped) / KB_PER_MB;
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}

/** A process may end between two looks: then it has no threads and no figures. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
