import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Server, startServer } from '../src/cli/conformance/server.ts';
import type { Settings } from '../src/conformance/bench.ts';
import { CASES } from '../src/conformance/cases.ts';
import { type Result, answers, chosen, listens, runCases } from '../src/conformance/run.ts';
import { formatEndpoint } from '../src/endpoint.ts';
import { DEFAULT_DOMAIN, findCyrus } from '../test/real/cyrus.ts';
import type { Peer } from './peers.ts';

const PARTS = process.env['SMMAP_PARTS'] ?? '.parts';
const TIMES = { timeoutMs: 8_000, idleMs: 11_000, lateMs: 31_000 } as const;

export const CYRUS = { name: "Cyrus's smmapd", version: '3.6.1 (Debian 12)' } as const;

/** Starts a peer in a new folder, and runs the cases that match the patterns. */
export async function runPeer(peer: Peer, sources: string, only: readonly string[]): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), 'peer-'));
  const endpoint = { kind: 'unix', path: join(folder, 's.sock') } as const;
  const { protocol = 'netstring', keys } = peer;
  const settings = { endpoint, protocol, ...keys, ...TIMES };
  let server: Server | null = null;
  try {
    const isThere = (): Promise<string | null> => listens({ ...settings, server: null });
    const started = (server = await startServer(await peer.command(sources, folder), endpoint, isThere));
    return await run({ ...settings, server }, only, () => started.restart());
  } finally {
    await server?.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same with Cyrus, whose master starts a process for each client. */
export async function runCyrus(only: readonly string[]): Promise<Result[]> {
  const cyrus = await findCyrus(PARTS);
  if ('missing' in cyrus) throw new Error(cyrus.missing);
  const server = await cyrus.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
  try {
    await server.create([{ name: `user/fred@${DEFAULT_DOMAIN}` }]);
    const keys = { map: 'cyrus', known: `fred@${DEFAULT_DOMAIN}`, unknown: `nobody@${DEFAULT_DOMAIN}` };
    const endpoint = { kind: 'unix', path: server.smmapd } as const;
    const signal = (name: NodeJS.Signals): void => {
      for (let left = 10; ; left--) {
        try {
          return server.signal(name, 'all');
        } catch (error) {
          if (left === 0) throw error; // otherwise one of them ended meanwhile
        }
      }
    };
    const stoppable = { stop: () => signal('SIGSTOP'), resume: () => signal('SIGCONT') };
    const settings: Settings = { endpoint, protocol: 'netstring', ...keys, ...TIMES, server: stoppable };
    const program = join(dirname(server.smmapd), 'bin/smmapd');
    const cases = chosen(CASES, settings, only);
    const restart = async (): Promise<void> => {
      signal('SIGKILL');
      for (let left = 20; ; left--) {
        try {
          return await server.restart();
        } catch (error) {
          if (left === 0) throw error; // otherwise the last one is not quite dead
        }
        await sleep(200);
      }
    };
    return await runCases(cases, settings, () => endBusy(program), restart);
  } finally {
    await server.stop();
  }
}

/** Ends processes of a program that use more than a second of CPU, so that the other cases are not slow. Cyrus starts new ones. */
function endBusy(program: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(program)) continue;
      const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
      const ticks = fields.join('').split(' ').slice(11, 13).map(Number);
      if ((ticks[0] ?? 0) + (ticks[1] ?? 0) > 100) process.kill(Number(pid), 'SIGKILL');
    } catch {} // it has ended
  }
}

/** Runs the cases, if the server answers at all. */
async function run(settings: Settings, only: readonly string[], restart: () => Promise<void>): Promise<Result[]> {
  const why = await answers(settings);
  if (why !== null) throw new Error(`${formatEndpoint(settings.endpoint)}: ${why}`);
  return runCases(chosen(CASES, settings, only), settings, () => {}, restart);
}
