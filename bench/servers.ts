import { fileURLToPath } from 'node:url';
import { findCyrus } from '../test/real/cyrus.ts';
import { findDovecot } from '../test/support/dovecot.ts';
import type { Bench, Build, Part } from './bench.ts';
import type { DialectName } from './dialect.ts';
import { childrenOf } from './proc.ts';
import { MAP, absent, addressOf, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { median, ratios } from './rounds.ts';
import { type Server, bareServer, startDaemon } from './server.ts';
import { embedded } from './store.ts';
import { type Figure, type Goal, formatNumber, judge } from './table.ts';
import { countTrips, formatTrips } from './trips.ts';

/** A socket of a mail server, and the driver that asks it. */
interface Target {
  readonly name: string;
  readonly driver: DialectName;
  readonly path: string;
}

/** By driver: its connections by default, and whether several questions may go in one write. */
const HABITS: Readonly<Record<DialectName, { readonly sessions: number; readonly pipelines: boolean }>> = {
  socketmap: { sessions: 4, pipelines: false },
  lmtp: { sessions: 2, pipelines: true },
  dovecot: { sessions: 2, pipelines: true },
};

/** A mail server that has the mailboxes of the bench. */
interface MailServer {
  readonly mailboxes: number;
  readonly targets: readonly Target[];
  stop(): Promise<void>;
}

type Open = () => Promise<MailServer | { readonly missing: string }>;

const PARTS = process.env['SMMAP_PARTS'] ?? fileURLToPath(new URL('../../.parts', import.meta.url));
const CYRUS_MAILBOXES = 1_000; // Cyrus makes 100 in a second
const DOVECOT_MAILBOXES = 100_000;
const CONNECTIONS = 50;
const HOT = 10_000; // mailboxes that nine of ten requests ask for, if there is a cache

const openCyrus: Open = async () => {
  const installation = await findCyrus(PARTS);
  if ('missing' in installation) return installation;
  const server = await installation.start({ unixhierarchysep: true, postuser: '', virtdomains: 'userid' });
  await server.create(Array.from({ length: CYRUS_MAILBOXES }, (_, n) => ({ name: `user/${addressOf(n)}` })));
  const targets: readonly Target[] = [
    { name: 'smmapd of Cyrus', driver: 'socketmap', path: server.smmapd },
    { name: 'lmtpd of Cyrus', driver: 'lmtp', path: server.lmtp },
  ];
  return { mailboxes: CYRUS_MAILBOXES, targets, stop: () => server.stop() };
};

const openDovecot: Open = async () => {
  const installation = await findDovecot(PARTS);
  if ('missing' in installation) return installation;
  const server = await installation.start();
  await server.write(Array.from({ length: DOVECOT_MAILBOXES }, (_, n) => ({ name: addressOf(n) })));
  const targets: readonly Target[] = [
    { name: 'auth-userdb of Dovecot', driver: 'dovecot', path: server.auth },
    { name: 'lmtp of Dovecot', driver: 'lmtp', path: server.lmtp },
  ];
  return { mailboxes: DOVECOT_MAILBOXES, targets, stop: () => server.stop() };
};

const SERVERS = { Cyrus: openCyrus, Dovecot: openDovecot };

const ABOUT = `
Servers: requests for mailboxes that a mail server on this machine has. Load, daemon and mail server share its cores.
"bare client" is the load itself, which speaks the protocol of the mail server on as many sessions as the store has.
"x bare" divides by the bare client that asks one by one for the same. "database" is the mail server.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, print } = bench;
  print(ABOUT);
  const figures: Figure[] = [];
  const goals: Goal[] = [];
  for (const [name, open] of Object.entries(SERVERS)) {
    const before = childrenOf(process.pid);
    const server = await open();
    if ('missing' in server) {
      print(`${name}: not measured, ${server.missing}. To unpack it: sh test/real/parts.sh .parts\n`);
      continue;
    }
    const pid = childrenOf(process.pid).find((child) => !before.includes(child)) ?? null;
    try {
      for (const target of server.targets) {
        const rates = await measure(bench, target, server.mailboxes, pid);
        print(
          `${target.name} with ${formatNumber(server.mailboxes)} mailboxes, ${HABITS[target.driver].sessions} sessions\n`,
        );
        print(`${formatRates(rates, 'bare', (rate) => bareOf(rate, rates))}\n`);
        const trips = await countTrips(scratch, target.path, (path) => linesFor(target.driver, path));
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

export const serversPart: Part = { about: 'Cyrus and Dovecot behind the daemon, beside a bare client; minutes', run };

const MANY = '50 connections';
const MANY_ABSENT = '50 connections, NOTFOUND';
const ONE = '1 connection';
const ONE_ABSENT = '1 connection, NOTFOUND';
const CACHED = '50 connections, cache = {}';
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
  const start = (build: Build, more: readonly string[]) =>
    startDaemon(scratch, build, [...linesFor(target.driver, target.path), ...more]);
  const hot = Array.from({ length: 9 }, () => present(Math.min(HOT, mailboxes)));
  const mostlyHot = { keys: [...hot, present(mailboxes)] };
  const bare = bareServer(target.path, target.driver);
  const { sessions, pipelines } = HABITS[target.driver];
  for (const what of [MANY, MANY_ABSENT]) add(bare, what, { connections: sessions });
  if (pipelines) add(bare, PIPELINED, { connections: sessions, atOnce: 25 });
  for (const what of [ONE, ONE_ABSENT]) add(bare, what);
  for (const build of builds) {
    const server = await start(build, []);
    for (const what of [MANY, MANY_ABSENT, ONE, ONE_ABSENT]) add(server, what);
    add(await start(build, ['cache = {}']), CACHED, mostlyHot);
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

/** The lines of a store that asks the server at a path. */
function linesFor(driver: DialectName, path: string): string[] {
  return [`driver = "${driver}"`, `server = "unix:${path}"`, `canary = { mailbox = "${addressOf(0)}" }`];
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
