// `npm run fuzz`: feeds a target with changed inputs until the time is over, and keeps what breaks it.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { keep, mutated, readCorpus } from './inputs.ts';
import { findJazzer, type Finding, runGuided, shrunk } from './jazzer.ts';
import { SESSIONS } from './sessions.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

const USAGE = `Usage: npm run fuzz -- [options] TARGET...

Feeds what reads the bytes of strangers with inputs of fuzz/corpus/TARGET that it changes. What breaks a target is made as
small as possible and kept there, so that the tests read it again (test/unit/fuzz.test.ts). Exit code 1 if something broke.

Coverage guides it if Jazzer.js is there: npm install --no-save @jazzer.js/core. That needs glibc 2.38, as in Debian 13;
fuzz/debian-13.sh runs it in one on an older Debian. Without it, fast-check changes the inputs at random.

Targets: all, or
  ${Object.keys(TARGETS).join('\n  ')}

Options:
  --minutes N   how long for each target (default 1)
  --seed N      repeats a run
  --help        prints this text
`;

const RUNS = 2_000; // between two looks at the clock

/** Changes inputs at random. */
async function fuzzAtRandom(name: string, folder: string, minutes: number, seed: number): Promise<Finding | string> {
  const target = TARGETS[name] as Target;
  const input = mutated(readCorpus(folder, name));
  const end = Date.now() + minutes * 60_000;
  let count = 0;
  for (let round = 0; Date.now() < end; round++) {
    const holds = fc.asyncProperty(input, async (bytes) => target(bytes));
    const found = await fc.check(holds, { numRuns: RUNS, seed: seed + round });
    count += found.numRuns;
    if (found.failed) return { bytes: (found.counterexample as [Buffer])[0], why: String(found.errorInstance) };
  }
  return `${count} inputs`;
}

async function fuzzGuided(
  cli: string,
  name: string,
  folder: string,
  minutes: number,
  seed: number,
): Promise<Finding | string> {
  const run = { name, isAsync: name in SESSIONS, corpus: join(folder, name), minutes, seed };
  const { inputs, edges, found } = runGuided(cli, run);
  if (found === null) return `${inputs} inputs, guided, ${edges} edges`;
  return { bytes: await shrunk(found.bytes, TARGETS[name] as Target), why: found.why };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
const names = positionals.includes('all') ? Object.keys(TARGETS) : positionals;
const unknown = names.filter((name) => TARGETS[name] === undefined);
const [minutes, seed] = [Number(values.minutes), Number(values.seed ?? 1 + (Date.now() % 1_000_000))];
if (values.help === true || names.length === 0 || unknown.length > 0 || !(minutes > 0) || !Number.isInteger(seed)) {
  if (unknown.length > 0) process.stderr.write(`fuzz: no target is called ${unknown.join(', ')}\n`);
  process.stdout.write(USAGE);
  process.exitCode = values.help === true ? 0 : 64;
} else {
  const folder = join(process.cwd(), 'fuzz/corpus');
  const jazzer = findJazzer();
  if ('missing' in jazzer) process.stdout.write(`Not guided by coverage: ${jazzer.missing}\n`);
  for (const name of names) {
    const came =
      'cli' in jazzer
        ? await fuzzGuided(jazzer.cli, name, folder, minutes, seed)
        : await fuzzAtRandom(name, folder, minutes, seed);
    if (typeof came === 'string') {
      process.stdout.write(`${name}: held for ${came}, seed ${seed}\n`);
    } else {
      const shown = JSON.stringify(came.bytes.toString('latin1'));
      process.stdout.write(
        `${came.why}\n${name}: broken by ${shown}, seed ${seed}: ${keep(folder, name, came.bytes)}\n`,
      );
      process.exitCode = 1;
    }
  }
}
