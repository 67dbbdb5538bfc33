import { execFileSync } from 'node:child_process';
import type { Part } from './bench.ts';
import { judge } from './goal.ts';
import { formatImports } from './import.ts';
import { median } from './median.ts';
import { memoryOf } from './proc.ts';
import { CYRUS_MAP, hits } from './request.ts';
import { STANDING_HEAD, formatStanding, runRounds } from './round.ts';
import { type Server, startDaemon } from './server.ts';
import type { ImportedStore } from './store.ts';
import { formatCount, formatFixed, formatTable } from './table.ts';

const CONNECTIONS = 50;
const MOST = 10_000_000;

/** What the number of mailboxes costs: time to the first answer, memory, and requests per second. */
export const scalePart: Part = async ({ scratch, load, stores, daemon, extent, print }) => {
  const imported: ImportedStore[] = [];
  for (const size of extent.sizes) imported.push(await stores.get(size));

  const starts = new Map(imported.map((store) => [store, { warmMs: [] as number[], coldMs: [] as number[] }]));
  for (let start = 0; start < extent.starts; start++) {
    for (const [store, { warmMs, coldMs }] of starts) {
      evict(store.file);
      coldMs.push(await startOnce(() => startDaemon(scratch, daemon, { driver: 'embedded', path: store.dir })));
      warmMs.push(await startOnce(() => startDaemon(scratch, daemon, { driver: 'embedded', path: store.dir })));
    }
  }

  const contenders = [];
  for (const { dir, mailboxes } of imported) {
    const server = await startDaemon(scratch, daemon, { driver: 'embedded', path: dir });
    const name = formatCount(mailboxes);
    contenders.push({ name, server, connections: CONNECTIONS, map: CYRUS_MAP, keys: [hits(mailboxes)] });
  }
  const standings = await runRounds(load, contenders, extent);
  const memories = contenders.map(({ server }, at) =>
    memoryOf(server.pid as number, (imported[at] as ImportedStore).file),
  );
  for (const { server } of contenders) await server.close();

  const rows = imported.map((store, at) => {
    const { warmMs = [], coldMs = [] } = starts.get(store) ?? {};
    const { anonymous = NaN, mappedFile = NaN, otherFiles = NaN } = memories[at] ?? {};
    const apartMb = anonymous + otherFiles;
    return {
      mailboxes: store.mailboxes,
      startMs: [median(warmMs), median(coldMs)],
      anonymous,
      otherFiles,
      mappedFile,
      apartMb,
    };
  });
  print('\nScale: imports\n');
  print(formatImports(imported));
  print(
    '\nScale: from the start as a process to the first OK, the file cached and not; resident memory after the load\n',
  );
  const head = ['mailboxes', 'start ms', 'not cached', 'anonymous MB', 'program MB', 'both MB', 'mapped file MB'];
  const cells = rows.map(({ mailboxes, startMs, anonymous, otherFiles, apartMb, mappedFile }) => [
    formatCount(mailboxes),
    ...[...startMs, anonymous, otherFiles, apartMb, mappedFile].map((value) => formatFixed(value, 0)),
  ]);
  print(formatTable(head, cells));
  print(`\nScale: random mailboxes; ratios to ${formatCount(extent.sizes[0] as number)} mailboxes in the same round\n`);
  print(formatTable(STANDING_HEAD, standings.map(formatStanding), 2));

  const most = standings.find(({ contender }) => contender.name === formatCount(MOST));
  const goal = 'requests per second of 10 M mailboxes over those of 1 k';
  return [
    judge(
      'start to first answer, the slowest median, seconds',
      Math.max(...rows.flatMap(({ startMs }) => startMs)) / 1_000,
      'at most',
      0.5,
    ),
    judge(
      'resident memory apart from the mapped file, the most, MB',
      Math.max(...rows.map(({ apartMb }) => apartMb)),
      'at most',
      120,
    ),
    most === undefined
      ? { goal, measured: 'only with --full', met: null }
      : judge(goal, most.perSecondRatio, 'at least', 0.85),
  ];
};

async function startOnce(start: () => Promise<Server>): Promise<number> {
  const server = await start();
  await server.close();
  return server.startMs;
}

/** Drops a file from the page cache; Node has no posix_fadvise, and dd(1) has it under this name. */
function evict(file: string): void {
  const args = [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none'];
  execFileSync('dd', args, { stdio: 'ignore' });
}
