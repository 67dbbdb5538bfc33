import { execFileSync } from 'node:child_process';
import { createWriteStream, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Build, type Part, mainOf } from './bench.ts';
import { startLmdb } from './native.ts';
import { memoryMb } from './proc.ts';
import { type Scratch, ended } from './processes.ts';
import { MAP, addressOf, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { interleave, median } from './rounds.ts';
import { type Daemon, startDaemon } from './server.ts';
import { type Figure, formatFigures, formatNumber, judge } from './table.ts';

/** An embedded store that `smmap mailbox import` made. */
export interface Store {
  readonly build: Build;
  readonly mailboxes: number;
  readonly folder: string;
  /** The file that LMDB maps into memory. */
  readonly file: string;
  readonly importS: number;
}

export interface Stores {
  /** A store that a build made at the first call; another build may have another format. */
  get(build: Build, mailboxes: number): Promise<Store>;
}

const SMALL = 1_000;
const IMPORTED = 100_000; // in every round
const LARGE = 1_000_000;
const HUGE = 10_000_000; // with --full
const CONNECTIONS = 50;
const STRIDE = 7_368_787; // a prime: N * STRIDE modulo a power of ten gives each number once, in no order
const PORTION = 10_000;

const ABOUT = `
Store: the embedded store. An import is "smmap mailbox import" of an unordered list, from its start to its end. A start
lasts until the first OK; before it, the data file is removed from the page cache. Memory is the resident memory under
load, without the pages of the data file.
`;
const ABOUT_SIZE = `
Size: what more mailboxes cost. ${CONNECTIONS} kept connections ask for random ones. "x first": divided by the first row.
"C + LMDB" shows what the tree itself costs.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, builds, rounds, full, stores, print } = bench;
  const kept: Store[] = [];
  const sizes = full ? [SMALL, LARGE, HUGE] : [SMALL, LARGE];
  for (const size of sizes) {
    for (const build of builds) kept.push(await stores.get(build, size));
  }
  const list = await writeList(scratch, IMPORTED);
  const importOnce = async (build: Build): Promise<number> => {
    const { folder, importS } = await importStore(scratch, build, IMPORTED, list);
    await rm(folder, { recursive: true });
    return importS;
  };
  // Imports and starts take long, and only a comparison needs all rounds of them
  const slowRounds = builds.length > 1 ? rounds : Math.ceil(rounds / 3);
  const imports = await interleave(
    slowRounds,
    builds.map((build) => () => importOnce(build)),
    false,
  );
  const starts = await interleave(
    slowRounds,
    kept.map((store) => () => startMs(scratch, store)),
    false,
  );
  const asked: (Asked & { readonly server: Daemon })[] = [];
  for (const { build, folder, mailboxes } of kept) {
    asked.push(askedOf(await startDaemon(scratch, build, embedded(folder)), mailboxes));
  }
  const natives: Asked[] = [];
  for (const size of sizes) {
    const server = await startLmdb(scratch, size);
    if ('missing' in server) break; // the part throughput says why
    natives.push(askedOf(server, size));
  }
  const rates = await measureRates(bench, [...asked, ...natives]);
  const memories = asked.map(({ server }, at) => memoryMb(server.pid, kept[at]?.file ?? ''));
  for (const { server } of [...asked, ...natives]) await server.close();

  const figures: Figure[] = [];
  const add = (what: string, build: Build, mailboxes: number, unit: string, values: readonly number[]): void => {
    const name = `${what} ${formatNumber(mailboxes)} mailboxes`;
    figures.push({ what: name, who: build.name, unit, better: 'lower', values });
  };
  builds.forEach((build, at) => add('import of', build, IMPORTED, 'seconds', imports[at] ?? []));
  kept.forEach(({ build, mailboxes, importS, file }, at) => {
    if (mailboxes > IMPORTED) add('import of', build, mailboxes, 'seconds', [importS]);
    add('data file of', build, mailboxes, 'MB', [statSync(file).size / 1e6]);
    add('start with', build, mailboxes, 'ms', starts[at] ?? []);
    add('memory with', build, mailboxes, 'MB', [memories[at] ?? NaN]);
  });
  print(ABOUT);
  print(formatFigures(figures));
  print(ABOUT_SIZE);
  const small = rates[0] as Rate;
  print(formatRates(rates, 'first', () => small));

  const most = (what: string): number => {
    const ours = figures.filter((figure) => figure.who === 'this build' && figure.what.startsWith(what));
    return Math.max(...ours.map(({ values }) => median(values)));
  };
  const { importS: largeS, file: largeFile } = kept.find(({ mailboxes }) => mailboxes === LARGE) as Store;
  const largeMb = statSync(largeFile).size / 1e6;
  const goals = [
    judge('seconds to import 1,000,000 mailboxes', largeS, 'at most', 3.5),
    judge('MB of the data file of 1,000,000 mailboxes', largeMb, 'at most', 40),
    judge('milliseconds from the start to the first OK', most('start'), 'at most', 200),
    judge('MB of memory, without the data file', most('memory'), 'at most', 120),
  ];
  const growth = (server: string): number => {
    const [huge, large] = [HUGE, LARGE].map((size) => {
      return rates.find(({ asked: of }) => of.server.name === server && of.what === whatOf(size));
    });
    return huge === undefined || large === undefined ? NaN : ratioOf(huge, large, 'perSecond');
  };
  const beside = growth('this build') / growth(natives[0]?.server.name ?? '');
  if (!Number.isNaN(beside)) goals.push(judge(GROWTH, beside, 'at least', 0.95));
  return { figures: [...figures, ...figuresOf(rates)], goals };
};

const GROWTH = 'requests/s with 10,000,000 mailboxes, x 1,000,000, x the same of C + LMDB';

function whatOf(mailboxes: number): string {
  return `${formatNumber(mailboxes)} mailboxes`;
}

function askedOf(server: Daemon, mailboxes: number): Asked & { readonly server: Daemon } {
  const same = { connections: CONNECTIONS, map: MAP, expected: 'OK' } as const;
  return { ...same, what: whatOf(mailboxes), server, keys: [present(mailboxes)] };
}

export const storePart: Part = { about: 'imports, starts, memory, and what the number of mailboxes costs', run };

/** The lines of an embedded store in a configuration. */
export function embedded(folder: string): string[] {
  return ['driver = "embedded"', `path = "${folder}"`];
}

export function createStores(scratch: Scratch): Stores {
  const made = new Map<string, Promise<Store>>();
  const make = async (build: Build, mailboxes: number): Promise<Store> =>
    importStore(scratch, build, mailboxes, await writeList(scratch, mailboxes));
  return {
    get(build, mailboxes) {
      const name = `${build.name} ${mailboxes}`;
      const store = made.get(name) ?? make(build, mailboxes);
      made.set(name, store);
      return store;
    },
  };
}

/** Runs a command of a build, such as `alias import LIST`, on the store in a folder. */
export async function runOnStore(
  scratch: Scratch,
  build: Build,
  folder: string,
  command: readonly string[],
): Promise<void> {
  const args = [mainOf(build), ...command, '--store', folder];
  const child = scratch.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await ended(child);
  if (code !== 0) throw new Error(`${command.join(' ')} of ${build.name} ended with ${code}: ${errors}`);
}

async function importStore(scratch: Scratch, build: Build, mailboxes: number, list: string): Promise<Store> {
  const folder = scratch.path('.store');
  await runOnStore(scratch, build, folder, ['store', 'create']).catch(() => {}); // an older build imports without it
  const startedMs = performance.now();
  await runOnStore(scratch, build, folder, ['mailbox', 'import', list]);
  const importS = (performance.now() - startedMs) / 1_000;
  return { build, mailboxes, folder, file: `${folder}/smmap.mdb`, importS };
}

async function writeList(scratch: Scratch, mailboxes: number): Promise<string> {
  const file = scratch.path('.list');
  const portions = function* (): Generator<string> {
    for (let from = 0; from < mailboxes; from += PORTION) {
      const length = Math.min(PORTION, mailboxes - from);
      yield Array.from({ length }, (_, i) => `${addressOf(((from + i) * STRIDE) % mailboxes)}\n`).join('');
    }
  };
  await pipeline(Readable.from(portions()), createWriteStream(file));
  return file;
}

/** Starts a daemon once, with its data file out of the page cache. */
async function startMs(scratch: Scratch, { build, folder, file }: Store): Promise<number> {
  // Node has no posix_fadvise, but dd(1) calls it with these options
  execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
  const server = await startDaemon(scratch, build, embedded(folder));
  await server.close();
  return server.startMs;
}
