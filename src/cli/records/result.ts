import type { Put } from '../../store/driver/embedded/writer.ts';

/** What became of a record. */
export type Result = 'added' | 'changed' | 'unchanged' | 'removed' | 'absent';

export function resultOf(put: Put): Result {
  return put === 'same' ? 'unchanged' : put;
}

/** Prints an object a line, for programs: {"name":"fred@example.org","result":"added"}. */
export function printResults(results: readonly (readonly [name: string, result: Result])[]): void {
  process.stdout.write(results.map(([name, result]) => `${JSON.stringify({ name, result })}\n`).join(''));
}
