import { formatEndpoint } from '../src/endpoint.ts';
import type { Bench, Build, Part } from './bench.ts';
import { HABITS, SERVERS, type Target } from './mailserver.ts';
import { firstOf } from './proc.ts';
import { MAP, absent, addressOf, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { median, ratios } from './rounds.ts';
import { type Server, bareServer, compile, startDaemon, warm } from './server.ts';
import { embedded } from './store.ts';
import { type Figure, type Goal, formatNumber, judge } from './table.ts';
import { countTrips, formatTrips } from './trips.ts';

const CONNECTIONS = 50;
const HOT = 10_000; // mailboxes that the cache has

const ABOUT = `
Servers: requests for mailboxes that a mail server on this machine has. Load, daemon and mail server share its cores.
"bare client" is the load itself, which speaks the protocol of the mail server on as many sessions as the store has.
It asks as much in a session as the store does. "writes" are those of the store, each with a wait for the reply.
"x bare" divides by the bare client that asks one by one for the same. "database" is the mail server.
"cache = {}" asks for mailboxes that the cache has; "9 of 10 in it": each tenth request is for any mailbox of the
server, so its speed counts. The daemon answers 6,000 requests before the first round. "round trips for one question" divides
what one connection waits longer with this store than with the embedded one by what the bare client waits: so the way
between load and daemon does not count.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, print } = bench;
  print(ABOUT);
  const figures: Figure[] = [];
  const goals: Goal[] = [];
  for (const [name, open] of Object.entries(SERVERS)) {
    const { made: server, pid: child } = await firstOf(() => open(scratch));
    if ('missing' in server) {
      print(`${name}: not measured, ${server.missing}. To unpack it: sh test/real/parts.sh .parts\n`);
      continue;
    }
    const pid = server.isFleeting === true ? null : child;
    try {
      for (const target of server.targets) {
        const rates = await measure(bench, target, server.mailboxes, pid);
        print(
          `${target.name} with ${formatNumber(server.mailboxes)} mailboxes, ${HABITS[target.driver].sessions} sessions\n`,
        );
        print(`${formatRates(rates, 'bare', (rate) => bareOf(rate, rates))}\n`);
        const trips = await countTrips(scratch, target.endpoint, (endpoint) => [
          ...linesFor({ ...target, endpoint }),
          ...HABITS[target.driver].uncached,
        ]);
        print(`${formatTrips(trips)}\n`);
        figures.push(
          ...figuresOf(rates).map((figure) => Object.assign(figure, { what: `${target.name}: ${figure.what}` })),
        );
        goals.push(...judgeAll(target.name, rates));
      }
    } finally {
      await server.stop();
    }
  }
  return { figures, goals };
};

export const serversPart: Part = {
  about: 'Cyrus, Dovecot and next hops behind the daemon, beside a bare client; minutes',
  run,
};

const MANY = '50 connections';
const MANY_ABSENT = '50 connections, NOTFOUND';
const ONE = '1 connection';
const ONE_ABSENT = '1 connection, NOTFOUND';
const CACHED = '50 connections, cache = {}';
const MOSTLY_CACHED = '50 connections, cache = {}, 9 of 10 in it';
const PIPELINED = '50 connections, 25 in one write';
const EMBEDDED = 'embedded store';

async function measure(bench: Bench, target: Target, mailboxes: number, databasePid: number | null): Promise<Rate[]> {
  const { scratch, builds, stores } = bench;
  const asked: Asked[] = [];
  const add = (server: Server, what: string, more: Partial<Asked> = {}): void => {
    const isAbsent = what.endsWith('NOTFOUND');
    asked.push({
      what,
      server,
      connections: what.startsWith(ONE) ? 1 : CONNECTIONS,
      map: MAP,
      keys: [isAbsent ? absent(mailboxes) : present(mailboxes)],
      expected: isAbsent ? 'NOTFOUND' : 'OK',
      databasePid,
      ...more,
    });
  };
  const start = (build: Build, more: readonly string[]) => startDaemon(scratch, build, [...linesFor(target), ...more]);
  const hotMailboxes = Math.min(HOT, mailboxes);
  const hot = Array.from({ length: 9 }, () => present(hotMailboxes));
  const mostlyHot = { keys: [...hot, present(mailboxes)] };
  const { dialect, sessions, pipelines, uncached } = HABITS[target.driver];
  const bare = bareServer(target.endpoint, dialect);
  const ofFound = target.session === undefined ? {} : { perConnection: target.session.found };
  const ofAbsent = target.session === undefined ? {} : { perConnection: target.session.absent };
  add(bare, MANY, { connections: sessions, ...ofFound });
  add(bare, MANY_ABSENT, { connections: sessions, ...ofAbsent });
  if (pipelines) add(bare, PIPELINED, { connections: sessions, atOnce: 25 });
  add(bare, ONE, ofFound);
  add(bare, ONE_ABSENT, ofAbsent);
  for (const build of builds) {
    const server = await start(build, uncached);
    await compile(server, mailboxes);
    for (const what of [MANY, MANY_ABSENT, ONE, ONE_ABSENT]) add(server, what);
    const cached = await start(build, ['cache = {}']);
    await warm(cached, hotMailboxes);
    add(cached, CACHED, { keys: [present(hotMailboxes)] });
    if (hotMailboxes < mailboxes) add(cached, MOSTLY_CACHED, mostlyHot);
    const { folder } = await stores.get(build, mailboxes);
    const own = await startDaemon(scratch, build, embedded(folder));
    for (const what of [MANY, ONE]) add(own, `${what}, ${EMBEDDED}`, { ...mostlyHot, databasePid: null });
  }
  try {
    return await measureRates(bench, asked);
  } finally {
    for (const server of new Set(asked.map((each) => each.server))) await server.close();
  }
}

/** The lines of a store that asks a mail server, without those of its cache. */
function linesFor({ driver, endpoint, more = [] }: Target): string[] {
  const server = `server = "${formatEndpoint(endpoint)}"`;
  return [`driver = "${driver}"`, server, `canary = { mailbox = "${addressOf(0)}" }`, ...more];
}

/** The bare client that asks one by one for the same. */
function bareOf({ asked: { what, expected } }: Rate, rates: readonly Rate[]): Rate {
  const many = expected === 'OK' ? MANY : MANY_ABSENT;
  const one = expected === 'OK' ? ONE : ONE_ABSENT;
  return rateOf(rates, 'bare client', what.startsWith(ONE) ? one : many);
}

function rateOf(rates: readonly Rate[], name: string, what: string): Rate {
  return rates.find(({ asked }) => asked.server.name === name && asked.what === what) as Rate;
}

function judgeAll(name: string, rates: readonly Rate[]): Goal[] {
  const own = (what: string): Rate => rateOf(rates, 'this build', what);
  const embeddedMany = own(`${MANY}, ${EMBEDDED}`);
  const [many, one, cached] = [MANY, ONE, CACHED].map(own) as [Rate, Rate, Rate];
  const p50Us = ({ reports }: Rate): number[] => reports.map((report) => report.p50Us);
  const way = p50Us(own(`${ONE}, ${EMBEDDED}`)); // from the load through smmap, without a server behind
  const behind = p50Us(one).map((us, round) => us - (way[round] as number));
  const trips = median(ratios(behind, p50Us(bareOf(one, rates))));
  return [
    judge(`requests/s of ${name}, x bare`, ratioOf(many, bareOf(many, rates), 'perSecond'), 'at least', 0.6),
    judge(`round trips of ${name} for one question`, trips, 'at most', 1.5),
    judge(
      `requests/s of ${name} with a cache, x embedded`,
      ratioOf(cached, embeddedMany, 'perSecond'),
      'at least',
      0.5,
    ),
  ];
}
