import type { LoadOrder, LoadReport } from './load.ts';
import { type Unbuilt, compileLoad } from './native.ts';
import { childrenOf } from './proc.ts';
import { type Load, type Scratch, ended } from './processes.ts';
import { randomFrames } from './questions.ts';

const FRAMES = 2 ** 15;

/**
 * The load as a program in C, for servers that use more than one core: it takes a third of the CPU time of load.ts, which
 * needs a core for itself. It asks one question at a time over a Unix socket.
 */
export async function openNativeLoad(scratch: Scratch): Promise<Load | Unbuilt> {
  const program = await compileLoad(scratch);
  if (typeof program !== 'string') return program;
  return { run: (order) => run(scratch, program, order) };
}

async function run(scratch: Scratch, program: string, order: LoadOrder): Promise<LoadReport> {
  const { endpoint, serverPid, connections, perConnection, warmMs, runMs } = order;
  if (endpoint.kind !== 'unix' || serverPid === null)
    throw new Error('the load in C asks a process over a Unix socket');
  const numbers = [connections, perConnection ?? 0, warmMs, runMs, serverPid, ...childrenOf(serverPid)];
  const child = scratch.spawn(program, [endpoint.path, ...numbers.map(String)], { stdio: 'pipe' });
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.stdin?.on('error', () => {}).end(randomFrames(FRAMES, order).join('\n').concat('\n'));
  const code = await ended(child);
  await closed; // all that it wrote has come
  if (code !== 0) throw new Error(`the load ended with ${code}: ${errors}`);
  return reportOf(output.trim().split(' ').map(Number));
}

function reportOf(figures: readonly number[]): LoadReport {
  const [tookUs, replies, found, notFound, p50Us, p99Us, serverUs, loadUs] = figures as Figures;
  return {
    perSecond: (replies / tookUs) * 1e6,
    p50Us,
    p99Us,
    cpuUs: serverUs / replies,
    busy: serverUs / tookUs,
    databaseUs: null,
    loadUs: loadUs / replies,
    found,
    notFound,
    other: replies - found - notFound,
  };
}

/** What load.c prints. */
type Figures = readonly [
  tookUs: number,
  replies: number,
  found: number,
  notFound: number,
  p50Us: number,
  p99Us: number,
  serverUs: number,
  loadUs: number,
];
