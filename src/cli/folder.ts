import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliError, EXIT } from './error.ts';

/** Makes a folder and the folders that lead to it. Throws CliError with a remedy if that is not possible. */
export function makeFolder(dir: string, mode: number, remedy: string): void {
  try {
    make(dir, mode);
  } catch (error) {
    throw new CliError(EXIT.CANNOT_CREATE, `${dir}: cannot be created (${(error as Error).message}); ${remedy}`);
  }
}

/** One folder after the other: mkdirSync with `recursive` never returns in /proc. */
function make(dir: string, mode: number): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(dir) !== dir) make(dirname(dir), mode);
  mkdirSync(dir, { mode });
}
