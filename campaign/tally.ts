// What a campaign has seen, and what it prints at the end.

import { FLAWS, type Flaw, type Question, type Verdict } from './judge.ts';

export interface Violation {
  readonly flaw: Flaw | 'crashed';
  readonly atMs: number;
  /** What happened: the question, the answer, what was true. */
  readonly text: string;
  readonly faults: string;
}

export interface Tally {
  readonly violations: readonly Violation[];
  readonly answers: number;
  add(verdict: Exclude<Verdict, Flaw>, question: Question, nowMs: number): void;
  violate(violation: Violation): void;
  /** One line of progress. */
  line(): string;
}

export interface Ending {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly written: number;
  readonly missing: readonly string[];
  /** The command that repeats it. */
  readonly again: string;
}

const MOST_SHOWN = 20;

export interface Report extends Tally {
  report(ending: Ending): string;
}

/** Begins to count. `tell` is told of the first violations at once. */
export function createTally(tell: (line: string) => void = () => {}): Report {
  const counts = { OK: 0, NOTFOUND: 0, TEMP: 0, dropped: 0, interrupted: 0 };
  const violations: Violation[] = [];
  const byMap = new Map<string, { answers: number; temp: number }>();
  let slowest = { ms: 0, text: '' };
  const answers = (): number => counts.OK + counts.NOTFOUND + counts.TEMP;
  const share = (): string => percent(counts.TEMP, answers());
  const of = (flaw: string): number => violations.filter((each) => each.flaw === flaw).length;
  return {
    violations,
    get answers() {
      return answers();
    },
    add(verdict, { map, key, sentMs }, nowMs) {
      counts[verdict]++;
      if (verdict === 'dropped' || verdict === 'interrupted') return;
      const its = byMap.get(map) ?? { answers: 0, temp: 0 };
      byMap.set(map, { answers: its.answers + 1, temp: its.temp + (verdict === 'TEMP' ? 1 : 0) });
      if (nowMs - sentMs > slowest.ms) slowest = { ms: nowMs - sentMs, text: `${map} ${key}` };
    },
    violate(violation) {
      if (violations.push(violation) <= MOST_SHOWN) tell(textOf(violation));
    },
    line: () => `${answers()} answers, ${share()} TEMP, ${violations.length} violations`,
    report({ seed, minutes, faults, written, missing, again }) {
      const total = [...faults.values()].reduce((sum, count) => sum + count, 0);
      const kinds = [...faults].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${kind} ${count}`);
      const shown = violations
        .slice(0, MOST_SHOWN)
        .map((violation, at) => `\n${at + 1}. ${textOf(violation)}\n   again: ${again}`);
      const temps = [...byMap].map(([map, its]) => `${map} ${percent(its.temp, its.answers)}`);
      const flaws = [...FLAWS, 'crashed'].map((flaw) => `${flaw} ${of(flaw)}`);
      return [
        `seed ${seed}, ${minutes} minutes`,
        `faults ${total}: ${kinds.join(', ')}`,
        ...(missing.length === 0 ? [] : [`without ${missing.join('; ')}`]),
        `answers ${answers()}: OK ${counts.OK}, NOTFOUND ${counts.NOTFOUND}, TEMP ${counts.TEMP} (${share()})`,
        `TEMP by map: ${temps.join(', ')}`,
        `written ${written} mailboxes added, removed or moved`,
        flaws.join(', '),
        `ended without an answer, as documented: ${counts.dropped}`,
        `late, since the process was stopped during the write: ${counts.interrupted}`,
        `slowest answer ${Math.round(slowest.ms)} ms (${slowest.text})`,
        violations.length === 0 ? 'held' : `BROKEN: ${violations.length} violations, of which ${shown.length} follow`,
        ...shown,
      ].join('\n');
    },
  };
}

function textOf({ flaw, atMs, text, faults }: Violation): string {
  return `${flaw} at ${(atMs / 1_000).toFixed(3)} s: ${text}\n   faults: ${faults}`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}
