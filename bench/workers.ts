import type { Part } from './bench.ts';
import { openNativeLoad } from './native-load.ts';
import { MAP, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { median } from './rounds.ts';
import { type Daemon, startDaemon } from './server.ts';
import { embedded } from './store.ts';
import { formatNumber, judge } from './table.ts';

const MAILBOXES = 1_000_000;
const WORKERS = 2;
const ALL_PRESENT = { map: MAP, keys: [present(MAILBOXES)], expected: 'OK' } as const;
const JUDGED = '50 kept connections';
const HALF = '25 kept connections';

const CASES: readonly Omit<Asked, 'server'>[] = [
  { what: HALF, connections: 25, ...ALL_PRESENT },
  { what: JUDGED, connections: 50, ...ALL_PRESENT },
  { what: '500 kept connections', connections: 500, ...ALL_PRESENT },
  { what: '8 connections, 1 request each', connections: 8, perConnection: 1, ...ALL_PRESENT },
];

const ABOUT = `
Workers: requests for one of 1,000,000 mailboxes in the embedded store, over a Unix socket. "alone" is a daemon without
workers. CPU time is that of all its processes. The load is in C, because one in JavaScript takes a core for itself.
`;
const NOT_MEASURED = 'Workers: not measured, because their load is in C:';

const run: Part['run'] = async (bench) => {
  const { scratch, builds, stores, print } = bench;
  const [build] = builds;
  if (build === undefined) throw new Error('there is no build');
  const load = await openNativeLoad(scratch);
  if ('missing' in load) {
    print(`\n${NOT_MEASURED} ${load.missing}`);
    return { goals: [], figures: [] };
  }
  const { folder } = await stores.get(build, MAILBOXES);
  const start = async (name: string, workers: number): Promise<Daemon> =>
    Object.assign(await startDaemon(scratch, build, embedded(folder), [], [`workers = ${workers}`]), { name });
  const [alone, team] = [await start('alone', 1), await start(`${WORKERS} workers`, WORKERS)];
  const asked = CASES.flatMap((question) => [alone, team].map((server): Asked => Object.assign({ server }, question)));
  const rates = await measureRates({ ...bench, load }, asked);
  for (const server of [alone, team]) await server.close();

  print(ABOUT);
  const rateOf = (what: string, of: Daemon): Rate =>
    rates.find(({ asked: each }) => each.what === what && each.server === of) as Rate;
  const aloneOf = ({ asked: { what } }: Rate): Rate => rateOf(what, alone);
  print(formatRates(rates, 'alone', aloneOf));
  const [judged, one] = [rateOf(JUDGED, team), rateOf(JUDGED, alone)];
  print(describeBounds(one, judged, rateOf(HALF, alone)));
  const bounded = `of ${WORKERS} workers, x alone`;
  return {
    goals: [
      judge(`CPU ${bounded}`, ratioOf(judged, one, 'cpuUs'), 'at most', 1.05),
      judge(`requests/s ${bounded}`, ratioOf(judged, one, 'perSecond'), 'at least', 1.5),
    ],
    figures: figuresOf(rates),
  };
};

/** What two workers could reach here at best, by what a request takes of a daemon alone and of the load. */
function describeBounds(alone: Rate, team: Rate, half: Rate): string {
  const ownUs = median(alone.reports.map((each) => each.cpuUs));
  const loadUs = median(team.reports.map((each) => each.loadUs));
  const most = (WORKERS * ownUs) / (ownUs + loadUs);
  return `
The load takes ${formatNumber(loadUs)} us of CPU a request. On two cores that it shares, two workers as frugal as one process
give at most ${formatNumber(most)} times its rate. One process with half of the connections, as each worker has them, takes
${formatNumber(ratioOf(half, alone, 'cpuUs'))} times the CPU a request.`;
}

export const workersPart: Part = { about: 'requests per second and CPU time of two workers (needs cc)', run };
