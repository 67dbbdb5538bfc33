import type { Bench } from '../bench.ts';
import { openWorker } from '../processes.ts';
import { interleave } from '../rounds.ts';
import type { TurnOrder, TurnReport } from './sessions.ts';
import type { Served } from './world.ts';

/** The turns of a kind with so many sessions, by round. */
export interface Turns {
  readonly kind: Served;
  readonly sessions: number;
  readonly reports: readonly TurnReport[];
}

export const SESSIONS = [1, 8, 40];

/** So many sessions, in words. */
export function sessionsOf(sessions: number): string {
  return sessions === 1 ? '1 session' : `${sessions} sessions`;
}

const WARM_MS = 50;
const RUN_MS = 250;

/** Gives each kind a turn in each round, with each number of sessions. */
export async function takeTurns(
  { scratch, rounds }: Bench,
  served: readonly Served[],
  postfixPid: number,
  onTurn: (done: number, all: number) => void,
): Promise<Turns[]> {
  const load = openWorker<TurnOrder, TurnReport>(scratch, 'postfix/sessions.js');
  const all = SESSIONS.flatMap((sessions) => served.map((kind) => ({ kind, sessions })));
  let done = 0;
  const reports = await interleave(
    rounds,
    all.map(({ kind: { name, port, mailboxes, parts }, sessions }) => async () => {
      const asked = { port, sessions, mailboxes, parts: { postfix: postfixPid, ...parts } };
      const report = await load.run({ ...asked, warmMs: WARM_MS, runMs: RUN_MS }).catch((cause: Error) => {
        throw new Error(`${name} with ${sessionsOf(sessions)}: ${cause.message}`, { cause });
      });
      onTurn(++done, all.length * (rounds + 1));
      return report;
    }),
    true,
  );
  return all.map(({ kind, sessions }, at) => ({ kind, sessions, reports: reports[at] ?? [] }));
}
