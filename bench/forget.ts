import { setTimeout as sleep } from 'node:timers/promises';
import type { Question } from '../src/vocabulary.ts';
import { PARTS } from '../test/real/part.ts';
import { findPostgresql } from '../test/support/postgresql.ts';
import type { Build, Part } from './bench.ts';
import { quantile } from './rounds.ts';
import { type Figure, formatNumber, formatTable, judge } from './table.ts';

type Cache = import('../src/store/guard/cache.ts').CachedStore;

/** Makes the cache forget `count` addresses, each of them the next one. It may go on in the background. */
type Notify = (count: number) => void;

/** What lookups waited, from the moment when they were due, and what was forgotten meanwhile. */
interface Phase {
  readonly what: string;
  readonly who: string;
  readonly forgotten: number;
  readonly waits: Float64Array;
  /** How much of one core this process used. */
  readonly busy: number;
  /** CPU time of each turn of the loop, with that of the garbage collector: other programs do not disturb it. */
  readonly turns: Float64Array;
}

const ANSWERS = 1_000_000;
const ENTRIES = 3_300_000; // three eighths are for absences and failures, and up to half of the rest may be young
const LARGE = 100_000; // answers in the large domain
const SMALL_DOMAINS = 5_000;
const LOOKUPS = 5_000; // a second
const NOTIFICATIONS = 10_000; // a second
const SECONDS = 10;
const ONCE_SECONDS = 2;
const TICK_MS = 100; // between two sends of notifications through PostgreSQL
const MOST_P99_MS = 10;
const ACTIVE = { value: '', state: 'active' } as const;
const CHANNEL = 'changed';

const ABOUT = `
Forget: a cache with ${formatNumber(ANSWERS)} answers, in this process. While ${formatNumber(LOOKUPS)} lookups a second go on, changes make it forget.
The wait of a lookup counts from the moment when it is due, so it contains all that held the loop.
`;

const run: Part['run'] = async ({ builds, print }) => {
  print(ABOUT);
  const phases: Phase[] = [];
  for (const build of builds) phases.push(...(await phasesOf(build, print)));
  const head = ['what', 'server', 'forgotten', 'p50 us', 'p99 us', 'max us', 'core %', 'turn: p99 CPU us', 'max'];
  const rows = phases.map(({ what, who, forgotten, waits, busy, turns }) => {
    const figures = [
      quantile(waits, 0.5),
      quantile(waits, 0.99),
      waits.at(-1) ?? NaN,
      busy * 100,
      quantile(turns, 0.99),
      turns.at(-1) ?? NaN,
    ];
    return [what, who, forgotten.toLocaleString('en-US'), ...figures.map(formatNumber)];
  });
  print(`${formatTable(head, rows, 2)}\n`);
  const figures = phases.map(({ what, who, turns }): Figure => {
    return { what, who, unit: 'p99 of turns, CPU us', better: 'lower', values: [quantile(turns, 0.99)] };
  });
  const goals = phases
    .filter(({ who }) => who === 'this build')
    .flatMap(({ what, waits, turns }) => [
      judge(`p99 ms of lookups, forgets ${what}`, quantile(waits, 0.99) / 1_000, 'at most', MOST_P99_MS),
      judge(`p99 CPU ms of turns, forgets ${what}`, quantile(turns, 0.99) / 1_000, 'at most', MOST_P99_MS),
    ]);
  return { figures, goals };
};

export const forgetPart: Part = { about: 'a large cache while changes make it forget; a minute', run };

async function phasesOf(build: Build, print: (text: string) => void): Promise<Phase[]> {
  const { createCache } = (await import(
    `${build.folder}/dist/store/guard/cache.js`
  )) as typeof import('../src/store/guard/cache.ts');
  const store = {
    lookup: () => ACTIVE,
    lookupAtOnce: (asked: readonly unknown[]) => asked.map(() => ACTIVE),
    atomic: true,
    close() {},
  };
  const day = 86_400_000;
  const lives = { positiveMs: day, negativeMs: day, failureMs: day, staleMs: day };
  const cache = createCache(store, { entries: ENTRIES, ...lives });
  const fill = (): void => {
    for (let number = 0; number < ANSWERS; number++) void cache.lookup(questionOf(number));
  };
  fill();
  let next = LARGE;
  const addresses: Notify = (count) => {
    for (let nth = 0; nth < count; nth++) cache.forget(addressOf(next++));
  };
  const once = (what: string | null): Notify => {
    let isDone = false;
    return () => {
      if (!isDone) cache.forget(what);
      isDone = true;
    };
  };
  const measure = (what: string, seconds: number, notify: Notify): Promise<Phase> =>
    measurePhase(cache, what, build.name, seconds, notify);
  return [
    await measure('nothing', ONCE_SECONDS, () => {}),
    await measure(`${formatNumber(NOTIFICATIONS)} addresses a second`, SECONDS, addresses),
    ...(await throughPostgresql(build, cache, print, measure)),
    await measure(`a domain with ${formatNumber(LARGE)}`, ONCE_SECONDS, once('@large.example')),
    await measure('everything', ONCE_SECONDS, once(null)),
  ];
}

/** The same notifications as PostgreSQL sends them: each in the loop that serves lookups. */
async function throughPostgresql(
  { folder }: Build,
  cache: Cache,
  print: (text: string) => void,
  measure: (what: string, seconds: number, notify: Notify) => Promise<Phase>,
): Promise<Phase[]> {
  const installation = findPostgresql(PARTS);
  if ('missing' in installation) {
    print(`Not measured through PostgreSQL, ${installation.missing}. To unpack it: sh test/real/parts.sh .parts\n`);
    return [];
  }
  const server = await installation.start();
  const { watchPostgresql } = (await import(
    `${folder}/dist/store/driver/postgresql/driver.js`
  )) as typeof import('../src/store/driver/postgresql/driver.ts');
  const options = { url: server.url(), password: null, tls: null, timeoutMs: 10_000 };
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const watch = watchPostgresql(options, CHANNEL, (what) => {
    if (what === null) begin();
    else cache.forget(what);
  });
  await begun;
  let next = ANSWERS - SECONDS * NOTIFICATIONS;
  let waiting = 0;
  let sending: Promise<unknown> = Promise.resolve();
  const send = (): void => {
    const address = `'user' || n || '@d' || n % ${SMALL_DOMAINS} || '.example'`;
    const numbers = `generate_series(${next}, ${next + waiting - 1}) n`;
    sending = sending.then(() => server.sql(`select count(pg_notify('${CHANNEL}', ${address})) from ${numbers}`));
    next += waiting;
    waiting = 0;
  };
  const timer = setInterval(() => waiting > 0 && send(), TICK_MS);
  try {
    return [await measure('the same, through PostgreSQL', SECONDS, (count) => void (waiting += count))];
  } finally {
    clearInterval(timer);
    await sending;
    await watch.close();
    await server.stop();
  }
}

/** Looks up random mailboxes on time, and notifies on time, a bit in each turn. */
async function measurePhase(cache: Cache, what: string, who: string, seconds: number, notify: Notify): Promise<Phase> {
  const waits = new Float64Array(LOOKUPS * seconds);
  const before = cache.stats();
  const cpu = process.cpuUsage();
  const begunAt = performance.now();
  const due = (perSecond: number): number =>
    Math.floor(Math.min(seconds, (performance.now() - begunAt) / 1_000) * perSecond);
  const turns: number[] = [];
  let [asked, told] = [0, 0];
  while (asked < waits.length) {
    const turn = process.cpuUsage();
    const count = due(NOTIFICATIONS) - told;
    notify(count);
    told += count;
    for (const until = due(LOOKUPS); asked < until; asked++) {
      void cache.lookup(questionOf(Math.floor(Math.random() * ANSWERS)));
      waits[asked] = (performance.now() - begunAt) * 1_000 - (asked / LOOKUPS) * 1_000_000;
    }
    await sleep(1);
    const used = process.cpuUsage(turn);
    turns.push(used.user + used.system);
  }
  const { user, system } = process.cpuUsage(cpu);
  const busy = (user + system) / 1_000 / (performance.now() - begunAt);
  const after = cache.stats();
  const forgotten = before.entries - after.entries + after.misses - before.misses; // each miss is kept
  return { what, who, forgotten, waits: waits.toSorted(), busy, turns: Float64Array.from(turns).toSorted() };
}

function addressOf(number: number): string {
  return number < LARGE ? `user${number}@large.example` : `user${number}@d${number % SMALL_DOMAINS}.example`;
}

function questionOf(number: number): Question {
  const [local, domain] = addressOf(number).split('@') as [string, string];
  return { about: 'mailbox', local, domain, exact: false, folder: null, anyCase: false };
}
