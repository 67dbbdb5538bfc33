import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Server, startServer } from '../src/cli/conformance/server.ts';
import type { Settings } from '../src/conformance/bench.ts';
import { CASES, groupOf } from '../src/conformance/cases.ts';
import { formatReport } from '../src/conformance/report.ts';
import { type Result, answers, chosen, listens, runCases } from '../src/conformance/run.ts';
import { formatEndpoint } from '../src/endpoint.ts';
import { DEFAULT_DOMAIN, findCyrus } from '../test/real/cyrus.ts';
import { PEERS, type Peer } from './peers.ts';

/**
 * Tests the servers of others: `npm run peers -- SOURCES [NAME]`. SOURCES is the folder of peers/get.sh. Prints a report for each
 * to standard error, and writes the tables of docs/conformance.md, unless a NAME says to test only those that contain it.
 */

const PAGE = 'docs/conformance.md';
const PARTS = process.env['SMMAP_PARTS'] ?? '.parts';
const TIMES = { timeoutMs: 8_000, idleMs: 11_000, lateMs: 31_000 } as const;
const GROUPS = [...new Set(CASES.map(groupOf))];

/** A peer, and what it showed. */
type Row = Pick<Peer, 'name' | 'version'> & { readonly results: readonly Result[] };

async function testPeer(peer: Peer, sources: string): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'peer-'));
  const endpoint = { kind: 'unix', path: join(folder, 's.sock') } as const;
  const { protocol = 'netstring', keys } = peer;
  const settings = { endpoint, protocol, ...keys, ...TIMES };
  let server: Server | null = null;
  try {
    const isThere = (): Promise<string | null> => listens({ ...settings, server: null });
    server = await startServer(await peer.command(sources, folder), isThere);
    const restart = async (): Promise<void> => {
      await rm(endpoint.path, { force: true });
      await server?.restart();
    };
    return rowOf(peer, await run({ ...settings, server }, restart));
  } finally {
    await server?.end();
    await rm(folder, { recursive: true, force: true });
  }
}

async function testCyrus(): Promise<Row | null> {
  const cyrus = await findCyrus(PARTS);
  if ('missing' in cyrus) {
    process.stderr.write(`${cyrus.name}: ${cyrus.missing}\n`);
    return null;
  }
  const server = await cyrus.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
  try {
    await server.create([{ name: `user/fred@${DEFAULT_DOMAIN}` }]);
    const keys = { map: 'cyrus', known: `fred@${DEFAULT_DOMAIN}`, unknown: `nobody@${DEFAULT_DOMAIN}` };
    const endpoint = { kind: 'unix', path: server.smmapd } as const;
    const signal = (name: NodeJS.Signals): void => {
      try {
        server.signal(name, 'all');
      } catch {
        server.signal(name, 'all'); // one of them ended meanwhile
      }
    };
    const stoppable = { stop: () => signal('SIGSTOP'), resume: () => signal('SIGCONT') };
    const settings: Settings = { endpoint, protocol: 'netstring', ...keys, ...TIMES, server: stoppable };
    const program = join(dirname(server.smmapd), 'bin/smmapd');
    const cases = chosen(CASES, settings, []);
    const waiting = await runCases(
      cases.filter(({ waits }) => waits),
      settings,
    );
    const others = await runCases(
      cases.filter(({ waits }) => !waits),
      settings,
      () => endBusy(program),
    );
    const results = [...waiting, ...others].toSorted((a, b) => cases.indexOf(a.case) - cases.indexOf(b.case));
    return rowOf({ name: "Cyrus's smmapd", version: '3.6.1 (Debian 12)' }, results);
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

/** Runs all cases, if the server answers at all. */
async function run(settings: Settings, restart?: () => Promise<void>): Promise<Result[]> {
  const why = await answers(settings);
  if (why !== null) throw new Error(`${formatEndpoint(settings.endpoint)}: ${why}`);
  return runCases(chosen(CASES, settings, []), settings, () => {}, restart);
}

function rowOf({ name, version }: Pick<Peer, 'name' | 'version'>, results: readonly Result[]): Row {
  process.stderr.write(`\n# ${name} ${version}\n${formatReport(results)}`);
  return { name, version, results };
}

/** A table: what failed of each group, and the ids. How it failed is for the people of that server. */
function tablesOf(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`.replace('|  |', '| |');
  const rule = (columns: number): string => `|${'---|'.repeat(columns)}\n`;
  const cellOf = (results: readonly Result[]): string => {
    const count = (level: string): number => failed(results).filter((each) => each.level === level).length;
    if (results.every(({ verdict }) => verdict === 'skipped')) return '-';
    const [must, should] = [count('MUST'), count('SHOULD')];
    if (must + should === 0) return 'all';
    return [must > 0 ? `**${must}**` : '', should > 0 ? `${should}` : ''].filter((text) => text !== '').join(' + ');
  };
  const table = rows.map(({ name, results }) =>
    line([name, ...GROUPS.map((group) => cellOf(results.filter((each) => groupOf(each.case) === group)))]),
  );
  const head = line(['', ...GROUPS]) + rule(GROUPS.length + 1);
  const details = rows.map(({ name, version, results }) => {
    const ids = (level: string): string =>
      failed(results)
        .filter((each) => each.level === level)
        .map((each) => each.case.id)
        .join(', ') || 'none';
    return line([`${name} ${version}`, ids('MUST'), ids('SHOULD')]);
  });
  return `${head}${table.join('')}\n${line(['server', 'MUST that fail', 'SHOULD that fail'])}${rule(3)}${details.join('')}`;
}

function failed(results: readonly Result[]): readonly Result[] {
  return results.filter(({ verdict }) => verdict === 'failed');
}

const [sources = '.peers', name] = process.argv.slice(2);
const peers = PEERS.filter((each) => name === undefined || each.name.includes(name));
const tests = [
  ...peers.map((each) => testPeer(each, sources)),
  ...(name === undefined || name === 'Cyrus' ? [testCyrus()] : []),
];
const rows = (await Promise.all(tests)).filter((row) => row !== null);
if (name === undefined) {
  const page = await readFile(PAGE, 'utf8');
  await writeFile(
    PAGE,
    page.replace(/(## Results\n\n)[^]*?(?=\n## )/, (_, heading: string) => heading + tablesOf(rows)),
  );
}
