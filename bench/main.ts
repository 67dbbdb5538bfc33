import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, type Build, type Part, mainOf } from './bench.ts';
import { codecPart } from './codec.ts';
import { databasesPart } from './databases.ts';
import { filesPart } from './files.ts';
import { forgetPart } from './forget.ts';
import { mapsPart } from './maps.ts';
import { postfixPart } from './postfix/part.ts';
import { openLoad, openScratch } from './processes.ts';
import { serversPart } from './servers.ts';
import { startPart } from './start.ts';
import { createStores, storePart } from './store.ts';
import { type Figure, type Goal, formatComparison, formatGoals } from './table.ts';
import { throughputPart } from './throughput.ts';
import { workersPart } from './workers.ts';

/** The bench: runs its parts and prints what they found. A missed goal is a finding too: only --check ends with 1 for it. */

const PARTS: Readonly<Record<string, Part>> = {
  codec: codecPart,
  store: storePart,
  throughput: throughputPart,
  maps: mapsPart,
  databases: databasesPart,
  servers: serversPart,
  files: filesPart,
  start: startPart,
  forget: forgetPart,
  workers: workersPart,
  postfix: postfixPart,
};
const DEFAULT_PARTS = ['codec', 'store', 'throughput', 'maps'];
const ROUNDS = 9; // a clear difference is one that 8 of 9 rounds show

const USAGE = `Usage: npm run bench -- [options] [PART...]

Measures this build of smmap and prints tables. Without a PART it runs ${DEFAULT_PARTS.join(', ')}, in less than two minutes.

Parts:
${Object.entries(PARTS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

Options:
  --other DIR   also measures the build in DIR, a checkout where you ran "npm run build", and compares the two
  --rounds N    how often everything is measured (default ${ROUNDS}; 1 for a quick look; a verdict needs at least 6)
                (imports and starts a third of that, where there is no --other)
  --full        more mailboxes: 10,000,000 in the part store, 1,000,000 in each database and in the part postfix;
                takes many minutes
  --floor       in the part postfix, also servers that only ask PostgreSQL: what a hop to it costs at least
  --check       ends with 1 if a goal is missed, or if none was measured
  --help        prints this text

Did my change make smmap slower? Build the old source beside the new one, and compare:
  git worktree add ../old main && (cd ../old && npm ci && npm run build)
  npm run bench -- --other ../old throughput maps

How to read the tables:
  Everything is measured once in each round, in short turns, so that a disturbance of the machine meets all alike.
  A figure is the median over the rounds; "range" is the lowest and the highest round.
  "x floor" is the figure divided by that of the server "floor" in the same round (again the median).
  "p50 us" and "p99 us": half, and 99 of 100, of the requests waited no longer than this, in microseconds.
  "CPU us/request": CPU time that the server spent for each request. It changes less than requests/s where other
  programs disturb the machine: trust it first. "core %": how much of one core the server used.
  The load that asks is a process in JavaScript, and takes up to a core. In the part workers it is a program in C, which
  takes a third of that: what a second worker gives on two cores could not be seen otherwise.
  A build is one process in a run, and two processes of the same build can differ by a tenth. Run it again before you
  believe a difference that is not larger, whatever the verdict says.
`;

const ABOUT_COMPARISON = `
Comparison: this build and the other build in the same rounds. "this / other" divides the figures of a round; "better in"
counts the rounds in which this build was better. A verdict stands where two equal builds would come to it in at most 1
of 20 rows: expect a few by chance.
`;
const ABOUT_GOALS = `
Goals: the limits that the project has set itself, measured of this build. On a busy machine, trust those of CPU time.
`;

/** Fails unless all goals are met. */
function check(goals: readonly Goal[]): void {
  const missed = goals.filter(({ met }) => !met);
  if (goals.length === 0) throw new Error('nothing was measured that has a goal');
  if (missed.length > 0) throw new Error(`${missed.length} of ${goals.length} goals are MISSED`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      other: { type: 'string' },
      rounds: { type: 'string', default: String(ROUNDS) },
      full: { type: 'boolean', default: false },
      floor: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const names = positionals.length === 0 ? DEFAULT_PARTS : positionals;
  const rounds = Number(values.rounds);
  const unknown = names.find((name) => !Object.hasOwn(PARTS, name));
  const parts = Object.keys(PARTS).join(', ');
  if (unknown !== undefined) throw new Error(`There is no part "${unknown}". The parts are ${parts}.`);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number, at least 1');

  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url)))); // this file runs as build/bench/main.js
  const builds: Build[] = [{ name: 'this build', folder: root }];
  if (values.other !== undefined) builds.push({ name: 'other build', folder: resolve(values.other) });
  const missing = builds.find((build) => !existsSync(mainOf(build)));
  if (missing !== undefined) throw new Error(`${missing.folder} has no dist/main.js: run "npm run build" there`);

  const startedMs = performance.now();
  const scratch = openScratch();
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  try {
    const load = openLoad(scratch);
    const { full, floor } = values;
    const bench: Bench = { scratch, load, builds, stores: createStores(scratch), rounds, full, floor, print };
    const machine = `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model}`;
    print(`smmap bench, ${new Date().toISOString()}, ${rounds} rounds, ${machine}`);
    for (const { name, folder } of builds) print(`${name}: ${folder}`);
    const goals: Goal[] = [];
    const figures: Figure[] = [];
    for (const name of names) {
      const found = await (PARTS[name] as Part).run(bench);
      goals.push(...found.goals);
      figures.push(...found.figures.map((figure) => Object.assign(figure, { what: `${name}: ${figure.what}` })));
    }
    if (builds.length > 1) {
      print(ABOUT_COMPARISON);
      print(formatComparison(figures));
    }
    if (goals.length > 0) print(`${ABOUT_GOALS}\n${formatGoals(goals)}`);
    if (values.check) check(goals);
    print(`\nTook ${Math.round((performance.now() - startedMs) / 1_000)} s`);
  } finally {
    scratch.close();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exit(1); // a database that was started would keep this process alive
}
