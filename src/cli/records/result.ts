import type { Put } from '../../store/driver/embedded/writer.ts';
import { print } from './print.ts';

/** What became of a record. */
export type Result = 'added' | 'changed' | 'unchanged' | 'removed' | 'absent';

export function resultOf(put: Put): Result {
  return put === 'same' ? 'unchanged' : put;
}

/**
 * Prints what became of each record. For people `added fred@example.org`; a warning has named those that are absent. With
 * `json` an object a line, for programs: {"name":"fred@example.org","result":"added"}.
 */
export async function printResults(
  results: readonly (readonly [name: string, result: Result])[],
  json: boolean,
): Promise<void> {
  const shown = json ? results : results.filter(([, result]) => result !== 'absent');
  await print(shown.map(([name, result]) => (json ? JSON.stringify({ name, result }) : `${result} ${name}`)));
}
