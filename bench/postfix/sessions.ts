import { cpuByProgram } from '../proc.ts';
import { serveOrders } from '../processes.ts';
import { quantile } from '../rounds.ts';
import { type Session, openSession } from './session.ts';

/**
 * The load on Postfix, a process of its own: SMTP sessions that each ask for one recipient after the other. They stay open
 * between turns, so that no turn pays for the start of an smtpd.
 */

/** One turn. */
export interface TurnOrder {
  readonly port: number;
  readonly sessions: number;
  /** Recipients are some of so many mailboxes. */
  readonly mailboxes: number;
  readonly warmMs: number;
  readonly runMs: number;
  /** The first process of each part that does some of the work; the processes that descend from it count. */
  readonly parts: Readonly<Record<string, number>>;
}

export interface TurnReport {
  readonly perSecond: number;
  readonly p50Us: number;
  /** CPU time of a RCPT in microseconds, by part and by program. */
  readonly cpuUs: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const MOST_PER_MS = 100; // RCPTs; room for the samples

const opened = new Map<number, Session[]>(); // by port

async function run({ port, sessions, mailboxes, warmMs, runMs, parts }: TurnOrder): Promise<TurnReport> {
  const open = opened.get(port) ?? [];
  opened.set(port, open);
  while (open.length < sessions) open.push(await openSession(port));
  const asking = open.slice(0, sessions);
  const waitsMs = new Float64Array((warmMs + runMs) * MOST_PER_MS);
  let replies = 0;
  const ask = async (ms: number): Promise<number> => {
    const fromMs = performance.now();
    const untilMs = fromMs + ms;
    replies = 0;
    await Promise.all(
      asking.map((session) => session.ask(mailboxes, untilMs, (waitedMs) => (waitsMs[replies++] = waitedMs))),
    );
    return performance.now() - fromMs;
  };
  const measure = (): Record<string, ReadonlyMap<string, number>> =>
    Object.fromEntries(Object.entries(parts).map(([part, pid]) => [part, cpuByProgram(pid)]));

  await Promise.all(asking.map((session) => session.begin(mailboxes)));
  await ask(warmMs);
  const before = measure();
  const tookMs = await ask(runMs);
  const after = measure();
  const cpuUs: Record<string, Record<string, number>> = {};
  for (const [part, programs] of Object.entries(after)) {
    const spent = [...programs].map(([name, us]) => [name, (us - (before[part]?.get(name) ?? 0)) / replies]);
    cpuUs[part] = Object.fromEntries(spent) as Record<string, number>;
  }
  const sorted = waitsMs.subarray(0, replies).toSorted();
  return {
    perSecond: (replies / tookMs) * 1_000,
    p50Us: quantile(sorted, 0.5) * 1_000,
    cpuUs,
  };
}

serveOrders(run);
