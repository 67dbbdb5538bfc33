import { printable } from '../../observe/printable.ts';
import type { StoredRecord } from '../../record/record.ts';
import type { Records } from '../../store/driver/embedded/records.ts';
import { CliError, EXIT } from '../error.ts';
import { warn } from '../warn.ts';
import { withRecords } from './access.ts';
import type { ListWriter } from './format.ts';
import { KINDS, type Scope, withinOf } from './kind.ts';
import { missingTable } from './named.ts';
import { writeOutput } from './output.ts';
import { print } from './print.ts';

/** Where an export goes. */
export interface ExportRules {
  /** Null: standard output. */
  readonly output: string | null;
  /** Whether it is right if the list is without the records that the format cannot express. */
  readonly partial: boolean;
}

/**
 * Writes all records of a scope as a list. A record that the format cannot express becomes a comment, so that it does not stop
 * all later exports, and a warning. Resolves to 65 if there is one, unless `partial`. Throws CliError if the list cannot be
 * written, or if the store fails.
 */
export function exportAll(
  scope: Scope,
  writer: ListWriter,
  { output, partial }: ExportRules,
  dir: string,
): Promise<number> {
  return withRecords(dir, 'read', async (store) => {
    if (scope.kind === 'table' && !store.hasTable(scope.table)) {
      throw new CliError(EXIT.DATA, missingTable(scope.table, store));
    }
    let missing = 0;
    function* lines(): Generator<string> {
      for (const record of recordsOf(store, scope, writer)) {
        const line = writer.line(record);
        if (line === null) continue;
        if (typeof line === 'string') {
          yield line;
          continue;
        }
        missing++;
        warn(line.flaw);
        yield commentOn(line.flaw);
      }
    }
    const ordered = writer.sort === null ? lines() : writer.sort([...lines()]);
    if (output === null) await print(ordered);
    else writeOutput(output, ordered);
    if (missing === 0 || partial) return 0;
    const list = output ?? 'the list';
    warn(
      `${list}: is without the ${missing} records above, which the format cannot express; with --partial, the exit code is 0`,
    );
    return EXIT.DATA;
  });
}

/** Characters; ZMailer does not read past 8,000 bytes. */
const LONGEST_COMMENT = 1_000;

/** A comment of every format, in one line. In a sorted list its key is `#`. */
function commentOn(flaw: string): string {
  return `# left out: ${printable(flaw).slice(0, LONGEST_COMMENT)}`;
}

/** Alias domains come first, as in the examples of Postfix. A domain with a mailbox is not one: its mail would be refused. */
function* recordsOf(store: Records, scope: Scope, writer: ListWriter): Generator<StoredRecord> {
  if (writer.aliasDomains) {
    for (const domain of store.domains()) if (domain.class === 'alias') yield domain;
  }
  yield* store.all(KINDS[scope.kind].about, withinOf(scope));
}
