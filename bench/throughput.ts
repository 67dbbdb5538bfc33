import { EMBEDDED_MAILBOXES, MEMORY_MAILBOXES, type Part } from './bench.ts';
import { judge } from './goal.ts';
import { CYRUS_MAP, hits } from './request.ts';
import { type Contender, STANDING_HEAD, type Standing, formatStanding, runRounds } from './round.ts';
import { startDaemon, startFloor } from './server.ts';
import { formatTable } from './table.ts';

const CONNECTIONS = [1, 8, 50, 500];
const JUDGED_CONNECTIONS = 50;
const EMBEDDED = 'embedded 1 M';

/** Requests for mailboxes that are there: the floor and both stores, with few connections and many. */
export const throughputPart: Part = async ({ scratch, load, stores, daemon, other, extent, print }) => {
  const store = await stores.get(EMBEDDED_MAILBOXES);
  const memory = { driver: 'memory', mailboxes: MEMORY_MAILBOXES } as const;
  const embedded = { driver: 'embedded', path: store.dir } as const;
  const inMemory = [hits(MEMORY_MAILBOXES)];
  const inEmbedded = [hits(EMBEDDED_MAILBOXES)];
  const servers: Pick<Contender, 'name' | 'server' | 'keys'>[] = [
    { name: 'floor', keys: inMemory, server: await startFloor(scratch) },
    { name: 'memory 1 k', keys: inMemory, server: await startDaemon(scratch, daemon, memory) },
    { name: EMBEDDED, keys: inEmbedded, server: await startDaemon(scratch, daemon, embedded) },
  ];
  if (other !== null) {
    servers.push(
      { name: 'other, memory', keys: inMemory, server: await startDaemon(scratch, other, memory) },
      { name: 'other, embedded', keys: inEmbedded, server: await startDaemon(scratch, other, embedded) },
    );
  }

  const standings: Standing[] = [];
  for (const connections of CONNECTIONS) {
    const contenders = servers.map((server) => ({ ...server, connections, map: CYRUS_MAP }));
    standings.push(...(await runRounds(load, contenders, extent)));
  }
  for (const { server } of servers) await server.close();

  print(`\nThroughput: every mailbox is there; ratios to the floor in the same round, medians of ${extent.rounds}\n`);
  print(formatTable(STANDING_HEAD, standings.map(formatStanding), 2));
  print(
    '\nbusy: 100 % is a core. A server below that was not what held the run up: one connection waits for wake-ups.',
  );

  const judged = standings.find(
    ({ contender }) => contender.name === EMBEDDED && contender.connections === JUDGED_CONNECTIONS,
  );
  const { perSecondRatio = NaN, p99Ratio = NaN } = judged ?? {};
  const what = `${JUDGED_CONNECTIONS} connections, ${EMBEDDED}`;
  return [
    judge(`${what}, requests per second over the floor's`, perSecondRatio, 'at least', 0.8),
    judge(`${what}, p99 over the floor's`, p99Ratio, 'at most', 1.5),
  ];
};
