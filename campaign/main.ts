// `npm run campaign`: reads the command line.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import { KINDS } from './kinds.ts';
import { PAUSE_MS } from './schedule.ts';
import { STORES } from './world.ts';

const USAGE = `Usage: npm run campaign -- [options]

Starts the built daemon with all stores that can be had here, keeps clients asking, breaks the stores, the ways to them and the
daemon as a seed decides, and checks every answer against what was true when. Exit code 1 if one was wrong, exchanged or late, or
if a question was lost.

Options:
  --minutes N    how long (default 1)
  --seed N       repeats the faults of a run: the same ones at the same times, on the same targets
  --pause MS     from one fault to the next, on average (default ${PAUSE_MS}); each new start of the daemon costs time in which
                 little is answered, so a longer one gives more answers
  --only KINDS   only these kinds of faults, such as kill,hang
  --stores NAMES only these stores (default: ${Object.keys(STORES).join(',')})
  --workers N    how many processes of smmap answer (default 2)
  --clients N    how many clients ask at the same time (default 24)
  --main FILE    judges another dist/main.js
  --list         prints the kinds of faults
  --help         prints this text

The real servers come from .parts (sh test/real/parts.sh .parts) or from this machine. What is missing is left out, and the output says
so. Clock jumps need Debian's package faketime. As root there is also a disk that can be full.

How to read the end:
  wrong NOTFOUND  somebody who existed was refused: mail is lost. wrong OK: older than the cache of its map may say
  exchanged       the answer to another question. late: after 5 s, when Exim has given up
  lost            a connection ended without an answer, and nobody had killed the daemon
  TEMP            always allowed; the share says how much the faults cost
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    pause: { type: 'string', default: String(PAUSE_MS) },
    only: { type: 'string', default: '' },
    stores: { type: 'string', default: Object.keys(STORES).join(',') },
    workers: { type: 'string', default: '2' },
    clients: { type: 'string', default: '24' },
    main: { type: 'string', default: 'dist/main.js' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const words = (text: string): readonly string[] => text.split(',').filter((word) => word !== '');
const [only, stores] = [words(values.only), words(values.stores)];
const given = [values.minutes, values.seed, values.pause, values.workers, values.clients];
const [minutes, seed, pauseMs, workers, clients] = given.map(Number) as [number, number, number, number, number];
const unknown = [...only.filter((kind) => !(kind in KINDS)), ...stores.filter((name) => !(name in STORES))];
const isRight =
  minutes > 0 &&
  [seed, pauseMs, workers, clients].every(Number.isInteger) &&
  Math.min(pauseMs, workers, clients) > 0 &&
  unknown.length === 0;

if (values.help) process.stdout.write(USAGE);
else if (values.list) {
  for (const [kind, about] of Object.entries(KINDS)) process.stdout.write(`${kind.padEnd(14)} ${about}\n`);
} else if (isRight) {
  const folder = mkdtempSync(join(tmpdir(), 'campaign-'));
  chmodSync(folder, 0o755); // servers run as other users
  process.env['TMPDIR'] = folder;
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      process.on('exit', remove); // behind those that end what it started
      process.exit(1);
    });
  }
  const root = process.cwd();
  try {
    const { violations } = await runCampaign({
      root,
      parts: resolve(process.env['SMMAP_PARTS'] ?? '.parts'),
      main: resolve(values.main),
      seed,
      minutes,
      pauseMs,
      workers,
      clients,
      stores,
      only,
      print: (line) => void process.stdout.write(`${line}\n`),
    });
    process.exitCode = violations.length === 0 ? 0 : 1;
  } finally {
    remove();
  }
} else {
  if (unknown.length > 0) process.stderr.write(`campaign: nothing is called ${unknown.join(', ')}\n`);
  process.stdout.write(USAGE);
  process.exitCode = 64;
}
