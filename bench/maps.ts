import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, EMBEDDED_MAILBOXES, type Part } from './bench.ts';
import { judge } from './goal.ts';
import { type Keys, hits, misses } from './request.ts';
import { type Contender, STANDING_HEAD, type Standing, formatStanding, runRounds } from './round.ts';
import { type Server, startDaemon } from './server.ts';
import { fileOf, importList } from './store.ts';
import { formatTable } from './table.ts';

const CONNECTIONS = 50;
const ADDED = 100_000; // aliases, and keys of the table
const MOST_OVER_HIT = 2;

const CONFIG = [
  '[log]',
  'level = "warn"',
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

/** What is asked, and what the reply has to be. */
interface Kind {
  readonly name: string;
  readonly map: string;
  readonly keys: Keys;
  readonly reply: 'OK' | 'NOTFOUND';
  /** Whether the goal is for it. */
  readonly judged?: true;
}

const MAILBOX = hits(EMBEDDED_MAILBOXES);
const NO_MAILBOX = misses(EMBEDDED_MAILBOXES);
const WITH_DETAIL: Keys = { form: 'user<N>+x@example.org', count: EMBEDDED_MAILBOXES };
const ALIAS: Keys = { form: 'alias<N>@example.org', count: ADDED };
const ALIAS_WITH_DETAIL: Keys = { form: 'alias<N>+x@example.org', count: ADDED };
const CAUGHT: Keys = { form: 'nobody<N>@caught.example', count: EMBEDDED_MAILBOXES };
const ENTRY: Keys = { form: 'client<N>.example', count: ADDED };
const NO_ENTRY: Keys = { form: 'client<N>x.example', count: ADDED };
const DOMAIN: Keys = { form: 'example.org', count: 1 };

const KINDS: readonly Kind[] = [
  { name: 'mailbox hit', map: 'mailbox', keys: MAILBOX, reply: 'OK' },
  { name: 'mailbox hit, detail', map: 'mailbox', keys: WITH_DETAIL, reply: 'OK' },
  { name: 'mailbox miss', map: 'mailbox', keys: NO_MAILBOX, reply: 'NOTFOUND', judged: true },
  { name: 'recipient: miss', map: 'recipient', keys: NO_MAILBOX, reply: 'NOTFOUND' },
  { name: 'recipient: an alias', map: 'recipient', keys: ALIAS, reply: 'OK' },
  { name: 'alias hit', map: 'virtual', keys: ALIAS, reply: 'OK', judged: true },
  { name: 'alias hit, detail', map: 'virtual', keys: ALIAS_WITH_DETAIL, reply: 'OK' },
  { name: 'alias miss: a mailbox', map: 'virtual', keys: MAILBOX, reply: 'NOTFOUND', judged: true },
  { name: 'catch-all hit', map: 'virtual', keys: CAUGHT, reply: 'OK', judged: true },
  { name: 'table hit', map: 'access', keys: ENTRY, reply: 'OK' },
  { name: 'table miss', map: 'access', keys: NO_ENTRY, reply: 'NOTFOUND' },
  { name: 'domain hit', map: 'domains', keys: DOMAIN, reply: 'OK' },
];

/** What each kind of question costs beside a mailbox that is there. */
export const mapsPart: Part = async (bench) => {
  const { scratch, load, daemon, other, extent, print } = bench;
  const store = { driver: 'embedded', path: await makeStore(bench) } as const;
  const server = await startDaemon(scratch, daemon, store, CONFIG);
  const otherServer = other === null ? null : await startDaemon(scratch, other, store, CONFIG);
  const kinds = new Map<Contender, Kind>();
  for (const kind of KINDS) {
    kinds.set(contenderOf(kind, server, ''), kind);
    if (otherServer !== null) kinds.set(contenderOf(kind, otherServer, 'other, '), kind);
  }
  const standings = await runRounds(load, [...kinds.keys()], extent);
  await server.close();
  await otherServer?.close();
  for (const standing of standings) checkReplies(standing, kinds.get(standing.contender) as Kind);

  print(
    `\nMaps: 1 M mailboxes, 100 k aliases, a catch-all, a table of 100 k keys; ratios to a mailbox hit in the same round, ` +
      `medians of ${extent.rounds}\nLog level warn, so that the maps alone are compared; at info a NOTFOUND is logged\n`,
  );
  print(formatTable(STANDING_HEAD, standings.map(formatStanding), 2));

  return standings
    .filter(({ contender }) => contender.server === server && kinds.get(contender)?.judged)
    .map(({ contender, serverUsRatio }) =>
      judge(`${contender.name}, CPU time over that of a mailbox hit`, serverUsRatio ?? NaN, 'at most', MOST_OVER_HIT),
    );
};

/** A copy of the mailboxes with all that the maps need besides; the other parts' store stays as it is. */
async function makeStore({ scratch, stores, daemon }: Bench): Promise<string> {
  const dir = join(scratch.folder, 'maps');
  const aliases = `${dir}.aliases`;
  const table = `${dir}.table`;
  const numbers = Array.from({ length: ADDED }, (_, number) => number);
  const caught = '@caught.example user0@example.org\n';
  writeFileSync(aliases, numbers.map((n) => `alias${n}@example.org user${n}@example.org\n`).join('') + caught);
  writeFileSync(table, numbers.map((n) => `client${n}.example REJECT\n`).join(''));
  const { file } = await stores.get(EMBEDDED_MAILBOXES);
  mkdirSync(dir, { recursive: true });
  copyFileSync(file, fileOf(dir));
  await importList(scratch, daemon, dir, ['alias', 'import', aliases]);
  await importList(scratch, daemon, dir, ['table', 'import', 'access', table]);
  return dir;
}

function contenderOf({ name, map, keys }: Kind, server: Server, prefix: string): Contender {
  return { name: prefix + name, server, connections: CONNECTIONS, map, keys: [keys] };
}

/** What was measured has to be what its name says. */
function checkReplies({ contender, found, notFound, other }: Standing, { reply }: Kind): void {
  const wrong = other + (reply === 'OK' ? notFound : found);
  if (wrong > 0) throw new Error(`${contender.name}: ${wrong} replies were not ${reply}`);
}
