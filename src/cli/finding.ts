import { EXIT } from './error.ts';
import { warn } from './warn.ts';

/** What `smmap check` or `smmap doctor` found wrong: where, why, and what mends it. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** A key of the configuration, a map, a store, or a mail server. */
  readonly where: string;
  /** The line of the file that has it, if it is certain. */
  readonly line?: number | null;
  readonly reason: string;
  readonly remedy: string;
  /** Commands or lines to copy, after the remedy. */
  readonly commands?: readonly string[];
  /** The exit code of the command because of this finding. 0 for a warning. */
  readonly exitCode: number;
}

type Told = Omit<Finding, 'severity' | 'exitCode'>;

export function warning(told: Told): Finding {
  return { severity: 'warning', ...told, exitCode: 0 };
}

export function mistake(exitCode: number, told: Told): Finding {
  return { severity: 'error', ...told, exitCode };
}

/** From the best to the worst: a store that may come back by itself, data to correct, a configuration to correct. */
const RANKS: readonly number[] = [0, EXIT.UNAVAILABLE, EXIT.DATA, EXIT.CONFIG];

/** The exit code of a command with these findings: the worst one. */
export function exitCodeOf(findings: readonly Finding[]): number {
  return findings.reduce(
    (worst, { exitCode }) => (RANKS.indexOf(exitCode) > RANKS.indexOf(worst) ? exitCode : worst),
    0,
  );
}

/**
 * Prints findings on standard error, each after the name of the file if there is one, or with `json` on standard output, an object a line. The last line is the summary: with
 * `json` an object with these facts, otherwise `clean`, if nothing is wrong.
 */
export function printFindings(
  findings: readonly Finding[],
  { json, before, clean, facts }: { json: boolean; before: string | null; clean: string; facts: object },
): void {
  if (json) {
    for (const finding of findings) process.stdout.write(`${JSON.stringify(finding)}\n`);
    const count = (severity: Finding['severity']) => findings.filter((each) => each.severity === severity).length;
    const counts = { errors: count('error'), warnings: count('warning') };
    process.stdout.write(`${JSON.stringify({ summary: true, ...facts, ...counts, exitCode: exitCodeOf(findings) })}\n`);
    return;
  }
  for (const { where, line = null, reason, remedy, commands = [] } of findings) {
    const place = before === null ? '' : `${line === null ? before : `${before}:${line}`}: `;
    warn(`${place}${where}: ${reason}; ${remedy}${commands.length > 0 ? ':' : ''}`);
    for (const command of commands) process.stderr.write(`    ${command}\n`);
  }
  if (exitCodeOf(findings) === 0) process.stdout.write(`${clean}\n`);
}
