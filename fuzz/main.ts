// `npm run fuzz`: feeds a target with changed inputs until the time is over, and keeps what breaks it.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { keep, mutated, readCorpus } from './inputs.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

const USAGE = `Usage: npm run fuzz -- [options] TARGET...

Feeds what reads the bytes of strangers with inputs of fuzz/corpus/TARGET that it changes. What breaks a target is made as
small as possible and kept there, so that the tests read it again (test/unit/fuzz.test.ts). Exit code 1 if something broke.

Targets: all, or
  ${Object.keys(TARGETS).join('\n  ')}

Options:
  --minutes N   how long for each target (default 1)
  --seed N      repeats a run
  --help        prints this text
`;

const RUNS = 2_000; // between two looks at the clock

/** Returns whether the target held. */
async function fuzz(name: string, folder: string, minutes: number, seed: number): Promise<boolean> {
  const target = TARGETS[name] as Target;
  const input = mutated(readCorpus(folder, name));
  const end = Date.now() + minutes * 60_000;
  let count = 0;
  for (let round = 0; Date.now() < end; round++) {
    const holds = fc.asyncProperty(input, async (bytes) => target(bytes));
    const found = await fc.check(holds, { numRuns: RUNS, seed: seed + round });
    count += found.numRuns;
    if (!found.failed) continue;
    const [bytes] = found.counterexample as [Buffer];
    process.stdout.write(`${name}: broken by ${JSON.stringify(bytes.toString('latin1'))}, seed ${seed + round}\n`);
    process.stdout.write(`${String(found.errorInstance)}\n${keep(folder, name, bytes)}\n`);
    return false;
  }
  process.stdout.write(`${name}: held for ${count} inputs, seed ${seed}\n`);
  return true;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
const names = positionals.includes('all') ? Object.keys(TARGETS) : positionals;
const unknown = names.filter((name) => TARGETS[name] === undefined);
const [minutes, seed] = [Number(values.minutes), Number(values.seed ?? Date.now() % 1_000_000)];
if (values.help === true || names.length === 0 || unknown.length > 0 || !(minutes > 0) || !Number.isInteger(seed)) {
  if (unknown.length > 0) process.stderr.write(`fuzz: no target is called ${unknown.join(', ')}\n`);
  process.stdout.write(USAGE);
  process.exitCode = values.help === true ? 0 : 64;
} else {
  const { loadDeclarations, DRIVERS } = await import('../src/store/drivers.ts');
  await loadDeclarations(Object.keys(DRIVERS));
  const folder = join(process.cwd(), 'fuzz/corpus');
  for (const name of names) if (!(await fuzz(name, folder, minutes, seed))) process.exitCode = 1;
}
