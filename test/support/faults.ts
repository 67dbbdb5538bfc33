import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { Question } from '../../src/vocabulary.ts';

export interface Trial {
  /** Entries that the store always has, and questions for entries that it never has. */
  readonly present: readonly Question[];
  readonly absent: readonly Question[];
  /** Breaks the server or file of the store, while the store is asked. */
  fault(): Promise<void> | void;
  /** How long it stays broken before it is repaired. */
  readonly brokenMs?: number;
  mend(): Promise<void> | void;
  /** Whether questions must fail while it is broken. False if another server replaces it. Default: true. */
  readonly fails?: boolean;
}

/** The numbers of answers. */
export interface Outcome {
  answers: number;
  found: number;
  absent: number;
  failed: number;
  slowestMs: number;
  /** From the end of `mend` until every question of 250 ms was answered at a tenth of the rate of before, or better. */
  recoveredMs: number;
}

const IN_FLIGHT = 50;
const WINDOW_MS = 250;
const WARM_MS = 500;
const DEADLINE_MS = 3_000;
const RECOVERY_MS = 5_000;
const PACE = 0.1; // of the rate before: other tests may have begun meanwhile on this machine
const PAUSE_MS = 5; // between two questions of a client, so that those to a store in memory do not take all the time there is

/**
 * Keeps 50 open questions to a store while it is broken and repaired. Expects: nothing that exists is ever absent,
 * nothing absent is ever found, each question settles within 3 s, and the store answers everything within 5 s of the
 * repair. The outcome has the number of checked answers. A test prints it with `tell`.
 */
export async function expectNoLies(store: Store, trial: Trial): Promise<Outcome> {
  const outcome: Outcome = { answers: 0, found: 0, absent: 0, failed: 0, slowestMs: 0, recoveredMs: NaN };
  const lies: string[] = [];
  let window = { answered: 0, failed: 0 };
  const end = new AbortController();
  let at = 0;

  const ask = async (question: Question, exists: boolean): Promise<void> => {
    const begun = performance.now();
    try {
      const answer = await store.lookup(question);
      if ((answer !== null) !== exists) lies.push(`${JSON.stringify(question)}: ${JSON.stringify(answer)}`);
      if (answer === null) outcome.absent++;
      else outcome.found++;
      window.answered++;
    } catch {
      outcome.failed++;
      window.failed++;
    }
    outcome.answers++;
    outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - begun);
  };
  const client = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const exists = at % 2 === 0;
      const questions = exists ? trial.present : trial.absent;
      await ask(questions[(at++ >> 1) % questions.length] as Question, exists);
      await sleep(PAUSE_MS);
    }
  };
  const nextWindow = async (): Promise<typeof window> => {
    window = { answered: 0, failed: 0 };
    await sleep(WINDOW_MS);
    return { ...window };
  };

  const clients = Array.from({ length: IN_FLIGHT }, client);
  try {
    await sleep(WARM_MS);
    const before = await nextWindow();
    expect(before.failed, 'failures before the fault').toBe(0);
    const failedBefore = outcome.failed;
    await trial.fault();
    await sleep(trial.brokenMs ?? 1_000);
    if (trial.fails ?? true) expect(outcome.failed, 'failures by the fault').toBeGreaterThan(failedBefore);
    await trial.mend();
    const mendedAt = performance.now();
    while (Number.isNaN(outcome.recoveredMs)) {
      const { answered, failed } = await nextWindow();
      const sinceMs = performance.now() - mendedAt;
      if (failed === 0 && answered >= before.answered * PACE)
        outcome.recoveredMs = Math.max(0, Math.round(sinceMs - WINDOW_MS));
      else if (sinceMs > RECOVERY_MS + WINDOW_MS) break;
    }
  } finally {
    end.abort();
    await Promise.all(clients);
  }
  outcome.slowestMs = Math.round(outcome.slowestMs);
  expect(lies.slice(0, 10)).toEqual([]);
  expect(outcome.slowestMs).toBeLessThan(DEADLINE_MS);
  expect(outcome.recoveredMs).toBeLessThanOrEqual(RECOVERY_MS);
  return outcome;
}

export function tell(what: string, outcome: Outcome): void {
  const { answers, found, absent, failed, slowestMs, recoveredMs } = outcome;
  process.stderr.write(
    `${what}: ${answers} answers checked (${found} found, ${absent} absent, ${failed} failed), ` +
      `slowest ${slowestMs} ms, answered everything again after ${recoveredMs} ms\n`,
  );
}
