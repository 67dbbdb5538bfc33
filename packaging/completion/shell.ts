import type { Row } from './table.ts';

/** A command that prints the names of the maps or stores in the configuration in force. `which` is a variable of the shell. */
export function namesOf(which: string): string {
  return String.raw`smmap config 2> /dev/null | sed -n 's/^\['${which}'\.\([A-Za-z0-9_-]*\)\]$/\1/p'`;
}

/** The commands as patterns of case. */
export function pathsOf(rows: readonly Row[]): string {
  return rows.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join(' | ');
}
