import { EMBEDDED_MAILBOXES, MEMORY_MAILBOXES, type Part } from './bench.ts';
import { CYRUS_MAP, hits, misses } from './request.ts';
import { type Contender, STANDING_HEAD, formatStanding, runRounds } from './round.ts';
import { startDaemon, startFloor } from './server.ts';
import { formatFixed, formatTable } from './table.ts';

const CONNECTIONS = 50;
const ASKED = { connections: CONNECTIONS, map: CYRUS_MAP };

/** What a NOTFOUND costs beside an OK: it is logged, and an embedded store has more to ask. */
export const refusalPart: Part = async ({ scratch, load, stores, daemon, other, extent, print }) => {
  const store = await stores.get(EMBEDDED_MAILBOXES);
  const memory = { driver: 'memory', mailboxes: MEMORY_MAILBOXES } as const;
  const embedded = { driver: 'embedded', path: store.dir } as const;
  const servers = [
    { name: 'memory', mailboxes: MEMORY_MAILBOXES, server: await startDaemon(scratch, daemon, memory) },
    { name: 'embedded', mailboxes: EMBEDDED_MAILBOXES, server: await startDaemon(scratch, daemon, embedded) },
  ];
  if (other !== null) {
    const server = await startDaemon(scratch, other, embedded);
    servers.push({ name: 'other, embedded', mailboxes: EMBEDDED_MAILBOXES, server });
  }
  const floor = await startFloor(scratch);

  const contenders: Contender[] = [
    { name: 'floor', server: floor, ...ASKED, keys: [hits(MEMORY_MAILBOXES)] },
    ...servers.flatMap(({ name, mailboxes, server }) => [
      { name: `${name}, hits`, server, ...ASKED, keys: [hits(mailboxes)] },
      { name: `${name}, half misses`, server, ...ASKED, keys: [hits(mailboxes), misses(mailboxes)] },
    ]),
  ];
  const standings = await runRounds(load, contenders, extent);
  for (const { server } of [...servers, { server: floor }]) await server.close();

  print(`\nRefusals: half of the mailboxes are not there, each is logged at info into a file\n`);
  print(formatTable(STANDING_HEAD, standings.map(formatStanding), 2));
  print('');
  servers.forEach(({ name }, at) => {
    const whole = standings[2 * at + 1]?.serverUs ?? NaN;
    const half = standings[2 * at + 2]?.serverUs ?? NaN;
    print(`${name}: an OK costs ${formatFixed(whole, 1)} us, a refusal ${formatFixed(2 * half - whole, 1)} us`);
  });
  return [];
};
