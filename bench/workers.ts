import type { Part } from './bench.ts';
import { MAP, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { type Daemon, startDaemon } from './server.ts';
import { embedded } from './store.ts';
import { judge } from './table.ts';

const MAILBOXES = 1_000_000;
const WORKERS = 2;
const ALL_PRESENT = { map: MAP, keys: [present(MAILBOXES)], expected: 'OK' } as const;
const JUDGED = '50 kept connections';

const CASES: readonly Omit<Asked, 'server'>[] = [
  { what: JUDGED, connections: 50, ...ALL_PRESENT },
  { what: '500 kept connections', connections: 500, ...ALL_PRESENT },
  { what: '8 connections, 1 request each', connections: 8, perConnection: 1, ...ALL_PRESENT },
];

const ABOUT = `
Workers: requests for one of 1,000,000 mailboxes in the embedded store, over a Unix socket. "alone" is a daemon without
workers. CPU time is that of all its processes. The load takes a core too: where there are two cores, it limits the rate.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, builds, stores, print } = bench;
  const [build] = builds;
  if (build === undefined) throw new Error('there is no build');
  const { folder } = await stores.get(build, MAILBOXES);
  const start = async (name: string, workers: number): Promise<Daemon> =>
    Object.assign(await startDaemon(scratch, build, embedded(folder), [], [`workers = ${workers}`]), { name });
  const [alone, team] = [await start('alone', 1), await start(`${WORKERS} workers`, WORKERS)];
  const asked = CASES.flatMap((question) => [alone, team].map((server): Asked => Object.assign({ server }, question)));
  const rates = await measureRates(bench, asked);
  for (const server of [alone, team]) await server.close();

  print(ABOUT);
  const aloneOf = ({ asked: { what } }: Rate): Rate =>
    rates.find(({ asked: of }) => of.server === alone && of.what === what) as Rate;
  print(formatRates(rates, 'alone', aloneOf));
  const judged = rates.find(({ asked: of }) => of.what === JUDGED && of.server === team) as Rate;
  return {
    goals: [
      judge(`CPU of ${WORKERS} workers, x alone`, ratioOf(judged, aloneOf(judged), 'cpuUs'), 'at most', 1.05),
      judge(
        `requests/s of ${WORKERS} workers, x alone`,
        ratioOf(judged, aloneOf(judged), 'perSecond'),
        'at least',
        1.5,
      ),
    ],
    figures: figuresOf(rates),
  };
};

export const workersPart: Part = { about: 'requests per second and CPU time of two workers', run };
