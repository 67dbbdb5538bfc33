import { loadavg } from 'node:os';
import { openClient } from '../src/socket/client.ts';
import type { Bench, Part } from './bench.ts';
import type { Database, OpenDatabase } from './database.ts';
import { type Verdict, judge } from './goal.ts';
import { openRedis, openSlapd } from './nosql.ts';
import { CYRUS_MAP, type Keys, hits } from './request.ts';
import { type Contender, type Standing, ratioOf, runRounds } from './round.ts';
import { type Server, startDaemon } from './server.ts';
import { openMariadb, openPostgresql, openSqlite } from './sql.ts';
import { formatCount, formatFixed, formatTable } from './table.ts';

const DATABASES: Readonly<Record<string, OpenDatabase>> = {
  PostgreSQL: openPostgresql,
  MariaDB: openMariadb,
  slapd: openSlapd,
  Redis: openRedis,
  SQLite: openSqlite,
};

const CONNECTIONS = 50;
const HOT = 10_000; // mailboxes that nine of ten questions are about
const HOT_SHARE = 9; // to one
const FILL_MS = 2_000;
const JUDGED = 'PostgreSQL';

const BATCHED = 'smmap';
const UNBATCHED = 'smmap, batch = 1';
const CACHED = 'smmap, cache, 90 % hits';
const EMBEDDED = 'smmap, embedded, the same';
const ALONE = 'smmap, one at a time';

/** Stores in databases: what batches and a cache gain. */
export const databasesPart: Part = async (bench) => {
  const { extent, print } = bench;
  print(
    `\nDatabases: every mailbox is there; ratios to the first line in the same round, medians of ${extent.rounds}\n` +
      `All of it shares the cores. own: the load's process\n`,
  );
  const verdicts: Verdict[] = [];
  for (const [name, open] of Object.entries(DATABASES)) {
    const startedMs = performance.now();
    const database = await open({
      folder: bench.scratch.folder,
      mailboxes: extent.databaseMailboxes,
    });
    if ('missing' in database) {
      print(`${name}: not measured, ${database.missing}\n`);
      continue;
    }
    const filledS = formatFixed((performance.now() - startedMs) / 1_000, 0);
    try {
      print(`${name}: ${formatCount(database.mailboxes)} mailboxes, started and filled within ${filledS} s\n`);
      const { standings, notes } = await measure(bench, database);
      print(formatTable(HEAD, standings.map(formatRow), 2));
      for (const note of notes) print(note);
      print(
        `Load of the machine: ${loadavg()
          .map((load) => load.toFixed(1))
          .join(' ')}\n`,
      );
      if (name === JUDGED) verdicts.push(...judgeAll(name, standings));
    } catch (error) {
      print(`${name}: not measured, ${(error as Error).message}\n`);
    } finally {
      await database.stop();
    }
  }
  return verdicts;
};

async function measure(
  { scratch, load, stores, daemon, extent }: Bench,
  database: Database,
): Promise<{ standings: readonly Standing[]; notes: readonly string[] }> {
  const { mailboxes, pid: databasePid, store } = database;
  const all = [hits(mailboxes)];
  const mostlyHot: readonly Keys[] = [
    ...Array.from({ length: HOT_SHARE }, () => hits(Math.min(HOT, mailboxes))),
    ...all,
  ];
  const start = (...more: string[]): Promise<Server> =>
    startDaemon(scratch, daemon, { driver: 'other', lines: [...store, ...more] });
  const embedded = await stores.get(mailboxes);
  const servers = {
    batched: await start(),
    // What has no server has neither batches nor a cache
    unbatched: database.pid === null ? null : await start('batch = 1'),
    cached: database.pid === null ? null : await start('cache = {}'),
    embedded: await startDaemon(scratch, daemon, { driver: 'embedded', path: embedded.dir }),
  };
  const notes: string[] = [];
  const asking = { connections: CONNECTIONS, map: CYRUS_MAP, databasePid };
  const contenders: Contender[] = [{ ...asking, name: BATCHED, server: servers.batched, keys: all }];
  if (servers.unbatched !== null) contenders.push({ ...asking, name: UNBATCHED, server: servers.unbatched, keys: all });
  const { cached } = servers;
  if (cached !== null) contenders.push({ ...asking, name: CACHED, server: cached, keys: mostlyHot });
  contenders.push(
    { ...asking, name: EMBEDDED, server: servers.embedded, keys: mostlyHot, databasePid: null },
    { ...asking, name: ALONE, server: servers.batched, keys: all, connections: 1 },
  );

  try {
    if (cached !== null) {
      const order = { path: cached.path, serverPid: cached.pid, ...asking, keys: [hits(Math.min(HOT, mailboxes))] };
      await load.run({ ...order, warmMs: 0, runMs: FILL_MS });
    }
    const before = cached && (await cacheOf(cached));
    const standings = await runRounds(load, contenders, extent);
    const after = cached && (await cacheOf(cached));
    if (before !== null && after !== null) {
      const [found, missed] = [after.hits - before.hits, after.misses - before.misses];
      notes.push(`The cache had ${formatFixed((found / (found + missed)) * 100, 1)} % of what it was asked.`);
    }
    for (const { contender, notFound, other } of standings) {
      if (notFound + other > 0) notes.push(`${contender.name}: ${notFound + other} replies were not OK!`);
    }
    return { standings, notes };
  } finally {
    for (const server of Object.values(servers)) await server?.close();
  }
}

interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
}

/** What the cache of a daemon's store counts. */
async function cacheOf({ path }: Server): Promise<CacheCounts> {
  const options = { timeoutMs: 5_000, protocol: 'netstring', replyBytes: 100_000 } as const;
  const client = await openClient({ kind: 'unix', path: `${path}.control` }, options);
  try {
    const reply = await client.ask('stores', '');
    const { stores } = JSON.parse(reply.slice('OK '.length)) as {
      stores: { cache: CacheCounts }[];
    };
    return (stores[0] as { cache: CacheCounts }).cache;
  } finally {
    client.close();
  }
}

const HEAD =
  'conns,who asks,answers/s,ratio,p50 us,p99 us,daemon us each,busy %,database us each,busy %,own us each,busy %,remark'.split(
    ',',
  );

function formatRow(standing: Standing): string[] {
  const { contender, error } = standing;
  const percent = (share: number | null): string => formatFixed(share === null ? null : share * 100, 0);
  return [
    String(contender.connections),
    contender.name,
    formatCount(standing.perSecond),
    formatFixed(standing.perSecondRatio, 2),
    formatFixed(standing.p50Us, 0),
    formatFixed(standing.p99Us, 0),
    formatFixed(standing.serverUs, 1),
    percent(standing.serverBusy),
    formatFixed(standing.databaseUs, 1),
    percent(standing.databaseBusy),
    formatFixed(standing.loadUs, 1),
    percent(standing.loadBusy),
    error ?? '',
  ];
}

function judgeAll(name: string, standings: readonly Standing[]): Verdict[] {
  const named = (who: string): Standing | undefined => standings.find(({ contender }) => contender.name === who);
  const compare = (over: string, under: string, figure: 'perSecond' | 'p50Us'): number => {
    const [one, other] = [named(over), named(under)];
    return one === undefined || other === undefined ? NaN : ratioOf(one, other, figure);
  };
  const rate = `${name}, answers per second of ${CONNECTIONS} connections over those of`;
  return [
    judge(`${rate} batch = 1`, compare(BATCHED, UNBATCHED, 'perSecond'), 'at least', 3),
    judge(`${rate} the embedded store, cache with 90 % hits`, compare(CACHED, EMBEDDED, 'perSecond'), 'at least', 0.7),
  ];
}
