import type { Part } from './bench.ts';
import { startLmdb } from './native.ts';
import { MAP, absent, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { median } from './rounds.ts';
import { type Server, startDaemon, startFloor } from './server.ts';
import { embedded } from './store.ts';
import { type Goal, judge } from './table.ts';

const MAILBOXES = 1_000_000;
const ALL_PRESENT = { map: MAP, keys: [present(MAILBOXES)], expected: 'OK' } as const;
const JUDGED = '50 kept connections';

const CASES: readonly Omit<Asked, 'server'>[] = [
  { what: '8 kept connections', connections: 8, ...ALL_PRESENT },
  { what: JUDGED, connections: 50, ...ALL_PRESENT },
  { what: '500 kept connections', connections: 500, ...ALL_PRESENT },
  { what: '50 kept connections, NOTFOUND', connections: 50, map: MAP, keys: [absent(MAILBOXES)], expected: 'NOTFOUND' },
  { what: '8 connections, 1 request each', connections: 8, perConnection: 1, ...ALL_PRESENT },
];

const ABOUT = `
Throughput: requests for one of 1,000,000 mailboxes in the embedded store, over a Unix socket. "floor" is a server
that answers a constant: what Node alone costs. "C + LMDB" is a server in C that looks into an LMDB file of the same
mailboxes: what the kernel and LMDB cost. A kept connection asks again after each reply; the others are closed and
replaced. All mailboxes exist, except in the row NOTFOUND: there the daemon also logs each reply.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, builds, stores, print } = bench;
  const daemons: Server[] = [];
  for (const build of builds) {
    const { folder } = await stores.get(build, MAILBOXES);
    daemons.push(await startDaemon(scratch, build, embedded(folder)));
  }
  const floor = await startFloor(scratch);
  const native = await startLmdb(scratch, MAILBOXES);
  const others = 'missing' in native ? [] : [native];
  const asked = CASES.flatMap((question) => {
    const own = [...others, ...daemons];
    const servers = question.expected === 'OK' ? [floor, ...own] : own; // the floor always answers OK
    return servers.map((server): Asked => Object.assign({ server }, question));
  });
  const rates = await measureRates(bench, asked);
  for (const server of new Set(asked.map((each) => each.server))) await server.close();

  print(ABOUT);
  if ('missing' in native) print(`C + LMDB: not measured, ${native.missing}\n`);
  const floorOf = ({ asked: { connections, perConnection } }: Rate): Rate =>
    rates.find(
      ({ asked: of }) => of.server === floor && of.connections === connections && of.perConnection === perConnection,
    ) as Rate;
  print(formatRates(rates, 'floor', floorOf));

  const of = (what: string, server: Server | undefined): Rate | undefined =>
    rates.find(({ asked: each }) => each.what === what && each.server === server);
  const judged = of(JUDGED, daemons[0]) as Rate;
  return {
    goals: judgeAlone(judged, floorOf(judged), of(JUDGED, others[0])),
    figures: figuresOf(rates),
  };
};

function judgeAlone(judged: Rate, floor: Rate, native: Rate | undefined): Goal[] {
  const cpuUs = median(judged.reports.map((report) => report.cpuUs));
  const goals = [
    judge(`requests/s of ${JUDGED}, x floor`, ratioOf(judged, floor, 'perSecond'), 'at least', 0.8),
    judge(`p99 of ${JUDGED}, x floor`, ratioOf(judged, floor, 'p99Us'), 'at most', 1.5),
    judge(`CPU us/request of ${JUDGED}`, cpuUs, 'at most', 8.8), // where C + LMDB takes 3.8
  ];
  if (native === undefined) return goals;
  return [...goals, judge(`CPU us/request of ${JUDGED}, x C + LMDB`, ratioOf(judged, native, 'cpuUs'), 'at most', 2.3)];
}

export const throughputPart: Part = {
  about: 'requests per second, waiting time and CPU time of the daemon',
  run,
};
