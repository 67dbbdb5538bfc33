import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Bench, Build, Part } from './bench.ts';
import { type Keys, absent, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { type Server, startDaemon } from './server.ts';
import { embedded, runOnStore } from './store.ts';
import { judge } from './table.ts';

const CONNECTIONS = 50;
const MAILBOXES = 1_000_000;
const ADDED = 100_000; // aliases, and keys of the table
const MOST_TIMES = 2;

const CONFIG = [
  '[log]',
  'level = "warn"', // at "info" each NOTFOUND is logged too, see the part throughput
  '[map.mailbox]',
  'kind = "mailbox"',
  '[map.recipient]',
  'kind = "mailbox"',
  'aliases = true',
  '[map.virtual]',
  'kind = "alias"',
  '[map.domains]',
  'kind = "domain"',
  '[map.access]',
  'kind = "table"',
];

const HIT = 'mailbox found';

/** The name of the row, the map, the keys, and what every reply has to be. */
const QUESTIONS: readonly (readonly [what: string, map: string, keys: Keys, expected: 'OK' | 'NOTFOUND'])[] = [
  [HIT, 'mailbox', present(MAILBOXES), 'OK'],
  ['mailbox found, with +detail', 'mailbox', { form: 'user<N>+x@example.org', count: MAILBOXES }, 'OK'],
  ['mailbox absent', 'mailbox', absent(MAILBOXES), 'NOTFOUND'],
  ['mailbox or alias: an alias', 'recipient', { form: 'alias<N>@example.org', count: ADDED }, 'OK'],
  ['mailbox or alias: absent', 'recipient', absent(MAILBOXES), 'NOTFOUND'],
  ['alias found', 'virtual', { form: 'alias<N>@example.org', count: ADDED }, 'OK'],
  ['alias absent', 'virtual', present(MAILBOXES), 'NOTFOUND'],
  ['alias found: the catch-all', 'virtual', { form: 'nobody<N>@caught.example', count: MAILBOXES }, 'OK'],
  ['table key found', 'access', { form: 'client<N>.example', count: ADDED }, 'OK'],
  ['domain found', 'domains', { form: 'example.org', count: 1 }, 'OK'],
];

/** The rows that must not cost more than MOST_TIMES what a mailbox that is found costs. */
const JUDGED = new Set(['mailbox absent', 'alias found', 'alias absent', 'alias found: the catch-all']);

const ABOUT = `
Maps: what each kind of question costs, with ${CONNECTIONS} kept connections. The embedded store has 1,000,000 mailboxes,
100,000 aliases, one catch-all and a table of 100,000 keys. The log level is "warn". "x first": divided by the first row.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, builds, print } = bench;
  const daemons: Server[] = [];
  for (const build of builds) {
    daemons.push(await startDaemon(scratch, build, embedded(await makeStore(bench, build)), CONFIG));
  }
  const asked = QUESTIONS.flatMap(([what, map, keys, expected]): Asked[] =>
    daemons.map((server) => ({ what, server, connections: CONNECTIONS, map, keys: [keys], expected })),
  );
  const rates = await measureRates(bench, asked);
  for (const server of daemons) await server.close();

  print(ABOUT);
  const hit = rates[0] as Rate;
  print(formatRates(rates, 'first', () => hit));

  const judged = rates.filter(({ asked: { what, server } }) => JUDGED.has(what) && server === daemons[0]);
  return {
    goals: judged.map((rate) =>
      judge(`CPU time of "${rate.asked.what}", x "${HIT}"`, ratioOf(rate, hit, 'cpuUs'), 'at most', MOST_TIMES),
    ),
    figures: figuresOf(rates),
  };
};

export const mapsPart: Part = {
  about: 'what a question costs to each kind of map: found, absent, alias, catch-all',
  run,
};

/** A copy of the mailboxes, with aliases and a table; the store of the other parts stays as it is. */
async function makeStore({ scratch, stores }: Bench, build: Build): Promise<string> {
  const folder = scratch.path('.maps');
  const [aliases, table] = [`${folder}.aliases`, `${folder}.table`];
  const lines = (line: (n: number) => string): string => Array.from({ length: ADDED }, (_, n) => line(n)).join('');
  const caught = '@caught.example user0@example.org\n';
  writeFileSync(aliases, lines((n) => `alias${n}@example.org user${n}@example.org\n`) + caught);
  writeFileSync(
    table,
    lines((n) => `client${n}.example REJECT\n`),
  );
  const { file } = await stores.get(build, MAILBOXES);
  mkdirSync(folder);
  copyFileSync(file, `${folder}/smmap.mdb`);
  await runOnStore(scratch, build, folder, ['alias', 'import', aliases]);
  await runOnStore(scratch, build, folder, ['table', 'import', 'access', table]);
  return folder;
}
