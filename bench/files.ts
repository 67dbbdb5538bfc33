import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import type { Part } from './bench.ts';
import { MAP, absent, addressOf, present } from './questions.ts';
import { type Asked, type Rate, figuresOf, formatRates, measureRates, ratioOf } from './rates.ts';
import { type Server, startDaemon } from './server.ts';
import { embedded } from './store.ts';
import { formatNumber, judge } from './table.ts';

const MAILBOXES = 100_000;
const FOLDERS = 10_000; // of the store maildir
const CONNECTIONS = 50;

const ABOUT = `
Files: requests for mailboxes in a list (driver file) with ${formatNumber(MAILBOXES)}, and for ${formatNumber(FOLDERS)}
mailboxes that are folders (driver maildir), beside the embedded store. "x embedded": divided by its row for the same.
`;

const run: Part['run'] = async (bench) => {
  const { scratch, builds, stores, print } = bench;
  const list = scratch.path('.list');
  writeFileSync(list, Array.from({ length: MAILBOXES }, (_, n) => `${addressOf(n)}\n`).join(''));
  const hourAgo = Date.now() / 1_000 - 3_600;
  utimesSync(list, hourAgo, hourAgo);
  const root = scratch.path('.mail');
  for (let n = 0; n < FOLDERS; n++) mkdirSync(`${root}/example.org/user${n}`, { recursive: true });
  const maildir = [
    'driver = "maildir"',
    `path = "${root}/{domain}/{local}"`,
    `canary = { mailbox = "${addressOf(0)}" }`,
  ];

  const asked: Asked[] = [];
  const servers: Server[] = [];
  for (const build of builds) {
    const { folder } = await stores.get(build, MAILBOXES);
    const kinds = [
      { kind: EMBEDDED, mailboxes: MAILBOXES, lines: embedded(folder) },
      { kind: 'file', mailboxes: MAILBOXES, lines: ['driver = "file"', `mailboxes = "${list}"`] },
      { kind: 'maildir', mailboxes: FOLDERS, lines: maildir },
    ];
    for (const { kind, mailboxes, lines } of kinds) {
      const server = await startDaemon(scratch, build, lines);
      servers.push(server);
      const same = { server, map: MAP, connections: CONNECTIONS };
      asked.push(
        { ...same, what: `${kind}, OK`, keys: [present(mailboxes)], expected: 'OK' },
        { ...same, what: `${kind}, NOTFOUND`, keys: [absent(mailboxes)], expected: 'NOTFOUND' },
        { ...same, what: `${kind}, 1 connection`, keys: [present(mailboxes)], expected: 'OK', connections: 1 },
      );
    }
  }
  const rates = await measureRates(bench, asked);
  for (const server of servers) await server.close();

  const embeddedOf = ({ asked: { what, server } }: Rate): Rate =>
    rates.find(({ asked: of }) => of.server.name === server.name && of.what === what.replace(/^\w+/, EMBEDDED)) as Rate;
  print(ABOUT);
  print(formatRates(rates, EMBEDDED, embeddedOf));
  const list50 = rates.find(
    ({ asked: { what, server } }) => what === 'file, OK' && server.name === 'this build',
  ) as Rate;
  const ratio = ratioOf(list50, embeddedOf(list50), 'perSecond');
  return { figures: figuresOf(rates), goals: [judge('requests/s of file, x embedded', ratio, 'at least', 0.8)] };
};

const EMBEDDED = 'embedded';

export const filesPart: Part = { about: 'lists and folders behind the daemon, beside the embedded store', run };
