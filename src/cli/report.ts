import { ConfigError } from '../config/config.ts';
import { EndpointError } from '../endpoint.ts';
import { isJournal, withPriority } from '../observe/journal.ts';
import { printable } from '../observe/printable.ts';
import { cannotLoad, compiledPartOf, isAbsent } from '../store/install.ts';
import { MissingPackageError, StoreError } from '../store/store.ts';
import { CliError, EXIT } from './error.ts';

/** Prints an error, and returns its exit code. */
export function report(error: unknown): number {
  if (error instanceof CliError) return say(error.message, error.exitCode);
  if (error instanceof ConfigError || error instanceof MissingPackageError) return say(error.message, EXIT.CONFIG);
  if (error instanceof Error && (isAbsent('lmdb', error) || compiledPartOf(error) !== null)) {
    return say(cannotLoad('lmdb', error).message, EXIT.CONFIG); // a command that edits the embedded store
  }
  if (error instanceof StoreError) return say(error.message, EXIT.IO);
  if (error instanceof EndpointError) return say(error.message, EXIT.USAGE);
  return say(`a bug in smmap, please report it: ${error instanceof Error ? error.stack : String(error)}`, EXIT.BUG);
}

/** Lines that start with four blanks are to be copied, and get no prefix. A message may quote a file, or another program. */
function say(message: string, exitCode: number): number {
  const journal = isJournal(process.env, process.stderr.fd);
  for (const each of printable(message, true).split('\n')) {
    const line = each.startsWith('    ') ? each : `smmap: ${each}`;
    process.stderr.write(`${journal ? withPriority('error', line) : line}\n`);
  }
  return exitCode;
}
