import { execFileSync } from 'node:child_process';
import { type Build, type Part, mainOf } from './bench.ts';
import { cpuUs } from './proc.ts';
import { interleave, median, ratios } from './rounds.ts';
import { type Daemon, startDaemon } from './server.ts';
import { type Store, embedded } from './store.ts';
import { type Figure, formatNumber, formatRange, formatTable, judge } from './table.ts';

/** What a start costs. */
interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

const SIZES = [1_000, 1_000_000];
const FLOOR = 'node -e 0';
const MOST_CPU_MS = 200;

const ABOUT = `
Start: CPU time (user and system, of all threads) and time by the clock. A daemon: from the start of its process to its
first OK, with its data file in the page cache. A command: to its end. "x floor": CPU time divided by that of "${FLOOR}".
`;

const run: Part['run'] = async ({ scratch, builds, rounds, stores, print }) => {
  delete process.env['NODE_EXTRA_CA_CERTS']; // each start of Node parses that file, for 50 ms; no service has it
  const tasks: { readonly what: string; readonly who: string; readonly measure: () => Cost | Promise<Cost> }[] = [
    { what: FLOOR, who: 'Node', measure: () => command(['-e', '0']) },
  ];
  const daemons: Daemon[] = [];
  for (const build of builds) {
    const kept: Store[] = [];
    for (const size of SIZES) kept.push(await stores.get(build, size));
    const daemon = await startDaemon(scratch, build, embedded((kept[0] as Store).folder));
    daemons.push(daemon);
    const add = (what: string, measure: () => Cost | Promise<Cost>): void =>
      void tasks.push({ what, who: build.name, measure });
    add('smmap --version', () => smmap(build, ['--version']));
    add('smmap health', () => smmap(build, ['health', '--config', daemon.config]));
    for (const { mailboxes, folder } of kept) {
      add(`first OK, ${formatNumber(mailboxes)} mailboxes`, async () => {
        const started = await startDaemon(scratch, build, embedded(folder));
        const cpuMs = cpuUs(started.pid) / 1_000;
        await started.close();
        return { cpuMs, wallMs: started.startMs };
      });
    }
  }
  const costs = await interleave(
    rounds,
    tasks.map(({ measure }) => measure),
    true,
  );
  for (const daemon of daemons) await daemon.close();

  const figures = tasks.flatMap(({ what, who }, at): readonly (Figure & { readonly floor: readonly number[] })[] => {
    const of = (key: keyof Cost, task = at): readonly number[] => (costs[task] ?? []).map((cost) => cost[key]);
    const cpu = { what, who, unit: 'CPU ms', better: 'lower', values: of('cpuMs'), floor: of('cpuMs', 0) } as const;
    return [cpu, { ...cpu, unit: 'ms', values: of('wallMs'), floor: [] }];
  });
  const rows = figures.map(({ what, who, unit, values, floor }) => {
    const times = floor.length === 0 ? '' : formatNumber(median(ratios(values, floor)));
    return [what, who, unit, formatNumber(median(values)), formatRange(values), times];
  });
  print(ABOUT);
  print(formatTable(['what', 'who', 'unit', 'median', 'range', 'x floor'], rows, 3));
  const most = figures
    .filter(({ what, who, unit }) => who === 'this build' && what.startsWith('first OK') && unit === 'CPU ms')
    .map(({ values }) => median(values));
  const goals = [judge('milliseconds of CPU time to the first OK', Math.max(...most), 'at most', MOST_CPU_MS)];
  return { figures, goals };
};

export const startPart: Part = { about: 'what a start of the daemon and of its commands costs', run };

function smmap(build: Build, args: readonly string[]): Cost {
  return command([mainOf(build), ...args]);
}

/** Runs node once, and asks bash what it cost. */
function command(args: readonly string[]): Cost {
  const script = 'TIMEFORMAT="%U %S %R"; { time "$@" >&3 2>&3; } 3>/dev/null 2>&1';
  const said = execFileSync('bash', ['-c', script, 'bash', process.execPath, ...args], { encoding: 'utf8' });
  const [userS = NaN, systemS = NaN, wallS = NaN] = said.trim().split(' ').map(Number);
  return { cpuMs: (userS + systemS) * 1_000, wallMs: wallS * 1_000 };
}
