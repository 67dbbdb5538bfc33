import type { Bench, Part } from '../bench.ts';
import { type Figure, type Goal, formatNumber, judge } from '../table.ts';
import { COLD, EMBEDDED, PGSQL, WARM } from './rows.ts';
import { formatCpu, formatHops, formatShares, shareOf } from './tables.ts';
import { SESSIONS, type Turns, sessionsOf, takeTurns } from './turns.ts';
import { openPostfixWorld } from './world.ts';

const MAILBOXES = 100_000;
const MANY = 1_000_000; // with --full

const run: Part['run'] = async (bench) => {
  const { print } = bench;
  const mailboxes = bench.full ? MANY : MAILBOXES;
  print(`\nPostfix: ${formatNumber(mailboxes)} mailboxes are written to each kind of table.`);
  const world = await openPostfixWorld(bench, mailboxes, (name, why) => print(`${name}: not measured, ${why}.`));
  if ('missing' in world) {
    print(`Postfix: not measured, ${world.missing}. To unpack it: sh test/real/parts.sh .parts`);
    return { figures: [], goals: [] };
  }
  try {
    const all = await takeTurns(bench, world.served, world.pid, progress).catch((cause: Error) => {
      throw new Error(`${cause.message}\n${world.complaints()}`, { cause });
    });
    print(aboutOf(bench, mailboxes));
    print(`${formatShares(all)}\n`);
    print(formatCpu(all));
    if (bench.floor) print(`${ABOUT_FLOOR}\n${formatHops(all)}`);
    return { figures: figuresOf(all), goals: judgeAll(all) };
  } finally {
    await world.close();
  }
};

export const postfixPart: Part = {
  about: 'RCPTs through a real smtpd with each kind of table, smmap and `pgsql:` among them; minutes',
  run,
};

function aboutOf({ rounds }: Bench, mailboxes: number): string {
  return `
RCPTs through a real Postfix: each kind of table has an smtpd of its own, and all kinds take turns in each of ${rounds}
rounds. 1, 8 or 40 SMTP sessions ask for one of ${formatNumber(mailboxes)} mailboxes after the other, all of which exist
(Cyrus has fewer): MAIL, 50 RCPTs, RSET, and no command before the last reply. The sessions are open before a turn
begins. Load, Postfix and all that answers it share the cores. The median of the rounds counts.
`;
}

const ABOUT_FLOOR = `
The hop to PostgreSQL: the bare servers have one prepared statement with the query of \`pgsql:\`, and nothing else: no
limits, no checks, no log. Each smtpd has its own connection through them, in C its own process.
`;

/** One line that is written over, where somebody looks at it. */
function progress(done: number, all: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(done === all ? '\r\x1b[K' : `\rturn ${done} of ${all}`);
}

function figuresOf(all: readonly Turns[]): Figure[] {
  return all.flatMap(({ kind: { name, build }, sessions, reports }): Figure[] => {
    const same = { what: `${name}, ${sessionsOf(sessions)}`, who: build?.name ?? 'Postfix' };
    const cpuUs = reports.map((report) =>
      Object.values(report.cpuUs).reduce(
        (sum, programs) => sum + Object.values(programs).reduce((a, b) => a + b, 0),
        0,
      ),
    );
    return [
      { ...same, unit: 'CPU us/RCPT', better: 'lower', values: cpuUs },
      { ...same, unit: 'RCPTs/s', better: 'higher', values: reports.map(({ perSecond }) => perSecond) },
    ];
  });
}

/** Somebody who comes from `pgsql:` loses nothing, and a warm cache is as good as the embedded store. */
function judgeAll(all: readonly Turns[]): Goal[] {
  return SESSIONS.flatMap((sessions) => {
    const of = (name: string): Turns | undefined =>
      all.find(({ kind, sessions: same }) => {
        return kind.name === name && same === sessions && kind.build?.name !== 'other build';
      });
    const judged = (name: string, to: string, limit: number): Goal[] => {
      const [one, other] = [of(name), of(to)];
      if (one === undefined || other === undefined) return [];
      return [judge(`RCPTs/s of ${name}, ${sessionsOf(sessions)}, x ${to}`, shareOf(one, other), 'at least', limit)];
    };
    return judged(COLD, PGSQL, 1).concat(judged(WARM, EMBEDDED, 0.95));
  });
}
