import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, EXTENTS, type Part } from './bench.ts';
import { codecPart } from './codec.ts';
import { type Order, openAsker } from './driver.ts';
import { type Verdict, formatVerdicts } from './goal.ts';
import { importPart } from './import.ts';
import { mapsPart } from './maps.ts';
import { scalePart } from './scale.ts';
import { openScratch } from './scratch.ts';
import { createStores } from './store.ts';
import { throughputPart } from './throughput.ts';

/** Runs the parts that were named, or all, and judges the goals. A goal that is missed is a finding, so the exit code is 0. */

const PARTS: Readonly<Record<string, Part>> = {
  codec: codecPart,
  import: importPart,
  throughput: throughputPart,
  maps: mapsPart,
  scale: scalePart,
};

const USAGE = `Usage: npm run bench -- [--quick | --full] [--daemon MAIN.JS] [--other MAIN.JS] [PART...]

Parts: ${Object.keys(PARTS).join(' ')} (all without a name)

  --quick          a smoke test, below a minute
  --full           more and longer rounds, and 10,000,000 mailboxes
  --daemon MAIN.JS the daemon to measure (dist/main.js)
  --other MAIN.JS  a second build of it, measured in the same rounds
`;

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url)))); // this file runs as build/bench/main.js

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      daemon: { type: 'string', default: join(root, 'dist', 'main.js') },
      other: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const names = positionals.length === 0 ? Object.keys(PARTS) : positionals;
  const unknown = names.filter((name) => !(name in PARTS));
  if (values.help || unknown.length > 0 || (values.quick && values.full)) {
    process.stdout.write(USAGE);
    return;
  }
  const daemon = resolve(values.daemon);
  const other = values.other === undefined ? null : resolve(values.other);
  for (const file of [daemon, other]) {
    if (file !== null && !existsSync(file)) throw new Error(`${file}: is not there; run npm run build`);
  }

  const startedMs = performance.now();
  const extentName = values.full ? 'full' : values.quick ? 'quick' : 'default';
  const scratch = openScratch();
  try {
    const load = openAsker<Order>(scratch, 'load.js');
    const print = (text: string): void => void process.stdout.write(`${text}\n`);
    const stores = createStores(scratch, daemon);
    const bench: Bench = { scratch, load, stores, daemon, other, extent: EXTENTS[extentName], print };
    print(`smmap bench, ${extentName} run, ${new Date().toISOString()}`);
    print(`Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}`);
    print(`daemon ${daemon}${other === null ? '' : `, other ${other}`}`);

    const verdicts: Verdict[] = [];
    for (const name of names) verdicts.push(...(await (PARTS[name] as Part)(bench)));
    print(`\nGoals\n\n${formatVerdicts(verdicts)}`);
    print(`\n${Math.round((performance.now() - startedMs) / 1_000)} s`);
  } finally {
    scratch.close();
  }
}

await main();
