import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { formatReport } from '../src/conformance/report.ts';
import type { Result } from '../src/conformance/run.ts';
import { messageOf } from '../src/message.ts';
import { PEERS } from './peers.ts';
import { CYRUS, runCyrus, runPeer } from './run.ts';
import { type Row, tablesOf } from './tables.ts';

/**
 * Tests the servers of others: `npm run peers -- SOURCES [NAME] [--only PATTERN]... [--times N]`. SOURCES is the folder
 * that docs/conformance.md describes. Prints a report for each to standard error, and writes the tables of docs/conformance.md. With a NAME it tests only
 * those whose names contain it, with a PATTERN only such cases, and writes nothing. With --times it runs each so often, and
 * says which verdicts were not always the same. Exit code 1: there are such, or a server could not be tested.
 */

const PAGE = 'docs/conformance.md';

/** A peer, and how all cases are run against it. */
interface Candidate {
  readonly name: string;
  readonly version: string;
  readonly run: () => Promise<Result[]>;
}

const { values, positionals } = parseArgs({
  options: { only: { type: 'string', multiple: true, default: [] }, times: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const [sources = '.peers', part = ''] = positionals;
const times = Number(values.times);
const candidates: readonly Candidate[] = [
  ...PEERS.map((peer) => {
    return { name: peer.name, version: peer.version, run: () => runPeer(peer, sources, values.only) };
  }),
  { ...CYRUS, run: () => runCyrus(values.only) },
].filter((each) => each.name.includes(part));

/** Tests one so often as asked. The row of the first time; null if it could not be tested, or differed from time to time. */
async function test(candidate: Candidate): Promise<Row | null> {
  const { name, version, run } = candidate;
  const runs: Result[][] = [];
  try {
    for (let at = 0; at < times; at++) runs.push(await run());
  } catch (error) {
    process.stderr.write(`\n# ${name} ${version}\nit could not be tested: ${messageOf(error)}\n`);
    return null;
  }
  const results = runs[0] ?? [];
  const unsteady = unsteadyOf(runs);
  process.stderr.write(`\n# ${name} ${version}\n${formatReport(results)}${unsteady.join('')}`);
  return unsteady.length > 0 ? null : { name, version, results };
}

/** A line for each case whose verdict was not always the same. */
function unsteadyOf(runs: readonly (readonly Result[])[]): string[] {
  return (runs[0] ?? []).flatMap(({ case: { id } }, at) => {
    const failed = runs.flatMap((run) => (run[at]?.verdict === 'failed' ? [String(run[at].why)] : []));
    if (failed.length === 0 || failed.length === runs.length) return [];
    return `unsteady: ${id} failed ${failed.length} of ${runs.length} times: ${[...new Set(failed)].join('; ')}\n`;
  });
}

const rows = (await Promise.all(candidates.map(test))).filter((row) => row !== null);
if (rows.length < candidates.length) process.exitCode = 1;
else if (part === '' && values.only.length === 0) {
  const page = await readFile(PAGE, 'utf8');
  await writeFile(
    PAGE,
    page.replace(/(## Results\n\n)[^]*?(?=\n## )/, (_, heading: string) => heading + tablesOf(rows)),
  );
}
